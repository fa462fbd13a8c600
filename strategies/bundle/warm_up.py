"""Warm-up, the decision state before the first decision: the last closes scored from nothing.

Live start, hot swap, backtest and replay all begin with this one function, so none of them remembers what another
does not. A hot swap scores most of the closes beforehand, on a copy of the candles, and only the newest at the swap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.bundle.ensemble import smooth
from strategies.features.blocks import block_slices
from strategies.kernel.state import MEMORY
from strategies.market import OPEN_MS, CandleArray, Market, Timeframe

WARM_UP_DECISIONS: Final = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCloses:
    """The newest closes of one market, scored by one bundle.

    Attributes:
        open_ms: (n,) int64 ascending opens of the candles.
        blended, joined: (n,) float64, as in `Inputs`.
    """

    open_ms: np.ndarray
    blended: np.ndarray
    joined: np.ndarray


NOTHING_SCORED: Final = ScoredCloses(open_ms=np.zeros(0, np.int64), blended=np.zeros(0), joined=np.zeros(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """A bundle that is about to decide, with the closes it has scored so far, per market of the account."""

    bundle: Bundle
    scored: tuple[ScoredCloses, ...]


def prepare_swap(
    bundle: Bundle, markets: Sequence[Market], candles: Sequence[CandleArray], timeframe: Timeframe
) -> WarmUp:
    """Score the newest closes of every market, for a swap that comes later.

    Args:
        bundle: verified.
        markets: the account's, in their order.
        candles: per market (n, 6) closed decision candles; a copy, where this runs beside the trader.
        timeframe: of the candles.
    """
    pairs = zip(markets, candles, strict=True)
    scored = tuple(score_closes(bundle, part, timeframe, market.symbol) for market, part in pairs)
    return WarmUp(bundle=bundle, scored=scored)


def warm_memory(
    bundle: Bundle,
    candles: CandleArray,
    timeframe: Timeframe,
    symbol: str,
    alpha: float,
    scored: ScoredCloses = NOTHING_SCORED,
) -> np.ndarray:
    """Return the (1,) MEMORY record after the last `WARM_UP_DECISIONS` closes of `candles`, smoothed from zero.

    Args:
        bundle: scores the closes.
        candles: (n, 6) float64 closed decision candles, ascending, with the warm-up of their blocks before them.
        timeframe: of the candles.
        symbol: canonical symbol, for predictors that know markets.
        alpha: smoothing factor, 2 / (span + 1).
        scored: closes scored before, by the same bundle on the same market; the record is the same with or without.
    """
    memory = np.zeros(1, MEMORY)
    for score in score_closes(bundle, candles, timeframe, symbol, scored).blended:
        smooth(memory, np.array([score]), alpha)
    return memory


def score_closes(
    bundle: Bundle, candles: CandleArray, timeframe: Timeframe, symbol: str, scored: ScoredCloses = NOTHING_SCORED
) -> ScoredCloses:
    """Return the scores of the last `WARM_UP_DECISIONS` closes; those in `scored` are not computed again."""
    if not len(candles):
        return NOTHING_SCORED
    end_ms = int(candles[-1, OPEN_MS]) + timeframe.ms
    start_ms = end_ms - WARM_UP_DECISIONS * timeframe.ms
    known = (scored.open_ms >= start_ms) & (scored.open_ms < end_ms)
    since_ms = int(scored.open_ms[known][-1]) + timeframe.ms if known.any() else start_ms
    slices = block_slices(candles, timeframe, since_ms, end_ms)
    inputs = bundle.decision_inputs([bundle.prepare(anchored, symbol) for anchored in slices])
    opens = [anchored.candles[anchored.first :, OPEN_MS].astype(np.int64) for anchored in slices]
    return ScoredCloses(
        open_ms=np.concatenate([scored.open_ms[known], *opens]),
        blended=np.concatenate([scored.blended[known], *(part.blended for part in inputs)]),
        joined=np.concatenate([scored.joined[known], *(part.joined for part in inputs)]),
    )


def conviction_of(bundle: Bundle, scored: ScoredCloses) -> float:
    """Return the conviction after the last scored close, smoothed from zero; NaN where nothing was scored."""
    if not len(scored.blended):
        return float("nan")
    memory = np.zeros(1, MEMORY)
    alpha = 2.0 / (bundle.manifest.smoothing_span + 1)
    for score in scored.blended:
        smooth(memory, np.array([score]), alpha)
    return float(bundle.conviction(memory["smoothed"], scored.joined[-1:])[0])
