"""Refusals that pass are waited for, groups that move are followed, topics and entries keep their place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from telegram.error import BadRequest, ChatMigrated

from bot.alerts.channel import NotSent, Undeliverable
from bot.telegram.access import Access
from bot.telegram.channel import TelegramChannel
from bot.telegram.chats import KnownChats
from bot.telegram.connection import connect, outcome
from bot.telegram.links import Links
from bot.telegram.quiet import Quiet
from storage.config.secret import Secret
from storage.config.services import TelegramSettings
from storage.ledger.chats import Chats
from storage.ledger.outbox import Pending
from tests.bot.alerts.stage import FastPace, alert, alerts_for, new_account, until, write
from tests.bot.telegram.bot_api_server import TOKEN, BotApiServer, Failure
from tests.builders import START_MS

GROUP, SUPERGROUP, TOPIC = -42, -10042, 9
DOORS = [
    "Not enough rights to send text messages to the chat",
    "not enough rights to send photos to the chat",
    "Have no rights to send a message",
    "Need administrator rights in the channel chat",
    "CHAT_ADMIN_REQUIRED",
    "CHAT_WRITE_FORBIDDEN",
    "CHAT_SEND_MEDIA_FORBIDDEN",
    "CHAT_RESTRICTED",
    "Topic_closed",
    "TOPIC_DELETED",
    "message thread not found",
    "chat not found",
    "PEER_ID_INVALID",
    "USER_BANNED_IN_CHANNEL",
    "SLOWMODE_WAIT_30",
    "member not found",
    "group is deactivated",
    "group chat was upgraded to a supergroup chat",
]
FAULTS = [
    "message is too long",
    "message text is empty",
    'can\'t parse entities: unsupported start tag "x" at byte offset 0',
    "BUTTON_DATA_INVALID",
    "MEDIA_CAPTION_TOO_LONG",
    "PHOTO_INVALID_DIMENSIONS",
]


@pytest.fixture
async def server():
    made = BotApiServer()
    await made.start()
    yield made
    await made.stop()


async def opened(folder: Path, server: BotApiServer, **settings: object):
    """Return a group's channel with all that is remembered about it, and the account's alerts."""
    database = new_account(folder)
    chosen = TelegramSettings(enabled=True, chat_ids=(GROUP,), token=Secret(TOKEN), base_url=server.address, **settings)
    alerts = alerts_for(database, pace=FastPace(), burst=1_000)
    access = Access((), lambda: 0.0)
    chats = KnownChats(Chats(database, 1), chosen, access, alerts.ask)
    await chats.load()
    client = connect(chosen, timeout_s=2.0)
    channel = TelegramChannel(client, GROUP, Quiet("", "", lambda: 0, {}), is_demo=True, chats=chats)
    await alerts.open([channel])
    return database, alerts, channel, chats, access


@pytest.mark.parametrize("text", DOORS)
def test_what_a_person_may_mend_is_waited_for(text: str) -> None:
    assert isinstance(outcome(BadRequest(text), TOKEN), NotSent)


@pytest.mark.parametrize("text", FAULTS)
def test_what_is_wrong_with_the_message_itself_is_given_up(text: str) -> None:
    assert isinstance(outcome(BadRequest(text), TOKEN), Undeliverable)


def test_a_move_is_not_the_end_of_an_alert() -> None:
    assert isinstance(outcome(ChatMigrated(SUPERGROUP), TOKEN), NotSent)


async def test_no_alert_is_lost_to_a_refusal_that_passes(tmp_path: Path, server: BotApiServer) -> None:
    database, alerts, _, _, _ = await opened(tmp_path, server)
    server.fail_next("sendMessage", *(Failure(status=400, description=f"Bad Request: {text}") for text in DOORS))
    write(database, range(3))
    running = asyncio.create_task(alerts.run())
    await until(lambda: alerts.outbox.backlog(f"telegram:{GROUP}") == 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [f"BTCUSDT-{number:04d}" in said.text for number, said in enumerate(server.said)] == [True] * 3
    assert not any("(repeat)" in said.text for said in server.said)


async def test_a_group_that_becomes_a_supergroup_is_followed_and_stays_followed(
    tmp_path: Path, server: BotApiServer
) -> None:
    database, alerts, channel, _, access = await opened(tmp_path, server)
    server.migrated[GROUP] = SUPERGROUP
    write(database, range(2))
    running = asyncio.create_task(alerts.run())
    await until(lambda: alerts.outbox.backlog(channel.name) == 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [said.chat_id for said in server.said] == [SUPERGROUP] * 2
    assert access.admit(SUPERGROUP) == "admitted"
    again = KnownChats(Chats(database, 1), TelegramSettings(chat_ids=(GROUP,)), Access((), lambda: 0.0), alerts.ask)
    await again.load()
    assert again.of(GROUP).current_id == SUPERGROUP
    assert again.of(SUPERGROUP).chat_id == GROUP


@pytest.mark.parametrize("nowhere", [2**63, -(2**52), 0, True, "-100123", None, 1.5])
async def test_a_group_that_moves_to_a_number_no_chat_can_have_stays_where_it_is(
    tmp_path: Path, server: BotApiServer, nowhere: Any
) -> None:
    database, alerts, _, chats, access = await opened(tmp_path, server)
    await chats.moved(GROUP, nowhere)
    assert chats.of(GROUP).current_id == GROUP
    assert access.admit(nowhere) == "foreign"
    again = KnownChats(Chats(database, 1), TelegramSettings(), Access((), lambda: 0.0), alerts.ask)
    await again.load()
    assert again.of(GROUP).current_id == GROUP


async def test_alerts_go_into_the_topic_that_is_named(tmp_path: Path, server: BotApiServer) -> None:
    _, _, channel, _, _ = await opened(tmp_path, server, topics=(f"{GROUP}:{TOPIC}",))
    await channel.send([pending(1, "exits", {"text": "closed"})], is_repeat=False, is_silent=False)
    assert server.said[0].topic == TOPIC


def pending(number: int, event: str, payload: dict[str, object]) -> Pending:
    return Pending(id=number, key=str(number), ms=START_MS, event=event, payload=payload, attempts=0)


SIGNAL = {
    "signal": "LONG",
    "symbol": "BTCUSDT",
    "entry_price": 100.0,
    "stop_loss": 90.0,
    "take_profit": 120.0,
    "risk_reward": 2.0,
    "confidence": 0.93,
    "probability": 0.54,
    "win_rate": None,
    "expected_return": 0.004,
    "reasoning": "because: conviction +1.40; context: RSI oversold (28)",
}
FILL = {
    "type": "fill",
    "reason": "signal",
    "symbol": "BTCUSDT",
    "trade": "BTCUSDT-1",
    "side": "buy",
    "quantity": 0.5,
    "price": 100.1,
    "fee": 0.02,
    "position": 0.5,
    "trade_net": 0.0,
}


@pytest.mark.parametrize("is_silent", [True, False])
async def test_an_entry_is_one_message_and_its_exit_answers_to_it(
    tmp_path: Path, server: BotApiServer, is_silent: bool
) -> None:
    _, _, channel, _, _ = await opened(tmp_path, server)
    await channel.send([pending(1, "signals", SIGNAL)], is_repeat=False, is_silent=True)
    await channel.send([pending(2, "fills", FILL)], is_repeat=False, is_silent=is_silent)
    closing = FILL | {"side": "sell", "reason": "take", "trade_net": 9.5, "position": 0.0}
    await channel.send([pending(3, "exits", closing)], is_repeat=False, is_silent=False)
    entries = [said for said in server.said if not said.is_deleted]
    assert len(entries) == 2
    assert "Bought 0.5 BTCUSDT at 100.1" in entries[0].plain
    assert entries[0].is_silent == is_silent  # a fill that is to make a sound does not hide in a silent message
    assert entries[1].answers == entries[0].message_id
    assert entries[1].plain.startswith("✅ Closed BTCUSDT-1 at 100.1: take-profit, net +9.50")


@pytest.mark.parametrize("left", ["{", "[]", '{"signals": {"BTCUSDT": 7}, "entries": {}}', None])
async def test_an_entry_is_one_message_although_the_daemon_is_started_again_in_between(
    tmp_path: Path, server: BotApiServer, left: str | None
) -> None:
    _, _, channel, _, _ = await opened(tmp_path, server)
    file = tmp_path / "links.json"

    async def send_from_a_new_start(row: Pending) -> None:
        channel._links = Links(file)
        await channel.send([row], is_repeat=False, is_silent=True)

    await send_from_a_new_start(pending(1, "signals", SIGNAL))
    if left is not None:
        file.write_text(left)  # a damaged memory costs a second message, and nothing else
    await send_from_a_new_start(pending(2, "fills", FILL))
    closing = FILL | {"side": "sell", "reason": "take", "trade_net": 9.5, "position": 0.0}
    await send_from_a_new_start(pending(3, "exits", closing))
    assert len(server.said) == (2 if left is None else 3)
    assert server.said[-1].answers == server.said[-2].message_id


async def test_an_entry_whose_signal_cannot_be_changed_is_told_by_itself(tmp_path: Path, server: BotApiServer) -> None:
    _, _, channel, _, _ = await opened(tmp_path, server)
    await channel.send([pending(1, "signals", SIGNAL)], is_repeat=False, is_silent=True)
    server.fail_next("editMessageText", Failure(status=400, description="Bad Request: message can't be edited"))
    await channel.send([pending(2, "fills", FILL)], is_repeat=False, is_silent=True)
    assert "Bought 0.5" in server.said[-1].plain
    assert alert(1).event == "exits"
