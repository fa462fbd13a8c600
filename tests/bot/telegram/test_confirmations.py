"""Whatever changes state asks first: yes does it through control, no and silence do not, and a yes counts once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from strategies.minute import AccountMinute
from tests.bot.telegram.bot_api_server import Failure, Said
from tests.bot.telegram.stage import Scene, add_bundle, scene
from tests.bot.trading.world import minutes

MINUTES = minutes(600)


@pytest.fixture
async def stage(tmp_path: Path):
    async with scene(tmp_path) as made:
        await made.world.hand(*MINUTES[:125])
        yield made


def minutes_from(stage: Scene) -> list[AccountMinute]:
    last_ms = stage.world.trader.last_minute_ms
    return [minute for minute in MINUTES if minute.open_ms > last_ms]


async def confirm(stage: Scene, said: Said, label: str) -> str:
    """Press yes, let minutes go by until the question is answered, and return what it reads then."""
    await stage.server.press(said, label)
    async with asyncio.timeout(60):
        for minute in minutes_from(stage):
            if "Done" in said.plain:
                return said.plain
            await stage.world.hand(minute)
            await asyncio.sleep(0.05)
    raise AssertionError(f"not done when the minutes ran out: {said.plain}")


async def test_pause_and_resume_take_effect_with_the_next_minute(stage: Scene) -> None:
    control = stage.world.control
    said = await stage.ask("/pause")
    assert [button["text"] for button in said.buttons] == ["Pause", "No"]
    assert not control.snapshot.paused  # type: ignore[union-attr]
    assert "in the ledger with the minute of 2025-01-01" in await confirm(stage, said, "Pause")
    assert control.snapshot.paused  # type: ignore[union-attr]
    assert said.buttons == []
    assert "Paused by a person" in (await stage.ask("/locks")).plain
    await confirm(stage, await stage.ask("/resume"), "Resume")
    assert not control.snapshot.paused  # type: ignore[union-attr]


async def test_close_offers_what_is_held_and_closes_what_was_chosen(stage: Scene) -> None:
    held = stage.world.control.ledger.positions()
    assert held, "the small world holds something after two hours"
    symbol = held[0].symbol
    menu = await stage.ask("/close")
    assert [button["text"] for button in menu.buttons] == [*(part.symbol for part in held), "All"]
    count = len(stage.server.said)
    await stage.server.press(menu, symbol)
    await confirm(stage, await stage.reply_after(count), "Close")
    await stage.world.hand(*minutes_from(stage)[:2])
    closed = stage.world.control.ledger.trades(symbol=symbol)[0]
    assert closed.closed_because == "command"


async def test_stop_closes_everything_and_a_second_one_has_nothing_to_do(stage: Scene) -> None:
    await confirm(stage, await stage.ask("/stop"), "Stop")
    await stage.world.hand(*minutes_from(stage)[:2])
    assert stage.world.control.ledger.positions() == []
    assert stage.world.control.snapshot.paused  # type: ignore[union-attr]
    assert "nothing is open and no entry is taken" in (await stage.ask("/stop")).plain
    assert "nothing to unlock" in (await stage.ask("/unlock")).plain


async def test_no_means_no(stage: Scene) -> None:
    said = await stage.ask("/stop")
    await stage.server.press(said, "No")
    await stage.server.wait_for(lambda: "Not done" in said.plain)
    await stage.world.hand(*minutes_from(stage)[:2])
    assert not stage.world.control.snapshot.paused  # type: ignore[union-attr]


async def test_a_question_expires(stage: Scene) -> None:
    said = await stage.ask("/stop")
    stage.seconds.now += 61
    await stage.server.press(said, "Stop")
    await asyncio.wait_for(_answered(stage, "expired"), 60)
    await stage.world.hand(*minutes_from(stage)[:2])
    assert not stage.world.control.snapshot.paused  # type: ignore[union-attr]


async def test_a_yes_counts_once(stage: Scene) -> None:
    said = await stage.ask("/retrain")
    data = said.buttons[0]["callback_data"]
    await stage.server.press_data(said, data)
    await stage.server.press_data(said, data)
    await asyncio.wait_for(_answered(stage, "expired"), 60)
    assert stage.world.training.asked == ["asked for in Telegram chat 7"]


async def test_buttons_of_another_life_do_nothing(stage: Scene) -> None:
    said = await stage.ask("/stop")
    await stage.server.press_data(said, "do:a-token-of-before")
    await asyncio.wait_for(_answered(stage, "expired"), 60)
    await stage.server.press_data(said, "nonsense")
    await stage.world.hand(*minutes_from(stage)[:2])
    assert not stage.world.control.snapshot.paused  # type: ignore[union-attr]


async def test_what_was_confirmed_is_done_even_when_telegram_cannot_be_told(stage: Scene) -> None:
    said = await stage.ask("/pause")
    stage.server.fail_next("answerCallbackQuery", Failure(status=502))
    stage.server.fail_next("editMessageText", Failure(status=502), Failure(status=502))
    await stage.server.press(said, "Pause")
    async with asyncio.timeout(60):
        for minute in minutes_from(stage):
            await stage.world.hand(minute)
            if stage.world.control.snapshot.paused:  # type: ignore[union-attr]
                break
            await asyncio.sleep(0.05)
    assert stage.world.control.snapshot.paused  # type: ignore[union-attr]


async def test_promote_and_rollback_move_the_production_pointer(stage: Scene) -> None:
    registry = stage.world.control.registry
    first, second = add_bundle(registry, 1), add_bundle(registry, 2)
    text = await confirm(stage, await stage.ask(f"/promote {first}"), "Promote")
    assert f"{first} decides from" in text
    assert registry.production("builtin") == first
    await confirm(stage, await stage.ask(f"/promote {second[:8]}"), "Promote")
    text = await confirm(stage, await stage.ask("/rollback"), "Roll back")
    assert f"{first} decides from" in text
    assert registry.production("builtin") == first
    assert stage.world.control.snapshot.bundle_id == first  # type: ignore[union-attr]


async def _answered(stage: Scene, word: str) -> None:
    await stage.server.wait_for(lambda: any(word in text for text in stage.server.answered_callbacks))


async def test_a_command_that_took_effect_is_told_once_with_who_asked(stage: Scene) -> None:
    await confirm(stage, await stage.ask("/pause"), "Pause")
    await stage.server.wait_for(lambda: any("in Telegram chat 7" in said.plain for said in stage.server.said), 60)
    await asyncio.sleep(0)
    told = [said.plain for said in stage.server.said if "Paused" in said.plain or "Protection" in said.plain]
    assert [text.splitlines()[0] for text in told] == ["🛡 Paused: no new entries, exits go on (in Telegram chat 7)"]
