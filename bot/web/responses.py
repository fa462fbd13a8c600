"""What the API answers: the house's own values, in documents that say their units.

Money in quote, fractions as fractions, times UTC ms. A name means the same here as in ledger, stream and configuration.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.trading.snapshot import LiveCandle
from bot.views.no_trade import NoTrade
from storage.ledger.queries import EquityPoint, OpenPosition
from storage.ledger.trades import Trade
from strategies.bundle.fallback_policy import FallbackLevel
from strategies.explain.signals import Signal
from strategies.market import Timeframe

Votes = dict[str, float | None]


class Answer(BaseModel):
    """An answer is built from values that are checked already."""

    model_config = ConfigDict(frozen=True)


class PageAnswer(Answer):
    """A page of rows; `next_before` asks for the next one, null: there is none."""

    next_before: str | None


class TrainingState(Answer):
    """What the embedded trainer is doing. `state`: idle, downloading, training, promoting; 0: never."""

    model_config = ConfigDict(frozen=True, extra="allow")

    state: str
    why: str = ""
    started_ms: int = 0
    line: str = Field("", description="the newest line of progress")
    last_outcome: str = ""
    last_finished_ms: int = 0
    last_bundle: str = ""


class MarketStatus(Answer):
    """One market at its last decision: conviction against the threshold, or why nothing was entered."""

    symbol: str
    price: float
    conviction: float | None
    enter: float
    expected_return: float | None
    action: str
    refusal: str | None
    votes: Votes
    decided_ms: int
    last_signal: Signal | None


class Status(Answer):
    """What the daemon is doing. Everything about the account is null before the first candle."""

    exchange: str
    market: str
    is_demo: bool
    account: str
    speed: float
    timeframe: Timeframe
    now_ms: int
    is_fresh: bool
    is_ready: bool
    feed: dict[str, bool]
    training: TrainingState
    minute_ms: int | None = None
    candle_age_s: float | None = None
    equity: float | None = None
    cash: float | None = None
    deposit: float | None = None
    total_return: float | None = None
    day_return: float | None = None
    drawdown: float | None = None
    gross_leverage: float | None = None
    trades: int | None = None
    paused: bool | None = None
    day_locked: bool | None = None
    drawdown_locked: bool | None = None
    bundle: str | None = None
    fallback_level: FallbackLevel | None = Field(
        None, description="who decides: a bundle, or a stand-in of the fallback ladder"
    )
    fallback_why: str | None = Field(None, description="why that one decides")
    positions: list[OpenPosition] = []
    markets: list[MarketStatus] = []


class Positions(Answer):
    """The open positions at the last marks."""

    minute_ms: int | None
    positions: list[OpenPosition]


class TradesPage(PageAnswer):
    """Closed round trips, newest first."""

    trades: list[Trade]


class SignalsPage(PageAnswer):
    """Signals, newest first."""

    signals: list[Signal]


class Decision(Answer):
    """What was decided about a market at a candle's close, and why nothing was entered where nothing was."""

    ms: int
    symbol: str
    action: str
    refusal: str | None
    refusal_sentence: str | None
    conviction: float | None
    expected_return: float | None
    cost: float
    price: float
    votes: Votes
    bundle: str
    signal: Signal | None


class DecisionsPage(PageAnswer):
    """Decisions, newest first; within one close in the account's order of markets."""

    decisions: list[Decision]


class EquityPage(PageAnswer):
    """The account at the closes of decision candles, ascending."""

    deposit: float
    equity: list[EquityPoint]


class Candle(Answer):
    """A closed decision candle. Prices in quote, volume in base."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class ChartTrade(Answer):
    """A round trip as a chart shows it; open while `closed_ms` is null."""

    id: str
    side: str
    opened_ms: int
    entry_price: float
    closed_ms: int | None
    exit_price: float | None
    stop_loss: float | None
    take_profit: float | None
    net: float
    closed_because: str | None


class CandlesPage(PageAnswer):
    """Decision candles of a market, ascending, with the round trips that touch them."""

    symbol: str
    timeframe: Timeframe
    candles: list[Candle]
    filling: LiveCandle | None
    trades: list[ChartTrade]


class SentAlert(Answer):
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


class NoTradeReasons(Answer):
    """Why nothing is traded, by market."""

    markets: list[NoTrade]


class Prediction(Answer):
    """The last decision about a market. `signal` is NONE where nothing was entered; then `refusal` says why.

    A question about one family is answered with its `vote`; the price levels belong to the ensemble.
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


class Recorded(Answer):
    """A command that is in the ledger: the account minute that carries it."""

    minute_ms: int


class Stopping(Answer):
    """The daemon stops; positions stay open."""

    stopping: bool


class Health(Answer):
    """Whether candles are processed."""

    alive: bool
    minute_age_s: float


class Readiness(Answer):
    """The feed is unbroken and fresh, the ledger takes minutes, and this bundle decides."""

    ready: bool
    feed: dict[str, bool]
    bundle: str


class Session(Answer):
    """Whether this browser may act. `csrf` has to come back as `X-Sigma-CSRF` with every change."""

    signed_in: bool
    may_change: bool = Field(description="false: signed in to look only")
    csrf: str | None
    until_ms: int | None = Field(description="wall clock")


class Ticket(Answer):
    """A link that signs one browser in, once."""

    path: str = Field(description="to be opened at this server's address")
