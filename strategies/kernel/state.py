"""The records an account is made of: what the kernel reads, keeps and emits, as numpy structured arrays.

These layouts ARE the schema: the tape stores `ACCOUNT`, `POSITION`, `ORDER` and `MEMORY` bytes, the ledger stores
`FACT` and `DECISION` rows. All money is int64 (ticks, lots, units of 1e-8 quote); floats are scores and never money.
A change of layout needs a new `LAYOUT` number and a migration.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

LAYOUT: Final = 1
NO_RATE: Final = -(2**62)  # "no funding settles at this bar"
MAX_VOTERS: Final = 6

# ---- given -----------------------------------------------------------------------------------------------------------

MARKET = np.dtype(
    [
        ("unit_value", "i8"),  # cash units per tick x lot
        ("min_lots", "i8"),
        ("min_notional", "i8"),  # cash units
        ("fee_e8", "i8"),  # taker fee, fraction x 1e8
        ("slippage_e8", "i8"),
        ("leverage", "i8"),  # isolated margin = notional / leverage
        ("maintenance_e8", "i8"),  # maintenance margin, fraction x 1e8
        ("liquidation_fee_e8", "i8"),
        ("status", "i8"),  # Standing
    ],
    align=True,
)

RULES = np.dtype(  # one record: what the compiled functions need of config.toml
    [
        ("enter", "f8"),  # conviction (unit out-of-sample deviations) that opens a position
        ("leave", "f8"),  # conviction under which it is closed
        ("cost_margin", "f8"),  # |expected return| must exceed round-trip cost x margin
        ("allow_long", "i8"),
        ("allow_short", "i8"),
        ("timeframe_ms", "i8"),  # of the decision candle: scales `sigma` to a day
        ("horizon_bars", "i8"),  # of the expected return
        ("block_ms", "i8"),  # no re-entry on a side for this long after its stop or target
        ("stop_sigmas", "f8"),  # stop distance in daily volatilities; 0: none
        ("take_sigmas", "f8"),
        ("trail_sigmas", "f8"),
        ("sizing", "i8"),  # Sizing
        ("target_volatility", "f8"),  # per market and year, fraction, before x 1/N
        ("fixed_fraction", "f8"),
        ("risk_per_trade", "f8"),
        ("kelly_cap", "f8"),
        ("max_market_leverage", "f8"),  # notional / (equity / N)
        ("leverage_cap", "f8"),  # gross notional / equity of the account
        ("net_cap", "f8"),  # |longs - shorts| / equity of the account; 0: none
        ("exposure_mode", "i8"),  # 0 discrete, 1 continuous exposure with a no-trade band
        ("exposure_band", "f8"),  # fraction of the full size
        ("exposure_step", "f8"),  # where a change outside the band ends: 0 at its edge, 1 at the target
        (
            "exposure_costs",
            "f8",
        ),  # the band x cube root of cost / expected return of a full position; 0: costs do not count
        ("universe_share", "f8"),  # of the mean conviction of all markets in each market's own
        ("momentum_share", "f8"),  # of the momentum across the markets in each conviction
        ("agreement_low", "f8"),  # size factor when PPO disagrees fully; 1: no scaling
        ("agreement_high", "f8"),
        ("max_open_positions", "i8"),  # 0: no limit
        ("daily_loss_stop", "f8"),  # fraction of the equity at 00:00 UTC; 0: off
        ("drawdown_stop", "f8"),  # fraction of the peak equity; 0: off
        ("cooldown_ms", "i8"),  # no entry in a market for this long after a losing trade
        ("entry_delay_ms", "i8"),  # orders are due this long after the decision (1m bars: 60,000; coarser bars: 0)
        ("members", "i8"),  # markets that share the equity; 0: all
    ],
    align=True,
)

# ---- kept ------------------------------------------------------------------------------------------------------------

ACCOUNT = np.dtype(  # one record
    [
        (
            "cash",
            "i8",
        ),  # deposit less what was bought, plus what was sold: equity = cash + lots x mark x unit_value
        ("equity", "i8"),  # at the last mark
        ("peak_equity", "i8"),
        ("day", "i8"),  # UTC day number of `day_equity`
        ("day_equity", "i8"),  # equity at the first mark of the day (before the day's first bar)
        ("fees", "i8"),  # paid so far, >= 0
        ("funding", "i8"),  # paid so far, net (> 0 paid, < 0 received)
        ("last_ms", "i8"),  # open of the last account minute settled
        ("paused", "i8"),  # 1: no entries until /resume
        ("day_locked", "i8"),  # UTC day number on which the daily loss stop tripped; 0: none. Lifts with the day
        ("drawdown_locked", "i8"),  # 1 until a person unlocks
        ("trades", "i8"),  # closed round trips
    ],
    align=True,
)

POSITION = np.dtype(  # one record a market; lots == 0: flat
    [
        ("lots", "i8"),  # signed
        ("mark", "i8"),  # last close, ticks
        ("entry", "i8"),  # price of the first fill of the trade, ticks (brackets are measured from it)
        ("cost", "i8"),  # signed notional paid for the lots held, units
        ("opened_ms", "i8"),
        ("decision_ms", "i8"),  # the decision that opened it
        ("trade", "i8"),  # number of the round trip within the market, from 1
        ("stop", "i8"),  # ticks; 0: none
        ("take", "i8"),
        ("trail_e8", "i8"),
        ("best", "i8"),  # most favourable extreme since entry, ticks
        ("liquidation", "i8"),  # ticks; 0: none
        ("cash_flow", "i8"),  # sum of the cash flows of this round trip (fills, fees, funding), units
        ("fees", "i8"),  # of this round trip
        ("funding", "i8"),  # of this round trip, > 0 paid
        ("last_ms", "i8"),  # open of the last bar settled in this market
        (
            "long_blocked_until_ms",
            "i8",
        ),  # no new LONG before; each side has its own, since both may be stopped within the block
        ("short_blocked_until_ms", "i8"),
        ("cooldown_until_ms", "i8"),
    ],
    align=True,
)

ORDER = np.dtype(  # at most one pending order a market: a new one replaces it
    [
        ("active", "i8"),
        ("target", "i8"),  # signed lots to hold after the fill; 0 closes
        ("due_ms", "i8"),  # fills at the open of the first bar with open_ms >= due_ms
        ("decision_ms", "i8"),
        ("reason", "i8"),  # Reason
        ("stop_e8", "i8"),  # distance from the fill as fraction x 1e8; 0: none
        ("take_e8", "i8"),
        ("trail_e8", "i8"),
    ],
    align=True,
)

MEMORY = np.dtype(  # decision state: one record a market; a pure function of closed candles
    [
        ("smoothed", "f8"),  # EMA of the blended standardised score
        ("decisions", "i8"),  # how many closes it has seen
    ],
    align=True,
)

# ---- emitted ---------------------------------------------------------------------------------------------------------


class FactKind(IntEnum):
    FILL = 1
    FUNDING = 2
    LOCK = 3  # a protection tripped
    UNLOCK = 4
    MISSED = 5  # an entry that lateness or absence made impossible
    DEPOSIT = 6
    JOINED = 7  # a market came to the account
    CHANGED = 8  # its rules changed; `lots` is by how much a finer grid changed the number held
    DELISTED = 9  # the exchange ended it; what was held is settled by the FILL before
    LEFT = 10  # it left the account, flat


class Reason(IntEnum):
    """Why an order was placed or a fact happened. Names are shown to people, values are stored."""

    NONE = 0
    SIGNAL = 1  # conviction crossed `enter`
    FADED = 2  # conviction fell under `leave`
    REVERSED = 3  # the other side crossed `enter`
    STOP = 4
    TAKE = 5
    TRAIL = 6
    LIQUIDATION = 7
    COMMAND = 8  # a person closed it
    DAILY_LOSS = 9
    DRAWDOWN = 10
    KILL_SWITCH = 11
    REBALANCE = 12
    SETTLED = 13  # funding settled on time
    LATE = 14  # funding or candle that came late
    PAUSED = 15
    END = 16
    DELISTED = 17  # settled at the exchange's last price
    REGRID = 18  # settled on the old grid and opened on the new one, at one mark
    UNIVERSE = 19  # the account's list of markets changed
    RULES = 20  # the exchange changed a market's rules


FACT = np.dtype(
    [
        ("kind", "i8"),
        ("ms", "i8"),  # open of the bar in which it happened
        ("market", "i8"),  # index in the account's fixed order; -1: the account
        ("trade", "i8"),  # round-trip number within the market
        ("lots", "i8"),  # signed change of the position
        ("price", "i8"),  # ticks
        ("fee", "i8"),  # units, >= 0
        ("cash_flow", "i8"),  # units: what `cash` changed by (fills: -lots x price x unit_value - fee)
        ("reason", "i8"),
        ("decision_ms", "i8"),
        ("position", "i8"),  # signed lots held afterwards
        ("trade_cash_flow", "i8"),  # of the round trip so far; its net profit when position == 0
        ("rate_e8", "i8"),  # funding rate, fraction x 1e8
    ],
    align=True,
)


class Action(IntEnum):
    HOLD = 0  # keep what is held (also: stay flat; see `refusal`)
    LONG = 1
    SHORT = 2
    CLOSE = 3
    RESIZE = 4


class RefusalCode(IntEnum):
    """Why a market that could have been entered was not."""

    NONE = 0
    WEAK = 1  # |conviction| under `enter`
    COST = 2  # expected return does not pay the round trip
    SIDE = 3  # side not allowed
    BLOCKED = 4  # after a stop or target on this side
    COOLDOWN = 5
    PAUSED = 6
    DAILY_LOSS = 7
    DRAWDOWN = 8
    MAX_POSITIONS = 9
    LEVERAGE = 10  # the account's leverage cap leaves no room
    TOO_SMALL = 11  # under the market's minimum
    NOT_READY = 12  # a gap is open, or the warm-up is incomplete
    LATE = 13  # the decision came later than max_decision_age
    NO_SCORE = 14  # a predictor gave no finite score
    HALTED = 15  # the exchange has stopped the market
    LEAVING = 16  # the market is about to leave the account
    GONE = 17  # it has left; not recorded


class StatusCode(IntEnum):
    """`MarketStatus` as the kernel reads it."""

    TRADING = 0
    HALTED = 1
    LEAVING = 2
    GONE = 3


class Sizing(IntEnum):
    VOLATILITY = 0
    FIXED_FRACTION = 1
    RISK_PER_TRADE = 2
    KELLY = 3


DECISION = np.dtype(
    [
        ("ms", "i8"),  # when it was taken: the close of the decision candle
        ("market", "i8"),
        ("action", "i8"),
        ("refusal", "i8"),
        ("conviction", "f8"),
        ("expected_return", "f8"),  # shrunk, over the horizon, fraction
        ("cost", "f8"),  # round trip, fraction
        ("sigma", "f8"),  # per-bar EWMA deviation of log returns
        ("volatility", "f8"),  # annual, slow
        ("agreement", "f8"),  # PPO's agreement with the side, -1..1; 0 without PPO
        ("price", "i8"),  # last close, ticks
        ("target", "i8"),  # signed lots wanted
        ("stop_e8", "i8"),
        ("take_e8", "i8"),
        ("trail_e8", "i8"),
        ("due_ms", "i8"),
        ("voters", "i8"),
        ("votes", "f8", (MAX_VOTERS,)),  # standardised scores, in the bundle's order of families; NaN: absent
    ],
    align=True,
)


def new_account(deposit_units: int, start_ms: int) -> np.ndarray:
    """Return a one-record `ACCOUNT` array holding the deposit at `start_ms` (the open of the first minute to come)."""
    account = np.zeros(1, ACCOUNT)
    account["cash"] = account["equity"] = account["peak_equity"] = account["day_equity"] = deposit_units
    account["day"] = start_ms // 86_400_000
    account["last_ms"] = start_ms - 60_000
    return account
