"""Shadow bundle: a close that was decided, and a bundle that takes the same decision beside: what shadowing is made of.

Copies of what the trader saw, so that scoring can happen in a thread. Decides nothing and remembers nothing but scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.trading.snapshot import Snapshot
from strategies.bundle.bundle import Bundle
from strategies.bundle.warm_up import NOTHING_SCORED, ScoredCloses, conviction_of, score_closes
from strategies.market import MINUTE_MS, CandleArray, Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One market at a close: its newest candles and what the champion made of them."""

    market: int
    symbol: str
    candles: CandleArray
    sigma: float
    conviction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """A decision that was taken, with all that a watched bundle needs to take its own.

    Attributes:
        champion_id: who took it, a fallback strategy's id while the champion is on the bench.
    """

    open_ms: int
    champion_id: str
    seen: tuple[Seen, ...]


class ShadowBundle:
    """A loaded bundle with the closes it has scored; the forecast of nothing has no bundle."""

    def __init__(self, bundle: Bundle | None, scored: Sequence[ScoredCloses], slope: float) -> None:
        self._bundle = bundle
        self._scored = dict(enumerate(scored))
        self._slope = slope

    def expect(self, close: Close) -> list[float]:
        """Return the expected scaled return of every market that was seen."""
        return [self._expected(seen) for seen in close.seen]

    def _expected(self, seen: Seen) -> float:
        if self._bundle is None:
            return 0.0
        before = self._scored.get(seen.market, NOTHING_SCORED)
        scored = score_closes(self._bundle, seen.candles, self._bundle.manifest.timeframe, seen.symbol, before)
        self._scored[seen.market] = scored
        return self._slope * conviction_of(self._bundle, scored)


def close_of(snapshot: Snapshot, timeframe: Timeframe) -> Close | None:
    """Return the decision that a snapshot's minute took, its candles copied; None where it took none."""
    decided_ms = snapshot.minute_ms + MINUTE_MS
    seen = [
        Seen(
            market=view.index,
            symbol=view.symbol,
            candles=part.candles.copy(),
            sigma=float(part.sigma[-1]),
            conviction=float("nan") if view.conviction is None else view.conviction,
        )
        for view in snapshot.markets
        if view.decided_ms == decided_ms and (part := snapshot.prepared[view.index]) is not None
    ]
    if not seen:
        return None
    return Close(open_ms=decided_ms - timeframe.ms, champion_id=snapshot.bundle_id, seen=tuple(seen))
