"""The schema: what the daemon remembers.

Money and quantities are BIGINT (ticks, lots, units of 1e-8 quote), times BIGINT UTC ms, scores DOUBLE. Blobs are
the bytes of the records in `strategies/kernel/state.py`; `layout` says which version of them. Only the daemon migrates;
everybody else reads.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: Final = MetaData(naming_convention=NAMING)


def _account() -> Column[int]:
    return Column("account_id", Integer, ForeignKey("account.id"), primary_key=True)


def _documents(*names: str) -> list[Column[str]]:
    return [Column(name, String(32), ForeignKey("document.id"), nullable=False) for name in names]


def _required(kind: Any, *names: str) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name in names]


account: Final = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("exchange", String(32), nullable=False),
    Column("timeframe", String(8), nullable=False),
    Column("layout", Integer, nullable=False),
    Column("deposit", BigInteger, nullable=False),
    Column("start_ms", BigInteger, nullable=False),  # open of the first account minute
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("exchange", "name"),
)

# Things named by their content, so that a tape row can point at them.
document: Final = Table(
    "document",
    metadata,
    Column("id", String(32), primary_key=True),  # digest of the text
    Column("kind", String(16), nullable=False),  # settings | markets
    Column("text", Text, nullable=False),
)

# Decision candles: those an account began with (given = true, an input) and those its minutes completed.
candle: Final = Table(
    "candle",
    metadata,
    _account(),
    Column("market", Integer, primary_key=True),
    Column("open_ms", BigInteger, primary_key=True),
    *_required(Float(53), "open", "high", "low", "close", "volume"),
    Column("given", Boolean, nullable=False),
)

# What went in: one row per account minute.
tape: Final = Table(
    "tape",
    metadata,
    _account(),
    Column("minute_ms", BigInteger, primary_key=True),
    Column("bars", LargeBinary, nullable=False),  # (markets, 5) int64
    Column("present", LargeBinary, nullable=False),  # (markets,) uint8
    Column("funding", LargeBinary),  # (markets,) int64 rates x 1e8; NULL: none settled
    Column("not_ready", LargeBinary),  # (markets,) uint8; NULL: all ready
    Column("late_bars", Text),  # JSON; NULL: none
    Column("late", Boolean, nullable=False),
    Column("commands", Text),  # JSON; NULL: none
    Column("bundle_id", String(32), nullable=False),
    *_documents("settings_id", "markets_id"),
    Column("recorded_ms", BigInteger, nullable=False),
)

# Markets that joined, changed or left: the index of the tape's lifecycle commands.
market_change: Final = Table(
    "market_change",
    metadata,
    _account(),
    Column("minute_ms", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),  # within the minute
    Column("market", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # join | change | leave
    Column("spec", Text, nullable=False),  # JSON of the market from this minute on
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False),
)

# The account after its last minute: what start-up reads.
state: Final = Table(
    "state",
    metadata,
    _account(),
    Column("minute_ms", BigInteger, nullable=False),
    Column("layout", Integer, nullable=False),
    Column("kernel", LargeBinary, nullable=False),
    Column("bundle_id", String(32), nullable=False),
    *_documents("settings_id", "markets_id"),
    Column("fence", BigInteger, nullable=False, server_default="0"),  # of the writer that may write
)

# Who holds an account, where a pooler lends sessions for one transaction only.
lease: Final = Table(
    "lease",
    metadata,
    *(Column(name, String(40), primary_key=True) for name in ("exchange", "name")),
    Column("holder", String(400), nullable=False),
    Column("until_s", Float, nullable=False),  # by the server's clock
)

# What came out: fills, funding, locks, missed entries, deposits.
fact: Final = Table(
    "fact",
    metadata,
    _account(),
    Column("minute_ms", BigInteger, primary_key=True),  # the account minute that produced it
    Column("number", Integer, primary_key=True),  # within the minute
    Column("kind", Integer, nullable=False),
    Column("ms", BigInteger, nullable=False),
    Column("market", Integer, nullable=False),
    Column("trade", Integer, nullable=False),
    *_required(BigInteger, "lots", "price", "fee", "cash_flow"),
    Column("reason", Integer, nullable=False),
    *_required(BigInteger, "decision_ms", "position", "trade_cash_flow", "rate_e8"),
    Column("bundle_id", String(32), nullable=False),
    Index(None, "account_id", "market", "trade"),
)

decision: Final = Table(
    "decision",
    metadata,
    _account(),
    Column("ms", BigInteger, primary_key=True),
    Column("market", Integer, primary_key=True),
    Column("action", Integer, nullable=False),
    Column("refusal", Integer, nullable=False),
    Column("conviction", Float(53)),  # NULL: no finite score
    Column("expected_return", Float(53)),
    Column("record", LargeBinary, nullable=False),  # the whole DECISION record, votes included
    Column("bundle_id", String(32), nullable=False),
    Column("signal", Text),  # JSON of the Signal; NULL: none
    Index(None, "account_id", "action", "ms"),
)

equity: Final = Table(
    "equity",
    metadata,
    _account(),
    Column("ms", BigInteger, primary_key=True),  # close of a decision candle
    Column("equity", BigInteger, nullable=False),
    Column("cash", BigInteger, nullable=False),
    Column("gross", BigInteger, nullable=False),  # sum of |notional| at the mark
)

# What people must be told: written with the minute, delivered later, at least once.
outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("key", String(128), nullable=False),  # one event has one key: a repeat is not a second alert
    Column("ms", BigInteger, nullable=False),
    Column("event", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("account_id", "key"),
)

delivery: Final = Table(
    "delivery",
    metadata,
    Column("outbox_id", Integer, ForeignKey("outbox.id"), primary_key=True),
    Column("channel", String(64), primary_key=True),  # "telegram:123", "webhook"
    Column("attempts", Integer, nullable=False),  # sendings that may have arrived
    Column("attempted_ms", BigInteger, nullable=False),
    Column("delivered_ms", BigInteger),
    Column("error", Text),
)

# Who is told: a channel is owed the alerts written after it was first configured.
channel: Final = Table(
    "channel",
    metadata,
    _account(),
    Column("name", String(64), primary_key=True),
    Column("after_id", Integer, nullable=False),  # every outbox row up to this one is settled
    Column("muted_until_ms", BigInteger, nullable=False),  # wall clock
)

# What is remembered about a Telegram chat; `current_id` is another one once a group became a supergroup.
chat: Final = Table(
    "chat",
    metadata,
    _account(),
    Column("chat_id", BigInteger, primary_key=True),
    Column("current_id", BigInteger, nullable=False),
    Column("language", String(8)),  # NULL: the configured one
    Column("is_dark", Boolean),
    Column("paired_ms", BigInteger),  # wall clock; NULL: listed in the configuration
)

# When scheduled work last ran, in market time.
job_run: Final = Table(
    "job_run",
    metadata,
    _account(),
    Column("name", String(64), primary_key=True),
    Column("started_ms", BigInteger, primary_key=True),
    Column("finished_ms", BigInteger),
    Column("outcome", Text),
)

# Days of the tape that were moved to parquet: their rows are no longer in `tape`.
archive: Final = Table(
    "archive",
    metadata,
    _account(),
    Column("first_ms", BigInteger, primary_key=True),  # first minute in the file
    Column("last_ms", BigInteger, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("path", Text, nullable=False),  # relative to a SQLite file's folder or a server's store
    Column("sha256", String(64), nullable=False),
)

# The account at the end of each UTC day: where the nightly parity check sets out.
checkpoint: Final = Table(
    "checkpoint",
    metadata,
    _account(),
    Column("minute_ms", BigInteger, primary_key=True),  # last minute of the day
    Column("kernel", LargeBinary, nullable=False),
    Column("bundle_id", String(32), nullable=False),
)

# What parity and drift checks found.
monitor: Final = Table(
    "monitor",
    metadata,
    _account(),
    Column("kind", String(16), primary_key=True),  # parity | drift | candles | candle_notes
    Column("ms", BigInteger, primary_key=True),  # of what was looked at
    Column("passed", Boolean, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("document", Text, nullable=False),  # JSON
)

# Bundles that decide nothing but are watched beside the one that does: one row a shadow test.
shadow_test: Final = Table(
    "trial",
    metadata,
    _account(),
    Column("bundle_id", String(32), primary_key=True),  # who is watched; "nothing": the forecast of no return
    Column("started_ms", BigInteger, primary_key=True),
    Column("role", String(16), nullable=False),  # challenger | predecessor | nothing | benched
    Column("champion_id", String(32), nullable=False),  # who decided when it began
    Column("evidence", Text, nullable=False),  # JSON of strategies/oversight/e_process.py
    Column("ended_ms", BigInteger),
    Column("outcome", Text),
)

# What a watched bundle expected of each close beside the one that decided, and what came: scaled forward returns.
shadow_expectation: Final = Table(
    "shadow",
    metadata,
    _account(),
    Column("bundle_id", String(32), primary_key=True),
    Column("started_ms", BigInteger, primary_key=True),  # of its shadow test
    Column("open_ms", BigInteger, primary_key=True),  # of the decision's candle
    Column("market", Integer, primary_key=True),
    Column("champion_id", String(32), nullable=False),
    *_required(Float(53), "expected", "champion_expected", "sigma"),
    Column("matured", Boolean, nullable=False),
    Column("came", Float(53)),  # scaled forward return, clipped; NULL: not known yet, or lost in a gap
)
