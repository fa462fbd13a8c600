"""Responses of the API: pages of views, and what commands come to.

Money in quote, fractions as fractions, times UTC ms. A name means the same here as in ledger, stream and configuration.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from bot.trading.snapshot import LiveCandle
from bot.values.view import View, Votes
from bot.views.candles import Candle
from bot.views.chart_trades import ChartTrade
from bot.views.decisions import Decision
from bot.views.no_trade import NoTrade
from storage.ledger.queries import EquityPoint, OpenPosition
from storage.ledger.trades import Trade
from strategies.explain.signals import Signal
from strategies.market import Timeframe


class PageAnswer(View):
    """A page of rows; `next_before` asks for the next one, null: there is none."""

    next_before: str | None


class Positions(View):
    """The open positions at the last marks."""

    minute_ms: int | None
    positions: list[OpenPosition]


class TradesPage(PageAnswer):
    """Closed round trips, newest first."""

    trades: list[Trade]


class SignalsPage(PageAnswer):
    """Signals, newest first."""

    signals: list[Signal]


class DecisionsPage(PageAnswer):
    """Decisions, newest first; within one close in the account's order of markets."""

    decisions: list[Decision]


class EquityPage(PageAnswer):
    """The account at the closes of decision candles, ascending."""

    deposit: float
    equity: list[EquityPoint]


class CandlesPage(PageAnswer):
    """Candles of a market, ascending, the one that fills, and the round trips that touch them."""

    symbol: str
    timeframe: Timeframe
    candles: list[Candle]
    filling: LiveCandle | None
    trades: list[ChartTrade]


class SentAlert(View):
    """Something that people were told, in words and as it was written."""

    key: str
    ms: int
    event: str
    text: str
    lines: list[str] = Field(description="what else is worth reading")
    payload: dict[str, Any]


class AlertsPage(PageAnswer):
    """Alerts, newest first."""

    alerts: list[SentAlert]


class NoTradeReasons(View):
    """Why nothing is traded, by market."""

    markets: list[NoTrade]


class Prediction(View):
    """The last decision about a market. `signal` is NONE where nothing was entered; then `refusal` says why.

    A question about one family is answered with its `vote` read as if it decided alone: the account's distances, the
    ensemble's calibration. It opens nothing.
    """

    symbol: str
    model: str
    bundle: str
    signal: Literal["LONG", "SHORT", "NONE"]
    decided_ms: int
    age_s: float
    valid_until: int | None = None
    reasoning: str = ""
    votes: Votes
    vote: float | None = None
    conviction: float | None = None
    enter: float | None = None
    action: str | None = None
    refusal: str | None = None
    confidence: float | None = None
    probability: float | None = None
    expected_return: float | None = None
    expected_hold_h: float | None = None
    win_rate: float | None = None
    entry_price: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    risk_reward: float | None = None


class Recorded(View):
    """A command that is in the ledger: the account minute that carries it."""

    minute_ms: int


class Stopping(View):
    """The daemon stops; positions stay open."""

    stopping: bool


class Health(View):
    """The process answers; how old its last account minute is, market time."""

    alive: bool
    minute_age_s: float


class Readiness(View):
    """The feed is unbroken and fresh, the ledger takes minutes, and this bundle decides."""

    ready: bool
    feed: dict[str, bool]
    bundle: str


class Session(View):
    """Whether this browser may act. `csrf` has to come back as `X-Sigma-CSRF` with every change."""

    signed_in: bool
    may_change: bool = Field(description="false: signed in to look only")
    csrf: str | None
    until_ms: int | None = Field(description="wall clock")


class Share(View):
    """A link that lets whoever has it look, and change nothing."""

    path: str = Field(description="to be opened at this server's address")
    until_ms: int = Field(description="when it ends, wall clock; 0: it has been ended")


class Ticket(View):
    """A link that signs one browser in, once."""

    path: str = Field(description="to be opened at this server's address")
