"""The bot as part of the daemon: strangers, haste, another poller, a hanging Telegram, progress, secrets, memory."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from pathlib import Path

import pytest

from bot.operations import logs
from bot.values.training import TrainingProgress
from storage.config.services import LogSettings
from tests.bot.alerts.stage import until
from tests.bot.telegram.bot_api_server import PERSON, TOKEN, Failure
from tests.bot.telegram.stage import Scene, scene
from tests.bot.trading.world import minutes
from tests.builders import ROOT

MINUTES = minutes(240)
STRANGER = 666


@pytest.fixture
async def stage(tmp_path: Path):
    async with scene(tmp_path) as made:
        await made.world.hand(*MINUTES[:2])
        yield made


def metric(stage: Scene, line: str) -> bool:
    return line in stage.world.metrics.render()[0].decode()


async def test_strangers_get_no_answer_and_are_counted(stage: Scene) -> None:
    question = await stage.ask("/stop")
    await stage.server.write("/status", chat_id=STRANGER)
    await stage.server.press(question, "Stop", chat_id=STRANGER)
    await until(lambda: stage.access.refused["foreign"] == 2)
    await stage.ask("/help")
    assert all(said.chat_id == PERSON for said in stage.server.said)
    assert metric(stage, 'sigma_telegram_ignored_total{reason="foreign"} 2.0')
    await stage.world.hand(*MINUTES[2:4])
    assert not stage.world.control.snapshot.paused  # type: ignore[union-attr]


async def test_too_many_commands_are_refused_once_in_words(stage: Scene) -> None:
    for _ in range(40):
        await stage.server.write("/version")
    await until(lambda: stage.access.refused["too_fast"] == 10)
    await stage.server.wait_for(lambda: len(stage.server.said) == 31)
    assert [said.plain for said in stage.server.said].count(
        "Too many commands: this one was not answered. 30 a minute are.\ndemo market"
    ) == 1
    stage.seconds.now += 61
    assert "Commands" in (await stage.ask("/help")).plain


async def test_another_poller_is_said_once_and_alerts_go_on(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.telegram.poller.CONFLICT_WAIT_S", 0.1)
    await stage.ask("/help")
    stage.server.mood = "conflict"
    await stage.server.write("/help")  # wakes the poll that is under way
    await stage.server.wait_for(lambda: any("409 Conflict" in said.plain for said in stage.server.said), 60)
    stage.server.mood = "well"
    said = await stage.ask("/status")
    assert "equity" in said.plain or "Commands" in said.plain
    assert sum("409 Conflict" in said.plain for said in stage.server.said) == 1


async def test_trading_goes_on_while_telegram_hangs(stage: Scene) -> None:
    stage.server.mood = "hangs"
    await stage.server.write("/status")
    started = asyncio.get_running_loop().time()
    await stage.world.hand(*MINUTES[2:182])
    taken_s = asyncio.get_running_loop().time() - started
    assert stage.world.control.snapshot.minute_ms == MINUTES[181].open_ms  # type: ignore[union-attr]
    assert taken_s < 20
    assert stage.alerts.outbox.backlog(f"telegram:{PERSON}") > 0


async def test_training_progress_is_edited_in_place(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.telegram.follower.EVERY_S", 0.01)
    states = [
        TrainingProgress(state="training", why="asked for", started_ms=1_735_689_600_000, line=f"fold {number} of 3")
        for number in (1, 2, 3)
    ]
    ended = TrainingProgress(last_outcome="bundle b-1 promoted", last_finished_ms=1_735_693_200_000)
    current = states[0]
    monkeypatch.setattr(stage.world.training, "progress", lambda: current)
    said = await stage.ask("/training")
    assert "fold 1 of 3" in said.plain
    before = len(stage.server.said)
    for state in (*states[1:], ended):
        current = state
        expected = state.line or state.last_outcome
        await stage.server.wait_for(lambda expected=expected: expected in said.plain, 60)
    assert len([text for text in said.texts if "fold" in text]) == 3
    assert len(stage.server.said) == before


async def test_flood_control_delays_an_answer_and_does_not_lose_it(stage: Scene) -> None:
    stage.server.fail_next("sendMessage", Failure(status=429, description="Too Many Requests", retry_after=1))
    assert "Commands" in (await stage.ask("/help")).plain


async def test_a_telegram_that_is_away_at_start_is_waited_for(tmp_path: Path) -> None:
    async with scene(tmp_path) as stage:
        await stage.server.stop()
        await stage.world.hand(*MINUTES[:3])
        await stage.server.start()
        assert "Commands" in (await stage.ask("/help")).plain


async def test_the_token_is_in_no_log_and_no_delivery(tmp_path: Path) -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(directory=tmp_path / "logs", level="debug"), verbose=True, stream=stream)
    async with scene(tmp_path) as stage:
        refused = Failure(status=401, description=f"Unauthorized: {TOKEN}")
        stage.server.fail_next("getUpdates", Failure(status=502, description=TOKEN))
        stage.server.fail_next("sendMessage", Failure(status=400, description=f"Bad Request {TOKEN}"), refused)
        await stage.alerts.note("training", "training:1", {"type": "began", "why": "test"}, 1)
        await stage.alerts.note("training", "training:2", {"type": "began", "why": "test"}, 2)
        await stage.world.hand(*MINUTES[:70])
        await until(lambda: "alert delivery failed" in stream.getvalue())
    written = stream.getvalue() + "".join(path.read_text() for path in (tmp_path / "logs").iterdir())
    assert "alert given up" in written
    assert TOKEN not in written
    assert TOKEN.encode() not in (tmp_path / "ledger.db").read_bytes()


def test_neither_telegram_nor_matplotlib_is_loaded_before_it_is_needed() -> None:
    program = (
        "import sys\nimport bot.daemon\nprint('telegram' in sys.modules, 'matplotlib' in sys.modules)\n"
        "import bot.telegram.bot\nprint('matplotlib' in sys.modules, 'telegram.ext' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.stdout.split() == ["False"] * 4, found.stderr


async def test_an_update_that_cannot_be_read_is_passed_over_and_the_command_behind_it_is_answered(stage: Scene) -> None:
    server = stage.server
    for message in ({"chat": {"id": 7}}, "text", {"message_id": None, "date": "never", "chat": []}):
        server._updates.append({"update_id": next(server._update_ids), "message": message})
    said = await stage.ask("/version")
    assert "sigma-analyst" in said.plain
