"""Every fact has one computation: what API, chat and command line show of it is the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.cli import main
from bot.cli.commands import models as models_command
from bot.values.training import TrainingProgress
from bot.views.bundles import models_of
from bot.views.live_skill import drift_of
from storage.models.registry import Registry
from strategies.bundle.files import MANIFEST
from strategies.errors import Conflict, Expired, NotFound
from strategies.market import HOUR_MS
from strategies.oversight.skill import information_coefficient
from tests.bot.retraining.swappable import eager, ridge_files
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import minutes
from tests.bot.web.serving import bearer, served
from training.data.labels import forward_return

MINUTES = minutes(60 * 26)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A folder with two bundles, and nobody on the port."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGMA_CONFIG", raising=False)
    monkeypatch.setenv("SIGMA_WEB__PORT", "9")
    found = Registry("models")
    found.add_files(ridge_files())
    found.add_files(eager(ridge_files()))
    return found


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["models", "list", "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


@asynccontextmanager
async def minute_by_minute(world: DaemonWorld) -> AsyncIterator[None]:
    """Hand in a minute whenever a command waits."""

    async def feed() -> None:
        for minute in MINUTES[1:]:
            await world.hand(minute)
            await asyncio.sleep(0.01)

    feeding = asyncio.create_task(feed())
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])


async def test_the_live_ic_is_of_the_definition_that_training_uses(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        await world.hand(*MINUTES)
        found = await asyncio.to_thread(drift_of, world.control)
        ledger, timeframe = world.control.ledger, world.control.ledger.account.timeframe
        votes, targets = [], []
        for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
            candles = ledger.candles(symbol)
            for part in ledger.decisions(symbol=symbol, limit=1000):
                row = int(np.searchsorted(candles[:, 0], part.ms - HOUR_MS))
                sigma = np.full(len(candles), float(part.record["sigma"]))
                target, _ = forward_return(candles, sigma, 12, timeframe)
                if np.isfinite(target[row]):
                    votes.append(float(part.record["votes"][0]))
                    targets.append(float(target[row]))
    [skill] = found.families
    assert found.matured == skill.decisions == len(votes)
    assert skill.ic == pytest.approx(information_coefficient(np.array(votes), np.array(targets)))
    through_origin = np.dot(votes, targets) / np.sqrt(np.dot(votes, votes) * np.dot(targets, targets))
    assert skill.ic != pytest.approx(through_origin, abs=1e-4)


async def test_models_are_one_document_in_api_and_command_line(alone: Registry, tmp_path: Path) -> None:
    first, _ = alone.ids()
    alone.promote("builtin", first, "first", 1)
    alone.step_down("builtin", "trend_rule", "IC below 0", 2)
    expected = models_of(alone, "builtin").model_dump(mode="json")
    async with served(tmp_path) as parts, parts.session.get("/api/models") as response:
        told = await response.json()
    assert told == expected
    assert (told["production"], told["champion"], told["active"]) == (None, first, "trend-1")
    assert [type(part["families"]) for part in told["bundles"]] == [list, list]


def test_the_list_of_the_command_line_is_that_document(alone: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == models_of(alone, "builtin").model_dump(mode="json")


def test_one_damaged_bundle_is_named_and_the_others_are_listed(
    alone: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, whole = alone.ids()
    (alone.folder(broken) / MANIFEST).write_text("{")
    found = listed(capsys)
    assert [part["bundle"] for part in found["bundles"]] == [whole]
    assert [part["bundle"] for part in found["damaged"]] == [broken]
    assert main(["models", "list"]) == 0
    assert f"damaged: {broken}" in capsys.readouterr().out


async def test_a_benched_champion_is_rolled_back_by_every_face(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        control, registry = parts.world.control, parts.world.control.registry
        first = registry.add_files(ridge_files())
        await parts.world.hand(MINUTES[0])
        async with minute_by_minute(parts.world):
            await control.promote(first[:6], "test")
            await control.step_down("cash", "fallback policy", "IC below 0")
            assert control.check_rollback() == first
            async with parts.session.post("/api/rollback", headers=bearer(), json={"why": "it lost"}) as response:
                assert response.status == 200
            async with parts.session.post("/api/rollback", headers=bearer()) as response:
                assert response.status == 409
                assert "no champion" in (await response.json(content_type=None))["detail"]
            with pytest.raises(Conflict, match="no champion"):
                control.check_rollback()
        assert "it lost" in registry.history("builtin")[-1].why


def test_a_reason_given_on_the_command_line_reaches_a_running_daemon(
    alone: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        models_command, "_tell_daemon", lambda _config, path, document: sent.append((path, document)) or True
    )
    assert main(["models", "promote", alone.ids()[0], "--why", "better on ETH"]) == 0
    assert main(["models", "rollback", "--why", "worse on ETH"]) == 0
    assert [document["why"] for _, document in sent] == ["better on ETH", "worse on ETH"]


async def test_what_has_to_hold_before_a_command_is_asked_once_for_all(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(MINUTES[0])
        with pytest.raises(Conflict, match="nothing to close"):
            await parts.world.control.close("BTCUSDT", "test")
        async with parts.session.post("/api/close", headers=bearer(), json={"symbol": "BTCUSDT"}) as response:
            assert response.status == 409
        with pytest.raises(NotFound):
            await parts.world.control.promote("b-nothing", "test")
        async with parts.session.post("/api/promote", headers=bearer(), json={"bundle": "b-nothing"}) as response:
            assert response.status == 404


async def test_a_command_that_no_minute_takes_is_withdrawn_and_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.trading.control.COMMAND_TIMEOUT_S", 0.05)
    async with daemon_world(tmp_path) as world:
        await world.hand(MINUTES[0])
        with pytest.raises(Expired, match="not carried out"):
            await world.control.pause("test")
        await world.hand(*MINUTES[1:3])
        assert not world.snapshots[-1].paused


async def test_the_kill_switch_is_never_withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.trading.control.COMMAND_TIMEOUT_S", 0.05)
    async with daemon_world(tmp_path) as world:
        await world.hand(MINUTES[0])
        with pytest.raises(Exception, match="takes effect with the next one"):
            await world.control.stop("test")
        await world.hand(MINUTES[1])
        assert world.snapshots[-1].paused


@pytest.mark.parametrize(
    ("progress", "fraction", "text"),
    [
        (TrainingProgress(), None, "idle"),
        (TrainingProgress(state="training", line="fold 3/7, 42 % sure"), None, "fold 3/7, 42 % sure"),
        (
            TrainingProgress(state="training", stage="fits", done=1, total=4, eta_s=5.0),
            0.25,
            "fits: 1 of 4, about 5 s left",
        ),
    ],
)
def test_progress_is_a_number_that_nobody_reads_out_of_words(
    progress: TrainingProgress, fraction: float | None, text: str
) -> None:
    assert (progress.fraction, progress.text) == (fraction, text)
    assert json.loads(progress.model_dump_json())["fraction"] == fraction


async def test_a_training_is_cancelled_through_the_api(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(MINUTES[0])
        async with parts.session.post("/api/training/cancel", headers=bearer()) as response:
            assert response.status == 202
        assert parts.world.training.asked == ["cancelled by web"]
