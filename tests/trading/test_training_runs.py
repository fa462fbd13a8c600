"""What the daemon makes of a training's document: promotion, shadow, bench, the trend rule, or a complaint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.training_runs import TrainingRuns, on_harm
from bot.venue import Venue
from storage.config import Config
from strategies.errors import BadInput
from tests.trading.daemon_world import DaemonWorld, daemon_world
from tests.trading.swappable import eager, flipped_byte, ridge_files
from tests.trading.world import minutes

MINUTES = minutes(12)


class NotedShadowing:
    """Notes who was to challenge."""

    def __init__(self) -> None:
        self.challengers: list[str] = []

    async def challenge(self, bundle_id: str) -> None:
        self.challengers.append(bundle_id)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[DaemonWorld, TrainingRuns]]:
    """Run a trader that takes a minute whenever a swap waits, with the daemon's side of training beside it."""
    async with daemon_world(folder) as world:
        clock = ManualClock(0)
        runs = TrainingRuns(Config(), Venue(url="", clock=clock, place=world.control.place), clock)
        runs.control = world.control
        runs.shadowing = NotedShadowing()  # type: ignore[assignment]
        await world.hand(MINUTES[0])
        feeding = asyncio.create_task(_feed(world), name="feeding")
        try:
            yield world, runs
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])


async def _feed(world: DaemonWorld) -> None:
    for minute in MINUTES[1:]:
        while world.trader._swap is None:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        await world.hand(minute)


def document(bundle: str, step: str, **more: Any) -> dict[str, Any]:
    return {"bundle": bundle, "verdict": {"step": step, "reason": "because"}, "case": "refresh"} | more


def deciding(world: DaemonWorld) -> str:
    assert world.control.snapshot is not None
    return world.control.snapshot.bundle_id


async def test_a_candidate_that_passed_decides_and_one_that_did_not_stays_on_the_bench(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        registry = world.control.registry
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        assert await runs.promote(document(calm, "promote")) == f"bundle {calm} promoted: because"
        assert deciding(world) == registry.production("builtin") == calm
        assert await runs.promote(document(hasty, "reject")) == f"bundle {hasty} rejected: because; {calm} goes on"
        assert deciding(world) == calm


async def test_a_changed_recipe_shadows(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        before = deciding(world)
        assert "passed and shadows" in await runs.promote(document("b-1", "shadow"))
        assert runs.shadowing.challengers == ["b-1"]  # type: ignore[union-attr]
        assert deciding(world) == before


async def test_a_candidate_that_broke_on_the_way_is_refused_and_the_old_one_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        before = deciding(world)
        name = world.control.registry.add_files(flipped_byte(ridge_files()))
        said = await runs.promote(document(name, "promote"))
        assert said.startswith(f"bundle {name} refused: ")
        assert said.endswith(f"{before} goes on")


async def test_the_fallback_ladder_lets_the_trend_rule_decide(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        registry = world.control.registry
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        await runs.promote(document(calm, "promote"))
        ladder = {"trading": "trend_rule", "why": "the champion's 12-month out-of-sample IC is -0.012, below 0"}
        said = await runs.promote(document(hasty, "promote", ladder=ladder))
        assert said.startswith("the trend rule decides from now on: the champion's 12-month")
        assert deciding(world) == "trend-1"
        assert registry.production("builtin") is None
        first = await runs.promote(document(hasty, "promote", ladder=ladder, case="first"))
        assert first == f"bundle {hasty} promoted: because"


async def test_a_monitor_rolls_back_and_says_when_there_is_nothing_to_roll_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        assert not await on_harm(world.control, "drawdown 12.0 % is beyond its band")
        calm = world.control.registry.add_files(ridge_files())
        await runs.promote(document(calm, "promote"))
        assert await on_harm(world.control, "drawdown 12.0 % is beyond its band")
        assert deciding(world) == "trend-1"
        assert "drawdown" in world.control.registry.history("builtin")[-1].why


@pytest.mark.parametrize("garbage", [{}, {"bundle": "b-1"}, {"bundle": 7, "verdict": {"step": "promote"}}])
async def test_a_document_that_is_none_is_refused(tmp_path: Path, garbage: dict[str, Any]) -> None:
    async with running(tmp_path) as (_, runs):
        with pytest.raises(BadInput, match="a bundle and a verdict with a step are needed"):
            await runs.promote(garbage)


def test_the_child_is_asked_to_retrain_and_to_leave_promoting_to_the_daemon() -> None:
    clock = ManualClock(0)
    arguments = TrainingRuns(Config(), Venue(url="", clock=clock, place=None), clock).arguments()  # type: ignore[arg-type]
    assert arguments[0] == "retrain"
    assert "--no-promote" in arguments
