"""Win table: what trades on out-of-fold convictions came to, through the live kernel, at the configured thresholds.

Prices are put on a fine made-up grid, since training knows candles but no exchange's tick. Funding is left out:
what is counted is how often such trades closed net positive, how much they won and lost, and how long they lasted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from strategies.bundle.manifest import SideWins
from strategies.kernel import loop
from strategies.kernel.account import AccountState
from strategies.kernel.books import Bars, Scores
from strategies.kernel.loop import RunResult
from strategies.kernel.round_trips import RoundTrip, round_trips
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import NO_RATE
from strategies.market import UNITS_PER_QUOTE, Market, Timeframe
from training.data.dataset import Dataset
from training.data.market_scores import Convictions, MarketScores


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedPast:
    """What an account would have done on out-of-fold convictions: the kernel's run over (n,) closes."""

    open_ms: np.ndarray
    markets: tuple[Market, ...]
    run: RunResult

    @property
    def trades(self) -> list[RoundTrip]:
        """Its closed trades."""
        trades = round_trips(self.run.facts, self.markets, self.run.state.positions["mark"])
        return [trade for trade in trades if trade.is_closed]


def simulate(dataset: Dataset, parts: Sequence[Convictions], settings: TradingSettings) -> TradedPast:
    """Trade out-of-fold convictions in one account over all markets of the dataset."""
    timeframe = dataset.timeframe
    symbols = sorted({part.run.symbol for part in parts}, key=dataset.symbols.index)
    grid = np.arange(
        min(int(part.run.open_ms[0]) for part in parts),
        max(int(part.run.open_ms[-1]) for part in parts) + timeframe.ms,
        timeframe.ms,
    )
    markets = [_market(dataset, symbol) for symbol in symbols]
    bars = np.zeros((len(grid), len(symbols), 5), np.int64)
    present = np.zeros((len(grid), len(symbols)), bool)
    inputs = np.full((4, len(grid), len(symbols)), np.nan)  # conviction, expected return, sigma, volatility
    agreement = np.zeros(present.shape)
    for part in parts:
        column = symbols.index(part.run.symbol)
        rows = (part.run.open_ms - grid[0]) // timeframe.ms
        bars[rows, column] = markets[column].bars(_candles(dataset, part.run))
        present[rows, column] = True
        inputs[:, rows, column] = part.conviction, part.expected_return, part.run.sigma, part.run.volatility
        agreement[rows, column] = part.agreement
    conviction, expected_return, sigma, volatility = inputs
    deposit = round(settings.execution.initial_capital * UNITS_PER_QUOTE)
    result = loop.run(
        AccountState.begin(markets=len(markets), deposit=deposit, start_ms=int(grid[0])),
        settings.market_records(markets),
        settings.rules(timeframe.ms),
        bars=Bars(grid, bars, present, np.full(present.shape, NO_RATE, np.int64), np.arange(len(grid))),
        scores=Scores(conviction, expected_return, sigma, volatility, agreement, ~np.isfinite(conviction)),
        bar_ms=timeframe.ms,
    )
    return TradedPast(open_ms=grid, markets=tuple(markets), run=result)


def win_table(trades: Sequence[RoundTrip]) -> dict[str, SideWins]:
    """Return per side, "LONG" and "SHORT", how its trades closed; a side without trades is left out."""
    table = {}
    for name, side in (("LONG", 1), ("SHORT", -1)):
        chosen = [trade for trade in trades if trade.side == side]
        if not chosen:
            continue
        returns = np.array([trade.net_return for trade in chosen])
        wins, losses = returns[returns > 0], returns[returns <= 0]
        table[name] = SideWins(
            trades=len(returns),
            win_rate=round(len(wins) / len(returns), 6),
            average_win=round(float(wins.mean()), 8) if len(wins) else 0.0,
            average_loss=round(float(losses.mean()), 8) if len(losses) else 0.0,
            average_hold_h=round(float(np.mean([trade.duration_h for trade in chosen])), 3),
        )
    return table


def without_protections(settings: TradingSettings, timeframe: Timeframe) -> TradingSettings:
    """Return the settings with account locks off: they would end the count, and need a person to lift them."""
    protections = settings.protections.model_copy(update={"daily_loss_stop": 0.0, "drawdown_stop": 0.0})
    decision = settings.decision.model_copy(update={"timeframe": timeframe})
    return settings.model_copy(update={"protections": protections, "decision": decision})


def _candles(dataset: Dataset, run: MarketScores) -> np.ndarray:
    for segment in dataset.segments:
        if segment.symbol == run.symbol and segment.candles[0, 0] <= run.open_ms[0] <= segment.candles[-1, 0]:
            row = int(np.searchsorted(segment.candles[:, 0], run.open_ms[0]))
            return segment.candles[row : row + len(run.open_ms)]
    raise AssertionError(f"{run.symbol}: scores at {run.open_ms[0]} come from no segment")


def _market(dataset: Dataset, symbol: str) -> Market:
    """Return a market whose tick is a hundred-thousandth of the price's magnitude and whose lot is worth about
    0.001.
    """
    lowest = min(float(s.candles[:, 3].min()) for s in dataset.segments if s.symbol == symbol)
    magnitude = math.floor(math.log10(lowest))
    return Market(
        exchange=dataset.exchange,
        symbol=symbol,
        tick=Decimal(1).scaleb(magnitude - 5),
        lot=Decimal(1).scaleb(-magnitude - 3),
    )
