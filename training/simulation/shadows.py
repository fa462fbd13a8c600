"""The harm stop in a simulation: who is watched beside the champion, and the close at which it is proven wrong.

The same evidence, roles and rules as live (`strategies/oversight/e_process.py`,
`strategies/oversight/shadow_rules.py`): the predecessor and the forecast of nothing expect, outcomes mature, likelihood
ratios move, and at the close where one passes its threshold the champion is rolled back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.kernel.settings import TradingSettings
from strategies.market import DAY_MS, HOUR_MS
from strategies.oversight.e_process import EProcess, realized_return
from strategies.oversight.shadow_rules import Role, Step, judge, limit_d
from training.backtest.decision_path import DecisionPath, decision_path
from training.backtest.run_candles import RunCandles


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """The champion is proven wrong: at which close, and in words."""

    ms: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """What two bundles expect of one market from a close on, scaled."""

    open_ms: int
    market: int
    sigma: float
    shadow_bundle: float
    champion: float


@dataclass(slots=True, kw_only=True)
class _Shadow:
    """One that is watched; `bundle` is None for the forecast of nothing."""

    role: Role
    bundle: Bundle | None
    started_ms: int
    evidence: EProcess
    memory: np.ndarray | None = None
    waiting: deque[_Expected] = field(default_factory=deque)


@dataclass(slots=True, kw_only=True)
class SimulatedShadows:
    """Watches a champion through windows of a run.

    Attributes:
        candles: of the whole run; outcomes are read only once they have come.
        settings: of the account.
        threshold: likelihood ratio of the harm stop.
    """

    candles: RunCandles
    settings: TradingSettings
    threshold: float
    _champion: Bundle | None = None
    _running: list[_Shadow] = field(default_factory=list)

    def begin(self, champion: Bundle, predecessor: Bundle | None, at_ms: int) -> None:
        """Another bundle decides: watch the forecast of nothing and its predecessor beside it from here on."""
        self._champion = champion
        shadow_bundle: list[tuple[Role, Bundle | None]] = [("nothing", None)]
        shadow_bundle += [("predecessor", predecessor)] if predecessor is not None else []
        evidence = EProcess.begin(len(self.candles.markets), champion.manifest.horizon_bars)
        self._running = [
            _Shadow(role=role, bundle=bundle, started_ms=at_ms, evidence=evidence) for role, bundle in shadow_bundle
        ]

    def end(self) -> None:
        """A fallback strategy decides: nobody has to be proven wrong."""
        self._champion, self._running = None, []

    def harm(self, path: DecisionPath, window: RunCandles) -> Harm | None:
        """Watch a window close by close; return the first at which the champion is proven wrong.

        Args:
            path: of the champion over the window.
            window: its candles.
        """
        found = [self._watch(shadow, path, window) for shadow in list(self._running)]
        return min((harm for harm in found if harm is not None), key=lambda harm: harm.ms, default=None)

    def _watch(self, shadow: _Shadow, path: DecisionPath, window: RunCandles) -> Harm | None:
        conviction = self._convictions(shadow, path, window)
        for row, ms in enumerate(path.ms.tolist()):
            self._expect(shadow, path, conviction, row)
            self._settle(shadow, ms)
            step, sentence = self._judge(shadow, ms)
            if step is Step.ROLL_BACK:
                return Harm(ms=ms, sentence=f"{sentence}, by {'its predecessor' if shadow.bundle else 'nothing'}")
            if step is Step.END:
                self._running.remove(shadow)
                return None
        return None

    def _convictions(self, shadow: _Shadow, path: DecisionPath, window: RunCandles) -> np.ndarray:
        """Return what the watched bundle makes of every close, (d, M); 0 of the forecast of nothing."""
        if shadow.bundle is None:
            return np.zeros(path.conviction.shape)
        shadow_bundle = decision_path(shadow.bundle, window, self.settings, shadow.memory)
        shadow.memory = shadow_bundle.memory
        return shadow_bundle.conviction

    def _expect(self, shadow: _Shadow, path: DecisionPath, conviction: np.ndarray, row: int) -> None:
        """Note what both expect of every market that both have a conviction of."""
        ours, theirs, sigma = conviction[row], path.conviction[row], path.sigma[row]
        for market in np.flatnonzero(np.isfinite(ours) & np.isfinite(theirs) & np.isfinite(sigma)).tolist():
            expected = _Expected(
                open_ms=int(path.ms[row]) - self.candles.timeframe.ms,
                market=market,
                sigma=float(sigma[market]),
                shadow_bundle=_slope(shadow.bundle) * float(ours[market]),
                champion=_slope(self._champion) * float(theirs[market]),
            )
            shadow.waiting.append(expected)

    def _settle(self, shadow: _Shadow, ms: int) -> None:
        """Settle what has come by a close, oldest first."""
        timeframe, horizon = self.candles.timeframe, shadow.evidence.logs.shape[1]
        lasts_ms = (2 + horizon) * timeframe.ms  # from a candle's open to the close of the one that settles it
        while shadow.waiting and shadow.waiting[0].open_ms + lasts_ms <= ms:
            part = shadow.waiting.popleft()
            candles = self.candles.decision_candles[part.market]
            came = realized_return(candles, part.open_ms, part.sigma, horizon, timeframe)
            if came is not None:
                bar = part.open_ms // timeframe.ms
                shadow.evidence = shadow.evidence.seen(part.market, bar, came, part.shadow_bundle, part.champion)

    def _judge(self, shadow: _Shadow, ms: int) -> tuple[Step, str]:
        bar_ms = self.candles.timeframe.ms
        age_d = (ms - bar_ms - shadow.started_ms) / DAY_MS
        return judge(shadow.role, shadow.evidence, self.threshold, age_d, limit_d(shadow.role), bar_ms / HOUR_MS)


def _slope(bundle: Bundle | None) -> float:
    return 0.0 if bundle is None else bundle.calibration.slope or 0.0
