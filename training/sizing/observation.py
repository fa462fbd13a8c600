"""What an agent sees at a midnight: facts without a scale, all known by then, none that names a day or a coin.

Half of them are of the account, half of the market: how far the scores lean, how they differ, how the coins move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from strategies.market import RATE_ONE
from training.sizing.account import Book, BookAccount
from training.sizing.levels import SHAPE

OF_MARKET: Final = ("conviction", "lean", "dispersion", "together", "volatility", "cost")
OF_ACCOUNT: Final = (
    "swing",  # of the daily returns of four weeks, in targets, less one
    "drawdown",
    "week",  # its return, in target deviations
    "month",
    "exposure",
    "net",
    "held",  # share of the members
    "turnover",  # a day's, over a week
    "age",
    *("last_gross", "last_band", "last_exit"),
)
OBSERVED: Final = (*OF_MARKET, *OF_ACCOUNT)
BOUND: Final = 4.0
WEEK_D: Final = 7
MONTH_D: Final = 28
SEASON_D: Final = 60
_PRIOR_D: Final = 5  # days at the target's swing, before there are returns
_YEAR_D: Final = 365.0


def daily_target(book: Book) -> float:
    """Return the deviation of a day's return that the account aims at."""
    risk = book.settings.risk
    return (risk.account_volatility or risk.target_volatility) / math.sqrt(_YEAR_D)


def market_facts(book: Book) -> np.ndarray:
    """Return (D, k) float64 `OF_MARKET` before each day, of the decision at the midnight that begins it, or earlier."""
    path, days = book.path, book.days
    found = np.zeros((days, len(OF_MARKET)))
    rows = path.rows[book.borders[1:-1] - 1]  # (D - 1,)
    belongs = book.roster().is_member([market.symbol for market in book.candles.markets], path.ms[rows])
    for day, (row, member) in enumerate(zip(rows, belongs, strict=True), start=1):
        found[day] = _facts_at(book, int(row), member)
    level = np.where(found[:, 4] > 0.0, np.log(np.maximum(found[:, 4], 1e-9)), 0.0)
    for day in range(days):
        known = level[max(1, day - SEASON_D) : day + 1]
        found[day, 4] = 4.0 * (level[day] - known.mean()) if day and found[day, 4] > 0.0 else 0.0
    return found


def _facts_at(book: Book, row: int, member: np.ndarray) -> tuple[float, ...]:
    path = book.path
    conviction = path.conviction[row][member & np.isfinite(path.conviction[row])]
    volatility = path.volatility[row][member & np.isfinite(path.volatility[row])]
    if not len(conviction) or not len(volatility):
        return (0.0,) * len(OF_MARKET)
    bps = book.settings.execution.fee_bps + book.settings.execution.slippage_bps
    rate = 1e-4 * bps if book.records is None else _mean_rate(book.records, member)
    swing = float(volatility.mean())
    return (
        float(np.abs(conviction).mean()),
        float(conviction.mean()),
        float(conviction.std()),
        2.0 * float(path.book[row]),
        swing,
        20.0 * 2.0 * rate / (swing / math.sqrt(_YEAR_D)),
    )


def _mean_rate(records: np.ndarray, member: np.ndarray) -> float:
    return float((records["fee_e8"] + records["slippage_e8"])[member].mean()) / RATE_ONE


def observe(account: BookAccount, market: np.ndarray, last: Sequence[int] | np.ndarray, lived: int) -> np.ndarray:
    """Return the (k,) float32 `OBSERVED` before the account's next day.

    Args:
        account: that lives.
        market: (D, k) of `market_facts`.
        last: (3,) levels of the last choice.
        lived: days since the agent took over.
    """
    own = np.concatenate([_account_facts(account, lived), np.array(last) / np.maximum(np.array(SHAPE) - 1, 1)])
    seen = np.concatenate([market[min(account.day, len(market) - 1)], own])
    bounded: np.ndarray = np.clip(np.nan_to_num(seen), -BOUND, BOUND).astype(np.float32)
    return bounded


def _account_facts(account: BookAccount, lived: int) -> np.ndarray:
    state, day, target = account.state, account.day, daily_target(account.book)
    record, positions = state.account[0], state.positions
    returns = account.returns[max(0, day - MONTH_D) : day]
    swing = math.sqrt((float(returns @ returns) + _PRIOR_D * target**2) / (len(returns) + _PRIOR_D))
    equity, peak = max(int(record["equity"]), 1), max(int(record["peak_equity"]), 1)
    net = float(np.sum(positions["lots"] * positions["mark"] * account.book.unit_values)) / equity
    return np.array(
        [
            swing / target - 1.0,
            10.0 * (peak - equity) / peak,
            float(returns[-WEEK_D:].sum()) / (target * math.sqrt(WEEK_D)),
            float(returns.sum()) / (target * math.sqrt(MONTH_D)),
            account.exposure,
            net,
            np.count_nonzero(positions["lots"]) / account.members,
            4.0 * float(account.turnovers[max(0, day - WEEK_D) : day].mean()) if day else 0.0,
            min(lived / SEASON_D, 1.0),
        ]
    )
