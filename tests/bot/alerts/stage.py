"""What tests of alerts start from: an account with an outbox, seconds that pass at once, channels that remember."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
from sqlalchemy import Engine as Database
from sqlalchemy import insert

from bot.alerts.alerts import Alerts
from bot.telegram.channel import TelegramChannel
from bot.telegram.connection import connect as connect_bot
from bot.telegram.quiet import Quiet
from storage.config.secret import Secret
from storage.config.services import AlertSettings, TelegramSettings
from storage.ledger.database import connect, migrate, writing
from storage.ledger.journal import Alert
from storage.ledger.outbox import Pending
from storage.ledger.tables import account, outbox
from tests.bot.telegram.bot_api_server import PERSON, TOKEN
from tests.builders import START_MS

ACCOUNT = 1


class FastPace:
    """Seconds that pass as soon as somebody waits for them; `waits` remembers them."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.waits: list[float] = []

    def now_s(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.passed_s += seconds
        self.waits.append(seconds)
        await asyncio.sleep(0)


class Memory:
    """A channel that remembers what it was sent; `fail` raises instead."""

    collapses = True

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.messages: list[list[str]] = []
        self.repeats: list[bool] = []
        self.silent: list[bool] = []
        self.fail: Callable[[], None] = lambda: None

    def fit(self, rows: Sequence[Pending]) -> int:
        return min(len(rows), 50)

    async def send(self, rows: Sequence[Pending], *, is_repeat: bool, is_silent: bool) -> None:
        self.fail()
        self.messages.append([row.key for row in rows])
        self.repeats.append(is_repeat)
        self.silent.append(is_silent)


def new_account(folder: Path) -> Database:
    """Return a migrated database with one account and nothing in its outbox."""
    database = connect(f"sqlite:///{folder / 'ledger.db'}")
    migrate(database)
    row = {"id": ACCOUNT, "name": "main", "exchange": "builtin", "timeframe": "1h", "layout": 1, "deposit": 10**12}
    with writing(database) as connection:
        connection.execute(insert(account).values(row | {"start_ms": START_MS, "created_ms": START_MS}))
    return database


def alert(number: int, event: str = "exits") -> Alert:
    """Return an alert whose headline ends in its number."""
    payload = {"type": "fill", "trade": f"BTCUSDT-{number:04d}", "price": 100.0, "reason": "take", "trade_net": 1.5}
    text = orjson.dumps(payload).decode()
    return Alert(key=f"fact:{number:04d}", ms=START_MS + number * 60_000, event=event, payload=text)


def write(database: Database, numbers: Sequence[int], event: str = "exits") -> None:
    """Write alerts as the journal does: in one transaction."""
    with writing(database) as connection:
        for number in numbers:
            made = alert(number, event)
            row = {"key": made.key, "ms": made.ms, "event": made.event, "payload": made.payload}
            connection.execute(insert(outbox).values(account_id=ACCOUNT, **row))


def alerts_for(database: Database, *, pace: FastPace | None = None, **settings: object) -> Alerts:
    """Return alerts of the account with `[alerts]` settings."""
    return Alerts(database, ACCOUNT, AlertSettings.model_validate(settings), pace=pace or FastPace())


def telegram_settings(address: str) -> TelegramSettings:
    """Return settings of a bot at an address of ours."""
    return TelegramSettings(enabled=True, chat_ids=(PERSON,), token=Secret(TOKEN), base_url=address, poll_timeout_s=1.0)


def chat(address: str, *, timeout_s: float = 2.0) -> TelegramChannel:
    """Return the channel of the one person, through the real client."""
    bot = connect_bot(telegram_settings(address), timeout_s=timeout_s)
    return TelegramChannel(bot, PERSON, Quiet("", "", lambda: 0, {}), is_demo=True)


async def until(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return when it holds; polls, for nobody announces it."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 — what is waited for lies in a database
            await asyncio.sleep(0.005)
