"""The small parts: quiet hours, tables, texts that fit, what errors mean, words for events."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest
from telegram import Bot, Update
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.alerts.channel import NotSent, Unanswered, Undeliverable
from bot.alerts.messages import collapsed, details, headline
from bot.telegram.commands.models import training_text
from bot.telegram.confirmations import Confirmations
from bot.telegram.connection import outcome
from bot.telegram.context import Change
from bot.telegram.poller import Poller
from bot.telegram.quiet import Quiet
from bot.telegram.tables import fitted, pre, table
from bot.values.training import TrainingProgress
from storage.config.secret import Secret
from storage.config.services import TelegramSettings
from storage.ledger.outbox import Pending
from tests.bot.telegram.bot_api_server import TOKEN
from tests.builders import START_MS

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("hour", "is_quiet"), [(21, False), (22, True), (23, True), (0, True), (6, True), (7, False), (12, False)]
)
def test_quiet_hours_span_midnight(hour: int, is_quiet: bool) -> None:
    quiet = Quiet("22:00", "07:00", lambda: START_MS + hour * HOUR_MS, {})
    assert quiet.is_quiet("telegram:1") is is_quiet


def test_a_mute_ends_by_itself_and_is_one_chats_own() -> None:
    now = [START_MS]
    quiet = Quiet("", "", lambda: now[0], {"telegram:2": START_MS + 1})
    quiet.mute("telegram:1", 30)
    assert quiet.is_quiet("telegram:1")
    assert quiet.is_quiet("telegram:2")
    assert not quiet.is_quiet("telegram:3")
    now[0] += 30 * 60_000
    assert not quiet.is_quiet("telegram:1")


def test_a_table_is_aligned_and_escaped() -> None:
    assert table(("trade", "net"), [("BTC-1", "+1.00"), ("E<H-12", "-10.00")]) == (
        "<pre>trade     net\nBTC-1   +1.00\nE&lt;H-12 -10.00</pre>"
    )


def test_a_long_text_is_cut_at_a_line_and_its_block_is_closed() -> None:
    text = fitted(pre("\n".join(f"line {number}" for number in range(1_000))), 500)
    assert len(text) <= 500
    assert text.endswith("</pre>\n… shortened")
    assert text.count("<pre>") == text.count("</pre>") == 1


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "meaning", "wait_s"),
    [
        (RetryAfter(7), NotSent, 7.0),
        (RetryAfter(10**9), NotSent, 3_600.0),
        (RetryAfter(-5), NotSent, 0.0),
        (Forbidden("blocked"), NotSent, 300.0),
        (InvalidToken("no"), NotSent, 300.0),
        (ChatMigrated(-100), NotSent, 300.0),
        (BadRequest("Chat not found"), NotSent, 300.0),
        (BadRequest("Message is too long"), Undeliverable, None),
        (caused(NetworkError("refused"), httpx.ConnectError("refused")), NotSent, None),
        (caused(TimedOut(), httpx.ConnectTimeout("slow")), NotSent, None),
        (caused(TimedOut(), httpx.ReadTimeout("slow")), Unanswered, None),
        (caused(NetworkError("gone"), httpx.RemoteProtocolError("gone")), Unanswered, None),
        (NetworkError("Bad Gateway"), Unanswered, None),
    ],
)
def test_errors_mean_not_sent_perhaps_sent_or_never(error: TelegramError, meaning: type, wait_s: float | None) -> None:
    found = outcome(error, "token")
    assert type(found) is meaning
    assert getattr(found, "retry_after_s", None) == wait_s


def test_a_confirmation_is_one_chats_once_and_for_a_minute() -> None:
    async def run() -> str:
        return "done"

    now = [0.0]
    confirmations, change = Confirmations(lambda: now[0]), Change(label="Do", question="Do?", run=run)
    token = confirmations.ask(1, change)
    assert confirmations.take(token, 2) is None
    assert confirmations.take(token, 1) is change
    assert confirmations.take(token, 1) is None
    late = confirmations.ask(1, change)
    now[0] = 60.5
    assert confirmations.take(late, 1) is None


@pytest.mark.parametrize(
    ("event", "payload", "said"),
    [
        (
            "fills",
            {"side": "buy", "quantity": 0.5, "symbol": "BTCUSDT", "price": 61_250.0, "reason": "signal"},
            "Bought 0.5 BTCUSDT at 61,250, on its signal",
        ),
        (
            "exits",
            {"trade": "BTCUSDT-3", "price": 0.0123, "reason": "stop", "trade_net": -12.5},
            "Closed BTCUSDT-3 at 0.0123: stop-loss, net -12.50",
        ),
        (
            "rebalances",
            {"trade": "BTCUSDT-3", "side": "sell", "quantity": 0.2, "position": -0.5, "price": 61_250.0},
            "Enlarged BTCUSDT-3 by 0.2 at 61,250",
        ),
        (
            "candles",
            {"text": "2025-02-11: 10,080 stored candles compared with the exchange, 3 differ; BTCUSDT 00:00 …"},
            "2025-02-11: 10,080 stored candles compared with the exchange, 3 differ",
        ),
        ("protections", {"type": "lock", "reason": "daily_loss"}, "Protection tripped: the daily loss stop"),
        ("protections", {"type": "unlock", "reason": "daily_loss"}, "Protection lifted: daily loss stop"),
        ("protections", {"type": "command", "kind": "stop", "by": "telegram:7"}, "Kill switch"),
        (
            "promotion",
            {"type": "command", "kind": "swap", "bundle": "b-1", "by": "trainer"},
            "b-1 decides from now on (by trainer)",
        ),
        ("signals", {"type": "missed", "symbol": "BTCUSDT", "reason": "late"}, "Entry missed: BTCUSDT (late)"),
        ("feed", {"type": "trouble", "what": "BTCUSDT"}, "Feed trouble: BTCUSDT"),
        ("fills", {"side": "buy"}, "fills: {'side': 'buy'"),
        ("exits", {"type": "fill", "price": None}, "exits: {'type': 'fill'"),
        ("something_new", {"text": "in words"}, "in words"),
        ("something_new", {"number": 3}, "something_new: {'number': 3}"),
    ],
)
def test_events_in_words(event: str, payload: dict, said: str) -> None:
    assert headline(event, payload).startswith(said)
    assert all(isinstance(line, str) for line in details(event, {"fee": 0.0} | payload))


def test_progress_is_a_bar_with_the_time_left_where_it_is_known() -> None:
    going = TrainingProgress(
        state="training", started_ms=START_MS, line="fold 3 of 4", stage="folds", done=3, total=4, eta_s=600.0
    )
    text = training_text(going)
    assert "#" * 18 + "." * 6 in text
    assert "75%, about 10 min left" in text
    assert "left" not in training_text(going.after(eta_s=None))
    assert "#" not in training_text(going.after(total=0))


def test_a_burst_takes_as_many_alerts_as_fit() -> None:
    rows = [
        Pending(id=number, key=str(number), ms=START_MS, event="x", payload={"text": "a" * 40}, attempts=0)
        for number in range(100)
    ]
    lines, count = collapsed(rows, 600)
    assert count == len(lines) < 100
    assert sum(len(line) + 1 for line in lines) <= 600
    assert collapsed(rows, 1)[1] == 1


async def test_an_introduction_that_the_library_cannot_read_is_made_again() -> None:
    asked: list[int] = []
    waited: list[float] = []

    async def introduce() -> None:
        asked.append(1)
        if len(asked) < 3:
            raise TypeError("User.__init__() missing 3 required positional arguments")

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def nobody() -> None:
        raise AssertionError("there is no other poller")

    poller = Poller(Bot(TOKEN), TelegramSettings(token=Secret(TOKEN), chat_ids=(7,)), nobody, sleep)
    await poller.until_it_works(introduce)
    assert len(asked) == 3
    assert len(waited) == 2


class Numbered(Bot):
    """Hands over what a test planned, and remembers what was asked for."""

    def __init__(self, *answers: tuple[Update, ...]) -> None:
        super().__init__(TOKEN)
        object.__setattr__(self, "answers", list(answers))
        object.__setattr__(self, "asked", [])

    async def get_updates(self, offset: int | None = None, **_more: object) -> tuple[Update, ...]:
        self.asked.append(offset)
        return self.answers.pop(0)

    async def do_api_request(self, *_words: object, **_more: object) -> list[dict[str, object]]:
        return [{"update_id": update.update_id} for update in self.answers.pop(0)]


async def test_a_number_that_was_spoilt_on_its_way_makes_nobody_deaf() -> None:
    async def nobody() -> None:
        raise AssertionError("there is no other poller")

    bot = Numbered((Update(7),), (Update(2**40),), (), (Update(8),))
    poller = Poller(bot, TelegramSettings(token=Secret(TOKEN), chat_ids=(7,)), nobody)
    found = []
    async for update in poller.updates():
        found.append(update.update_id)
        if len(found) == 3:
            break
    assert found == [7, 2**40, 8]
    assert bot.asked == [None, 8, 2**40 + 1, None]


@pytest.mark.parametrize("number", ["7", None, True, 7.0, math.nan, -3, 10**40, 2**63])
async def test_an_update_whose_number_is_none_is_passed_over_and_those_beside_it_are_answered(number: Any) -> None:
    async def nobody() -> None:
        raise AssertionError("there is no other poller")

    answer = (Update(6), Update(number), Update(7))
    bot = Numbered(answer, answer, (Update(8),))
    poller = Poller(bot, TelegramSettings(token=Secret(TOKEN), chat_ids=(7,)), nobody)
    found = []
    async for update in poller.updates():
        found.append(update.update_id)
        if len(found) == 3:
            break
    assert found == [6, 7, 8]
    assert bot.asked == [None, 8]


async def test_answers_that_nobody_can_read_are_waited_out_ever_longer_and_end_nothing() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def nobody() -> None:
        raise AssertionError("there is no other poller")

    class Deep(Numbered):
        async def get_updates(self, offset: int | None = None, **_more: object) -> tuple[Update, ...]:
            if len(self.asked) < 3:
                self.asked.append(offset)
                raise RecursionError("maximum recursion depth exceeded while decoding a JSON array")
            return await super().get_updates(offset)

        async def do_api_request(self, *_words: object, **_more: object) -> list[dict[str, object]]:
            raise RecursionError("maximum recursion depth exceeded while decoding a JSON array")

    poller = Poller(Deep((Update(7),)), TelegramSettings(token=Secret(TOKEN), chat_ids=(7,)), nobody, sleep)
    async for update in poller.updates():
        assert update.update_id == 7
        break
    assert waited == [1.0, 2.0, 4.0]


def test_a_fill_says_what_it_is_worth() -> None:
    fill = {"side": "buy", "quantity": 0.5, "symbol": "BTCUSDT", "price": 61_250.0, "position": 0.5, "fee": 15.31}
    assert details("fills", fill) == ["worth 30,625.00, position +0.5, fee 15.31"]
