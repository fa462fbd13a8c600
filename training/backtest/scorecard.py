"""Scorecard of a backtest: figures, baselines beside them, costs, significance, a verdict.

The one value that the terminal, the JSON output and the HTML report are all made of; `scoring.py` fills it in.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from strategies.values import finite
from training.evidence.performance import CurveFigures, TradeFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What trading cost, quote currency; funding < 0 was received. Rates are those of the run."""

    fee_bps: float
    slippage_bps: float
    fees: float
    slippage: float
    funding: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """How much was held and moved."""

    exposure: float  # mean gross notional / equity over all bars
    time_in_market: float  # share of bars with a position
    turnover: float  # traded notional / equity at the time, a year


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """What is held when the run ends; nothing is closed for it."""

    symbol: str
    side: str  # LONG or SHORT
    quantity: float
    entry: float
    opened_ms: int
    unrealised: float  # profit after fees and funding so far, quote currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """How sure the Sharpe ratio is. See `training/evidence/significance.py`; NaN where there is too little to say."""

    probabilistic_sharpe: float  # probability that the true Sharpe is above zero
    sharpe_low: float  # 95 % stationary bootstrap interval, annual
    sharpe_high: float
    record_years: float  # minimum track record against zero at 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFigures:
    """A baseline over the same bars, and how the run's daily returns correlate with it."""

    name: str
    figures: CurveFigures
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The result of one backtest in figures and words. Fractions, quote currency, UTC ms."""

    verdict: str
    notes: tuple[str, ...]  # what else must be known to read the figures
    is_in_sample: bool
    model: str
    exchange: str
    symbols: tuple[str, ...]
    timeframe: str
    execution_timeframe: str
    start_ms: int
    end_ms: int
    initial_capital: float
    final_equity: float
    figures: CurveFigures
    trades: TradeFigures
    long: TradeFigures
    short: TradeFigures
    markets: dict[str, TradeFigures]
    open_trades: int
    open_positions: tuple[OpenPosition, ...]  # held at the end, at the last mark
    refusals: tuple[tuple[str, int], ...]  # why no entry was made, by the kernel's names, the most frequent first
    costs: Costs
    activity: Activity
    ic_conviction: float  # Pearson correlation of the conviction with the volatility-scaled forward return
    ic_score: float  # of the blended score before smoothing
    significance: Significance
    baselines: tuple[BaselineFigures, ...]
    monthly: tuple[tuple[str, float], ...]

    def document(self) -> dict[str, Any]:
        """Return plain JSON types; what is undefined or infinite is null."""
        shown = plain(asdict(self))
        assert isinstance(shown, dict)
        return shown


def plain(value: object) -> object:
    """Return a value of dataclasses already unfolded as plain JSON types; NaN and infinity become null."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return finite(value)
    return value
