"""The card of an entry: its words, the account, a picture of the candles, and what its buttons do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.telegram.cards import Cards
from bot.telegram.channel import TelegramChannel
from bot.telegram.connection import connect
from tests.bot.alerts.stage import telegram_settings
from tests.bot.telegram.bot_api_server import PERSON, Said
from tests.bot.telegram.stage import Scene, scene
from tests.bot.telegram.test_refusals import FILL, SIGNAL, pending
from tests.bot.trading.world import minutes

MINUTES = minutes(1_740)
STEP = 60


@pytest.fixture
async def stage(tmp_path: Path):
    async with scene(tmp_path) as made:
        for first in range(0, len(MINUTES), STEP):
            await made.world.hand(*MINUTES[first : first + STEP])
            if made.world.control.ledger.positions():
                break
        yield made


async def entry_card(stage: Scene) -> Said:
    """Send a signal and its fill as a chat with cards gets them."""
    held = stage.world.control.ledger.positions()[0]
    client = connect(telegram_settings(stage.server.address), timeout_s=2.0)
    await client.initialize()
    cards = Cards(stage.world.control, pictures=True)
    channel = TelegramChannel(client, PERSON, stage.quiet, is_demo=True, cards=cards)
    count = len(stage.server.said)
    trade = f"{held.symbol}-{held.trade}"
    for number, (event, payload) in enumerate((("signals", SIGNAL), ("fills", FILL | {"trade": trade})), 1):
        row = pending(number, event, payload | {"symbol": held.symbol})
        await channel.send([row], is_repeat=False, is_silent=False)
    await client.shutdown()
    kept = [said for said in stage.server.said[count:] if said.buttons and not said.is_deleted]
    assert len(kept) == 1
    return kept[0]


async def pressed(stage: Scene, said: Said, label: str) -> Said:
    stage.seconds.now += 10.0
    count = len(stage.server.said)
    await stage.server.press(said, label)
    return await stage.reply_after(count)


async def test_an_entry_is_one_picture_with_four_buttons_that_do_what_they_say(stage: Scene) -> None:
    held = stage.world.control.ledger.positions()[0]
    card = await entry_card(stage)
    assert held.symbol in card.plain
    assert "equity" in card.plain
    assert [button["text"] for button in card.buttons] == ["Why", "Chart", "Close", "Mute 1 h"]
    assert "votes" in (await pressed(stage, card, "Why")).plain
    assert (await pressed(stage, card, "Chart")).kind == "sendPhoto"
    assert "Close" in (await pressed(stage, card, "Close")).plain
    assert "silent" in (await pressed(stage, card, "Mute")).plain.lower()


async def test_pictures_are_drawn_light_and_dark(stage: Scene) -> None:
    cards, held = Cards(stage.world.control, pictures=True), stage.world.control.ledger.positions()[0]
    found = [
        cards.card("signals", SIGNAL | {"symbol": held.symbol}, is_dark=is_dark).picture for is_dark in (False, True)
    ]
    assert all(picture is not None and picture.startswith(b"\x89PNG") for picture in found)
    assert found[0] != found[1]
    assert Cards(stage.world.control, pictures=False).card("signals", SIGNAL, is_dark=True).picture is None
