"""A command that has nothing to do says so at once, without a question; what is shown is in one language's words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.values.training import TrainingProgress
from bot.views.status import rests_of
from strategies.errors import BadInput
from strategies.market import UNITS_PER_QUOTE
from tests.bot.telegram.stage import Scene, scene
from tests.bot.trading.daemon_world import IdleTraining
from tests.bot.trading.world import minutes

MINUTES = minutes(300)


class BusyTraining(IdleTraining):
    """A trainer in the middle of its work, or at another point of it."""

    def __init__(self, **changes: object) -> None:
        super().__init__()
        self.now = TrainingProgress(state="training", why="schedule", started_ms=1, done=3, total=12).after(**changes)

    def progress(self) -> TrainingProgress:
        return self.now


@pytest.fixture
async def stage(tmp_path: Path):
    async with scene(tmp_path, remembers=True) as made:
        await made.world.hand(*MINUTES[:125])
        yield made


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/cancel", "no training is going on; there is nothing to cancel"),
        ("/resume", "Nobody has paused"),
        ("/unlock", "there is nothing to unlock"),
    ],
)
async def test_a_command_with_nothing_to_do_says_so_without_asking(stage: Scene, command: str, said: str) -> None:
    answer = await stage.ask(command)
    assert said in answer.plain
    assert answer.buttons == []


async def test_a_running_training_is_cancelled_and_none_is_started_beside_it(stage: Scene) -> None:
    stage.world.control.training = training = BusyTraining()
    asked = await stage.ask("/cancel")
    assert [button["text"] for button in asked.buttons] == ["Cancel it", "No"]
    await stage.server.press(asked, "Cancel it")
    await stage.server.wait_for(lambda: "Done: the training ends." in asked.plain)
    assert training.asked == ["cancelled by telegram:7"]
    shown = await stage.ask("/retrain")
    assert shown.buttons == []
    assert "25%" in shown.plain
    assert "running, 25%" in (await stage.ask("/status")).plain


async def test_a_bundle_that_is_being_promoted_is_not_cancelled_any_more(stage: Scene) -> None:
    stage.world.control.training = BusyTraining(state="promoting")
    answer = await stage.ask("/cancel")
    assert "nothing left to cancel" in answer.plain
    assert answer.buttons == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/cancel", "süren bir eğitim yok; iptal edilecek bir şey yok"),
        ("/config zz", "'zz' bir bölüm değil; şunlardan biri gerekli: exchange, universe, simulator, feed, data"),
        ("/chart zz", "zz burada işlem görmüyor; BTCUSDT, ETHUSDT, SOLUSDT ve /markets içindekiler görüyor"),
        ("/promote zz", "zz tek bir paketin adı değil"),
        ("/theme", "Resimler hangi zeminde olsun?"),
        ("/language", "Hangi dil?"),
    ],
)
async def test_refusals_are_turkish_and_translate_no_names(stage: Scene, command: str, said: str) -> None:
    await stage.ask("/language tr")
    assert said in (await stage.ask(command)).plain


async def test_a_chat_is_answered_in_its_new_language_to_the_last_word(stage: Scene) -> None:
    assert (await stage.ask("/language tr")).plain.endswith("demo piyasa")
    choosing = await stage.ask("/language")
    count = len(stage.server.said)
    await stage.server.press(choosing, "English")
    assert (await stage.reply_after(count)).plain.endswith("demo market")


async def test_a_setting_that_is_a_table_reads_as_in_the_file(stage: Scene) -> None:
    text = (await stage.ask("/config alerts")).plain
    assert re.search(r'^signals = "silent"$', text, re.MULTILINE)
    assert re.search(r'^webhook.url = ""$', text, re.MULTILINE)
    assert "{" not in text


async def test_what_a_refused_reload_says_keeps_the_name_of_the_file(stage: Scene) -> None:
    async def reread() -> list[str]:
        raise BadInput('config.toml:2: [alerts] fills is "onn"')

    object.__setattr__(stage.context, "reread", reread)
    asked = await stage.ask("/reload_config")
    await stage.server.press(asked, "Reload")
    await stage.server.wait_for(lambda: "Not done" in asked.plain)
    assert 'Not done: config.toml:2: [alerts] fills is "onn"' in asked.plain


async def test_weeks_and_months_name_their_change_from_the_deposit_on(stage: Scene) -> None:
    for command, first in (("/weekly", "12-30"), ("/monthly", "2025-01")):
        row = next(line for line in (await stage.ask(command)).plain.splitlines() if line.startswith(first))
        assert re.search(r"[+-]\d+\.\d%", row), row


async def test_the_age_of_a_candle_is_real_time_on_a_fast_demo(stage: Scene) -> None:
    control = stage.world.control
    control.slowed_to = lambda: 3_600.0
    stage.world.clock.advance(7_200_000)
    assert "candle       2 s old" in (await stage.ask("/status")).plain
    assert "2 s old" in (await stage.ask("/health")).plain


async def test_a_position_under_the_smallest_order_is_told_to_be_a_rest(stage: Scene) -> None:
    control = stage.world.control
    held = control.snapshot.positions  # type: ignore[union-attr]
    market = control.market(held[0].symbol)
    dear = replace(market, min_notional_units=round(2 * held[0].notional * UNITS_PER_QUOTE))
    assert rests_of(held, [market]) == []
    assert rests_of(held, [dear]) == [held[0].symbol]
