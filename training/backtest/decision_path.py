"""Every decision's inputs over a run, in batch: the numbers the live engine has at each close, to the last bit.

Blocks are scored whole, then smoothed close by close with the engine's own function from the warm-up that a live
start makes. A market whose candle or last bar is missing at a close has no conviction there, as in the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.bundle.ensemble import smooth
from strategies.bundle.warm_up import warm_memory
from strategies.features.blocks import block_slices
from strategies.kernel.books import Scores
from strategies.kernel.compiled import compiled
from strategies.kernel.momentum import strengths_of_run
from strategies.kernel.portfolio import book_deviations, book_factor
from strategies.kernel.settings import RiskSettings, TradingSettings
from strategies.kernel.state import MEMORY
from strategies.market import OPEN_MS, Timeframe
from training.backtest.run_candles import RunCandles

Reset = tuple[int, int, np.void]  # decision, market, MEMORY


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPath:
    """Inputs of the d decisions of a run over M markets; all (d, M) float64 unless said otherwise, NaN: not ready.

    Attributes:
        ms: (d,) int64: closes of the decision candles.
        ready: (d, M) bool: the candle and its last bar were there.
        rows: (n,) int64: per execution bar the decision its close completes, or -1.
        blended: the mean standardised score before smoothing.
        conviction: smoothed, in unit out-of-sample deviations.
        expected_return: shrunk, over the horizon, fraction.
        sigma: deviation of a decision candle's log return.
        volatility: annual.
        agreement: of PPO with the side, -1..1; 0 where absent.
        strength: momentum of the market over four weeks, in deviations, as of the last Monday.
        votes: (d, M, K) float64, in the bundle's order of families.
        hold_bars: decision candles that expected returns speak of; of the first bundle, where several decided.
        book: (d,) float64, how an equal-risk book of all markets swings, as a share of a single market.
        memory: (M,) MEMORY after the last decision.
    """

    ms: np.ndarray
    ready: np.ndarray
    rows: np.ndarray
    blended: np.ndarray
    conviction: np.ndarray
    expected_return: np.ndarray
    sigma: np.ndarray
    volatility: np.ndarray
    agreement: np.ndarray
    strength: np.ndarray
    votes: np.ndarray
    memory: np.ndarray
    book: np.ndarray
    hold_bars: int

    def rules(self, settings: TradingSettings, bar_ms: int) -> np.ndarray:
        """Return the (1,) RULES of a run on this path."""
        rules = settings.rules(bar_ms)
        rules["horizon_bars"] = self.hold_bars
        return rules

    def scores(self, risk: RiskSettings) -> Scores:
        """Return what the kernel is told at every decision, (d, M) each."""
        return Scores(
            conviction=self.conviction,
            expected_return=self.expected_return,
            sigma=self.sigma,
            volatility=self.sizing_volatility(risk),
            agreement=self.agreement,
            strength=self.strength,
            not_ready=~self.ready,
        )

    def sizing_volatility(self, risk: RiskSettings) -> np.ndarray:
        """Return (d, M): the volatility that sizes are divided by, as the engine has it at each decision."""
        factor = book_factor(risk)
        return self.volatility * (factor * self.book)[:, None] if factor else self.volatility


def decision_path(
    bundle: Bundle, candles: RunCandles, settings: TradingSettings, memory: np.ndarray | None = None
) -> DecisionPath:
    """Return the inputs of every decision of a run.

    Args:
        bundle: scores the closes.
        candles: of the run.
        settings: `decision.smoothing_span` is read.
        memory: (M,) MEMORY to go on from; None warms up as a live start does.
    """
    timeframe = candles.timeframe
    ms = np.arange(candles.start_ms + timeframe.ms, candles.end_ms + 1, timeframe.ms, dtype=np.int64)
    alpha = 2.0 / (settings.decision.smoothing_span + 1)
    return path_of_scores(
        bundle,
        candles,
        ms,
        scores_of(bundle, candles, ms),
        memory=_warmed(bundle, candles, alpha) if memory is None else memory.copy(),
        alpha=alpha,
        book=book_deviations(candles.decision_candles, ms, timeframe),
    )


def path_of_scores(
    bundle: Bundle,
    candles: RunCandles,
    ms: np.ndarray,
    scored: dict[str, np.ndarray],
    *,
    memory: np.ndarray,
    alpha: float,
    book: np.ndarray,
    resets: Sequence[Reset] = (),
) -> DecisionPath:
    """Return the path that scores become, smoothed close by close.

    Args:
        bundle: that scored.
        candles: of the run.
        ms: (d,) closes.
        scored: of `scores_of`.
        memory: (M,) MEMORY before the first; moved on in place.
        alpha: weight of the newest score.
        book: (d,) see `DecisionPath`.
        resets: where a market's memory begins anew before a decision, as when it joins.
    """
    smoothed, borders = (
        np.empty_like(scored["blended"]),
        sorted({0, len(ms), *(min(row, len(ms)) for row, _, _ in resets)}),
    )
    for low, high in pairwise(borders):
        for row, index, record in resets:
            if row == low:
                memory[index] = record
        _smooth_path(memory, scored["blended"][low:high], alpha, smoothed[low:high])
    conviction = np.where(scored["ready"], bundle.conviction(smoothed, scored["joined"]), np.nan)
    return DecisionPath(
        ms=ms,
        ready=scored["ready"],
        rows=decision_rows(candles.open_ms, candles.bar, candles.start_ms, candles.timeframe),
        blended=scored["blended"],
        conviction=conviction,
        expected_return=bundle.expected_return(conviction, scored["sigma"]),
        sigma=scored["sigma"],
        volatility=scored["volatility"],
        agreement=bundle.agreement(conviction, scored["joined"]),
        strength=strengths_of_run(candles.decision_candles, ms, candles.timeframe),
        votes=scored["votes"],
        memory=memory,
        book=book,
        hold_bars=bundle.hold_bars,
    )


def decision_rows(open_ms: np.ndarray, bar: Timeframe, start_ms: int, timeframe: Timeframe) -> np.ndarray:
    """Return per bar the number of the decision that its close completes, or -1."""
    closes = open_ms + bar.ms
    return np.where(closes % timeframe.ms == 0, (closes - start_ms) // timeframe.ms - 1, -1)


def _warmed(bundle: Bundle, candles: RunCandles, alpha: float) -> np.ndarray:
    records = [
        warm_memory(bundle, part[part[:, OPEN_MS] < candles.start_ms], candles.timeframe, market.symbol, alpha)
        for market, part in zip(candles.markets, candles.decision_candles, strict=True)
    ]
    return np.concatenate([np.zeros(0, MEMORY), *records])


def scores_of(bundle: Bundle, candles: RunCandles, ms: np.ndarray) -> dict[str, np.ndarray]:
    """Return blended, sigma, volatility, joined (d, M), votes (d, M, K) and ready (d, M) bool."""
    shape = (len(ms), len(candles.markets))
    scored = {name: np.full(shape, np.nan) for name in ("blended", "sigma", "volatility", "joined")}
    scored["votes"] = np.full((*shape, len(bundle.manifest.families)), np.nan)
    scored["ready"] = np.zeros(shape, bool)
    last_bar = (ms - candles.start_ms) // candles.bar.ms - 1
    for index, market in enumerate(candles.markets):
        series = candles.decision_candles[index]
        if not len(series):  # not listed yet, or no longer
            continue
        slices = block_slices(series, candles.timeframe, candles.start_ms, candles.end_ms)
        inputs = bundle.decision_inputs([bundle.prepare(anchored, market.symbol) for anchored in slices])
        for anchored, part in zip(slices, inputs, strict=True):
            closes = anchored.candles[anchored.first :, OPEN_MS].astype(np.int64) + candles.timeframe.ms
            rows = (closes - int(ms[0])) // candles.timeframe.ms
            is_ready = candles.present[last_bar[rows], index]
            chosen = rows[is_ready]
            scored["ready"][chosen, index] = True
            for name in ("blended", "sigma", "volatility", "joined", "votes"):
                scored[name][chosen, index] = getattr(part, name)[is_ready]
    return scored


@compiled
def _smooth_path(memory: np.ndarray, blended: np.ndarray, alpha: float, smoothed: np.ndarray) -> None:
    """Write the (d, M) smoothed scores after each close, moving `memory` on in place."""
    for row in range(len(blended)):
        smooth(memory, blended[row], alpha)
        for market in range(blended.shape[1]):
            smoothed[row, market] = memory[market].smoothed
