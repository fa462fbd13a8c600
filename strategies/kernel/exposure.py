"""A one-market account that follows target exposures: what PPO lives in while it learns, and when it votes.

The training environment and the predictor call these very functions, so the policy meets in its vote the world it was
trained in; fills, fees, slippage, funding and sizes are the execution kernel's. Compiled leaves but for the makers of
records on top; knows nothing of networks or rewards.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

import numpy as np

from strategies.kernel.books import Books
from strategies.kernel.compiled import compiled, inlined
from strategies.kernel.execution import settle_bar
from strategies.kernel.protections import mark_account, place_order
from strategies.kernel.risk import daily_sigma, is_too_small, size
from strategies.kernel.settings import ProtectionSettings, TradingSettings
from strategies.kernel.state import Reason
from strategies.market import CLOSE, DAY_MS, OPEN, RATE_ONE, CandleArray, Market, Timeframe

EXPOSURES: Final = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of the full size, which the volatility target gives
ACCOUNT_COLUMNS: Final = 5  # what `observe` tells: exposure, unrealised result, bars held, drawdown, cost
DEPOSIT: Final = 10**12  # units; large against one lot, so that rounding does not matter
FACT_ROWS: Final = 32  # of the buffer `settle` writes into
_TICKS_DIGITS: Final = 7  # the first price of a grid is 10**7 to 10**8 ticks
_HELD_BARS: Final = 72.0  # scale of the bars held


def agent_settings(settings: TradingSettings, timeframe: Timeframe) -> TradingSettings:
    """Return what an agent's account trades by: the same costs, sizes by volatility, no locks to wait for."""
    return settings.model_copy(
        update={
            "decision": settings.decision.model_copy(update={"timeframe": timeframe}),
            "risk": settings.risk.model_copy(update={"sizing": "volatility"}),
            "protections": ProtectionSettings(daily_loss_stop=0.0, drawdown_stop=0.0),
        }
    )


def market_record(settings: TradingSettings) -> np.ndarray:
    """Return the (1,) MARKET record of an agent's account: costs as configured, on the grid of `grid_bars`."""
    unit = Decimal("0.0001")  # tick x lot is one unit of cash
    return settings.market_records([Market(exchange="grid", symbol="GRID", tick=unit, lot=unit)])


def grid_bars(candles: CandleArray) -> np.ndarray:
    """Return (n, 5) int64 bars on a made-up grid fixed by the first candle alone; volume is left out.

    A longer slice with the same anchor has the same bars, whatever its prices do later.
    """
    bars = np.zeros((len(candles), 5), np.int64)
    if len(candles):
        factor = 10.0 ** (_TICKS_DIGITS - math.floor(math.log10(candles[0, OPEN])))
        bars[:, :4] = np.maximum(np.rint(candles[:, OPEN : CLOSE + 1] * factor), 1.0)
    return bars


@compiled
def begin(books: Books, open_ms: int, price: int) -> None:
    """Make the account new and flat after the bar that opened at `open_ms` and closed at `price` ticks."""
    state, position = books.account[0], books.positions[0]
    state.cash = state.equity = state.peak_equity = state.day_equity = DEPOSIT
    state.day, state.last_ms = open_ms // DAY_MS, open_ms
    state.fees = state.funding = state.paused = state.day_locked = state.drawdown_locked = state.trades = 0
    position.lots = position.entry = position.cost = position.opened_ms = position.decision_ms = position.trade = 0
    position.stop = position.take = position.trail_e8 = position.best = position.liquidation = 0
    position.cash_flow = position.fees = position.funding = 0
    position.long_blocked_until_ms = position.short_blocked_until_ms = position.cooldown_until_ms = 0
    position.mark, position.last_ms = price, open_ms
    books.orders[0].active = 0


@compiled
def hold(books: Books, exposure: float, sigma: float, volatility: float, due_ms: int) -> None:
    """Order the lots of an exposure from the bar at `due_ms` on: |exposure| of the size that risk gives, no bracket."""
    target = 0
    if exposure != 0.0:
        mark = books.positions[0].mark
        full = size(books.account[0].equity, 1, books.rules, books.markets[0], mark, exposure, sigma, volatility, 0.0)
        target = math.floor(abs(exposure) * full)
        if is_too_small(target, books.markets[0], mark):
            target = 0
        if exposure < 0.0:
            target = -target
    place_order(books.orders, 0, target, due_ms, due_ms, Reason.SIGNAL.value, 0, 0, 0)


@inlined
def settle(books: Books, open_ms: int, bar: np.ndarray, funding_e8: int) -> int:
    """Settle one bar and mark; return how many facts it wrote. `facts` has at least `FACT_ROWS` rows."""
    count = settle_bar(books, 0, open_ms, bar, funding_e8, 0)
    return mark_account(books, open_ms, count)


@inlined
def observe(books: Books, exposure: float, bars_held: int, sigma: float, columns: np.ndarray, first: int) -> None:
    """Write the `ACCOUNT_COLUMNS` that tell how the account stands, from column `first` on; all about -3..3.

    Args:
        exposure: held or ordered, as the policy sees it (its sign flips in a mirrored market, the other columns'
            does not).
        bars_held: since the exposure was chosen.
        sigma: per-bar deviation.
        columns: (D,) float32, written in place.
    """
    day = daily_sigma(books.rules, sigma)
    position, state = books.positions[0], books.account[0]
    result = 0.0
    if position.lots != 0:
        side = 1.0 if position.lots > 0 else -1.0
        result = side * (position.mark - position.entry) / position.entry / day
    columns[first] = exposure
    columns[first + 1] = min(max(result, -3.0), 3.0)
    columns[first + 2] = min(bars_held / _HELD_BARS, 3.0)
    columns[first + 3] = min(10.0 * (state.peak_equity - state.equity) / state.peak_equity, 3.0)
    cost = 2.0 * (books.markets[0].fee_e8 + books.markets[0].slippage_e8) / RATE_ONE
    columns[first + 4] = min(cost / day, 3.0)
