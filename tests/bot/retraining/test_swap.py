"""Hot swaps on a running account: under load, prepared beside trading, and refused where a bundle is broken."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from sqlalchemy import select

from bot.retraining.promotion import on_harm
from storage.ledger.tables import decision, tape
from storage.ledger.verify import verify
from storage.models.registry import Registry, bundle_by_id
from strategies.bundle.bundle import assemble
from strategies.bundle.files import MANIFEST, bundle_id
from strategies.bundle.warm_up import prepare_swap
from strategies.engine import Engine
from strategies.errors import BundleRefused
from strategies.market import MINUTE_MS, Timeframe
from strategies.minute import AccountMinute
from tests.bot.retraining.swappable import BROKEN, eager, ridge_files
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import MARKETS, body_bundle, minutes, new_engine
from tests.builders import START_MS

SWAPS = 200
LEAK_BYTES = 12_000_000  # the allocator wanders by 4 MB; a warm-up kept at every swap would be above 100 MB


async def feed_until(world: DaemonWorld, taken: list[AccountMinute], done: asyncio.Event) -> int:
    """Hand in minutes as fast as they are processed until `done` or none is left; return how many."""
    for count, minute in enumerate(taken):
        if done.is_set():
            return count
        await world.hand(minute)
        world.snapshots.clear()  # each holds the slices that were scored
    return len(taken)


def rows_of(world: DaemonWorld) -> tuple[dict[int, str], list[tuple[int, int, str]]]:
    """Return the bundle of every minute on the tape, and (minute, market, bundle) of every decision."""
    ledger = world.control.ledger
    with ledger._engine.connect() as connection:
        minuted = connection.execute(select(tape.c.minute_ms, tape.c.bundle_id).order_by(tape.c.minute_ms)).all()
        decided = connection.execute(select(decision.c.ms, decision.c.market, decision.c.bundle_id)).all()
    return {row.minute_ms: row.bundle_id for row in minuted}, [
        (ms - MINUTE_MS, market, bundle) for ms, market, bundle in decided
    ]


async def test_two_hundred_swaps_and_rollbacks_under_load_lose_nothing(tmp_path: Path) -> None:
    taken = minutes(9 * 1440)
    async with daemon_world(tmp_path) as world:
        registry, done = world.control.registry, asyncio.Event()
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        feeding = asyncio.create_task(feed_until(world, taken, done), name="feeding")
        swapped: list[tuple[int, str]] = []
        resident: list[int] = []
        for number in range(SWAPS):
            if number % 4 == 3:
                said = await world.control.rollback("test")
            else:
                said = await world.control.promote((calm, hasty)[number % 2], "test")
            assert world.control.snapshot is not None
            swapped.append((said.minute_ms, registry.production("builtin") or "trend-1"))
            resident.append(psutil.Process().memory_info().rss)
        done.set()
        fed = await feeding
        taped, decided = rows_of(world)
        ledger = world.control.ledger
        found = verify(
            ledger._engine, ledger.account, lambda name: _bundle_of(registry, name), progress=lambda _minutes: None
        )
    assert fed < len(taken), "the replay ended before the swaps did"
    assert list(taped) == [START_MS + row * MINUTE_MS for row in range(fed)]
    assert len(swapped) == SWAPS
    assert all(taped[minute] == bundle for minute, bundle in swapped)
    closes = [minute for minute in taped if (minute + MINUTE_MS) % Timeframe.H1.ms == 0]
    assert [(minute, market) for minute, market, _ in decided] == [(m, i) for m in closes for i in range(len(MARKETS))]
    assert all(taped[minute] == bundle for minute, _, bundle in decided)
    assert {calm, hasty} <= set(taped.values())
    assert found.differences == []
    assert found.minutes == fed
    growth = max(resident[-20:]) - max(resident[40:60])
    assert growth < LEAK_BYTES, f"{growth:,} bytes"


def _bundle_of(registry: Registry, name: str):
    return body_bundle() if name == "b-body" else bundle_by_id(registry, "builtin", name, Timeframe.H1)


@pytest.mark.parametrize("habit", BROKEN)
async def test_a_broken_bundle_is_refused_with_its_reason_and_the_old_one_goes_on(tmp_path: Path, habit: str) -> None:
    break_it, reason = BROKEN[habit]
    taken = minutes(3)
    async with daemon_world(tmp_path) as world:
        registry = world.control.registry
        good = registry.add_files(ridge_files())
        await world.hand(taken[0])
        promoting = asyncio.create_task(world.control.promote(good, "test"), name="promoting")
        await _queued(world)
        await world.hand(taken[1])
        await promoting
        name = _store(registry, break_it(ridge_files()), good)
        with pytest.raises(BundleRefused, match=reason):
            await world.control.promote(name, "test")
        await world.hand(taken[2])
        assert world.control.snapshot is not None
        assert world.control.snapshot.bundle_id == good
        assert registry.production("builtin") == good


def _store(registry: Registry, files: dict[str, bytes], good: str) -> str:
    """Put damaged files where a bundle lies: under their own id, or in the place of the one that was damaged."""
    name = bundle_id(files)
    folder = registry.folder(name if name != good else good)
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return folder.name


async def _queued(world: DaemonWorld) -> None:
    async with asyncio.timeout(60):
        while world.trader._swap is None:  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def test_a_folder_damaged_after_its_promotion_does_not_come_back_by_rollback(tmp_path: Path) -> None:
    taken = minutes(3)
    async with daemon_world(tmp_path) as world:
        registry = world.control.registry
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        for name, minute in ((calm, taken[0]), (hasty, taken[1])):
            promoting = asyncio.create_task(world.control.promote(name, "test"), name="promoting")
            await _queued(world)
            await world.hand(minute)
            await promoting
        (registry.folder(calm) / MANIFEST).write_bytes(b"{}")
        with pytest.raises(BundleRefused, match=r"manifest\.json"):
            await world.control.rollback("test")
        await world.hand(taken[2])
        assert world.control.snapshot is not None
        assert world.control.snapshot.bundle_id == registry.production("builtin") == hasty


@pytest.mark.parametrize("is_gone", [False, True])
async def test_a_champion_that_may_not_go_on_makes_way_for_the_trend_rule_where_the_one_before_is_broken(
    tmp_path: Path, is_gone: bool
) -> None:
    taken = minutes(3)
    async with daemon_world(tmp_path) as world:
        registry = world.control.registry
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        for name, minute in ((calm, taken[0]), (hasty, taken[1])):
            promoting = asyncio.create_task(world.control.promote(name, "test"), name="promoting")
            await _queued(world)
            await world.hand(minute)
            await promoting
        if is_gone:
            shutil.rmtree(registry.folder(calm))
        else:
            (registry.folder(calm) / MANIFEST).write_bytes(b"{}")
        stopping = asyncio.create_task(on_harm(world.control, "drawdown 30.0 % is beyond its band"), name="stopping")
        await _queued(world)
        await world.hand(taken[2])
        assert await stopping
        assert world.control.snapshot is not None
        assert world.control.snapshot.bundle_id == "trend-1"
        assert registry.production("builtin") is None
        assert "drawdown" in registry.history("builtin")[-1].why


def stepped(engine: Engine, taken: list[AccountMinute]) -> Engine:
    for minute in taken:
        engine.step(minute)
    return engine


@pytest.mark.parametrize("later", [0, 1, 59, 60, 300])
def test_closes_scored_beforehand_give_the_same_bits_however_late_the_swap_comes(later: int) -> None:
    bundle = assemble(ridge_files(), bundle_id(ridge_files()))
    taken = minutes(90 + later)
    plain, prepared = stepped(new_engine(), taken[:90]), stepped(new_engine(), taken[:90])
    warm_up = prepare_swap(bundle, MARKETS, prepared.copy_candles(), Timeframe.H1)
    for engine in (plain, prepared):
        stepped(engine, taken[90:])
    plain.swap(bundle)
    prepared.swap(bundle, warm_up.scored)
    assert plain.state.to_bytes() == prepared.state.to_bytes()
    assert np.any(plain.state.memory["smoothed"] != 0)


def test_a_prepared_swap_takes_a_fraction_of_an_unprepared_one() -> None:
    bundle = assemble(ridge_files(), bundle_id(ridge_files()))
    engine = stepped(new_engine(), minutes(60))
    warm_up = prepare_swap(bundle, MARKETS, engine.copy_candles(), Timeframe.H1)

    def cost(prepared: bool) -> float:
        begun = time.perf_counter()
        engine.swap(bundle, warm_up.scored if prepared else ())
        return time.perf_counter() - begun

    assert min(cost(True) for _ in range(5)) < 0.5 * min(cost(False) for _ in range(5))
