"""Champion and challenger on live candles: what is written, what it comes to, and that a restart forgets nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.retraining.shadow_bundle import Close, close_of
from bot.retraining.shadowing import Shadowing
from bot.trading.control import Done
from bot.values.shadow_results import ShadowTests
from storage.config.training import ValidationSettings
from storage.ledger.shadows import Shadow, Shadows
from strategies.bundle.files import bundle_id
from strategies.errors import BundleRefused
from strategies.market import HOUR_MS, MINUTE_MS, Timeframe
from strategies.minute import AccountMinute
from strategies.oversight.e_process import EProcess, realized_return
from strategies.oversight.shadow_rules import Step, judge
from tests.bot.retraining.swappable import eager, flipped_byte, ridge_files
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import minutes
from tests.builders import START_MS, candles

HOURS = 16
MINUTES = minutes(HOURS * 60 + 2)
H1 = Timeframe.H1


def made(world: DaemonWorld, **validation: float) -> Shadowing:
    ledger = world.control.ledger
    return Shadowing(
        control=world.control,
        shadows=Shadows(ledger._engine, ledger.account.id),
        prepare=world.trader.prepare,
        settings=ValidationSettings(**validation),  # type: ignore[arg-type]
        timeframe=H1,
    )


def kept(world: DaemonWorld) -> Shadows:
    return Shadows(world.control.ledger._engine, world.control.ledger.account.id)


@asynccontextmanager
async def championed(folder: Path) -> AsyncIterator[tuple[DaemonWorld, str, str]]:
    """Run a trader on which the calm ridge bundle decides; yields it with the ids of both bundles."""
    async with daemon_world(folder) as world:
        registry = world.control.registry
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        promoting = asyncio.create_task(world.control.promote(calm, "test"), name="promoting")
        async with asyncio.timeout(60):
            while world.trader._swap is None:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        await world.hand(MINUTES[0])
        await promoting
        yield world, calm, hasty


async def closes(world: DaemonWorld, first: int, last: int) -> list[Close]:
    """Trade on to the close of hour `last` and return the decisions from hour `first` on."""
    found = []
    for hour in range(first, last):
        await world.hand(*MINUTES[max(1, hour * 60) : (hour + 1) * 60])
        close = close_of(world.snapshots[-1], H1)
        assert close is not None
        found.append(close)
        world.snapshots.clear()
    return found


async def test_what_was_expected_and_what_came_is_written_and_the_evidence_is_made_of_it(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, calm, hasty):
        shadowing, shadows = made(world), kept(world)
        await shadowing.challenge(hasty)
        for close in await closes(world, 0, HOURS):
            await shadowing.take(close)
        running = {shadow.role: shadow for shadow in shadows.all(running=True)}
        assert set(running) == {"challenger", "nothing"}
        challenger = running["challenger"]
        settled, waiting = shadows.matured(challenger), shadows.open_expectations(challenger)
        history = world.trader._engine.copy_candles()
    assert len(settled) == 3 * (HOURS - 13)
    assert len(waiting) == 3 * 13
    assert {part.champion_id for part in settled} == {calm}
    evidence = EProcess.begin(3, 12)
    for part in settled:
        assert part.expected == pytest.approx(3 * part.champion_expected)
        came = realized_return(history[part.market], part.open_ms, part.sigma, 12, H1)
        assert came == part.came
        evidence = evidence.seen(
            part.market, part.open_ms // HOUR_MS, float(came or 0), part.expected, part.champion_expected
        )
    assert challenger.evidence.logs.tobytes() == evidence.logs.tobytes()
    assert challenger.evidence.observations == len(settled)
    assert running["nothing"].evidence.observations == len(settled)
    told = ShadowTests(shadows, 20.0, H1).result(challenger)
    assert (told.outcomes, told.role, told.champion) == (len(settled), "challenger", challenger.champion_id)
    assert told.likelihood_ratio == challenger.evidence.for_challenger
    assert told.days_to_decide is not None
    assert told.days_to_decide > 1
    assert "to decide, were it right" in told.text
    assert told.ic is None


async def test_a_shadow_expects_what_it_would_have_decided(tmp_path: Path) -> None:
    """The champion shadowed by itself: both expectations agree but for the smoothing's forgotten beginning."""
    async with championed(tmp_path) as (world, calm, _):
        shadowing, shadows = made(world), kept(world)
        shadow = Shadow(
            bundle_id=calm, started_ms=1, role="challenger", champion_id=calm, evidence=EProcess.begin(3, 12)
        )
        shadows.begin(shadow)
        shadowing._running, shadowing._champion_id = [shadow], calm
        for close in await closes(world, 0, 5):
            await shadowing.take(close)
        found = shadows.open_expectations(shadow)
    assert len(found) == 15
    for part in found:
        assert part.expected == pytest.approx(part.champion_expected, abs=1e-12)


async def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, _, hasty):
        first, shadows = made(world), kept(world)
        await first.challenge(hasty)
        taken = await closes(world, 0, 16)
        for close in taken[:14]:
            await first.take(close)
        second = made(world)
        second._running = shadows.all(running=True)
        for close in taken[14:]:
            await second.take(close)
        for close in taken[14:]:
            await first.take(close)
        written = shadows.all()
        assert [shadow.role for shadow in written] == ["challenger", "nothing"]
        assert all(shadow.ended_ms is None for shadow in written)
        assert written[0].evidence.observations == 3 * 3


async def until_moved(world: DaemonWorld, shadowing: Shadowing, champion: str, first: int = 1) -> list[Shadow]:
    """Trade hour by hour, shadowing beside it, until another bundle decides."""
    task = asyncio.create_task(shadowing.run(), name="shadowing")
    for minute in MINUTES[first:]:
        await world.hand(minute)
        shadowing.on_snapshot(world.snapshots[-1])
        world.snapshots.clear()
        if (minute.open_ms + MINUTE_MS) % HOUR_MS == 0:
            await asyncio.sleep(0.05)
        assert world.control.snapshot is not None
        if world.control.snapshot.bundle_id != champion:
            break
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    return kept(world).all()


async def test_a_challenger_proven_right_is_promoted(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, calm, hasty):
        shadowing = made(world, harm_likelihood_ratio=9_999.0)
        await shadowing.challenge(hasty)
        won = replace(shadowing._running[0].evidence, logs=np.full((3, 12), 12.0))
        shadowing._running[0] = replace(shadowing._running[0], evidence=won)
        kept(world).mature(shadowing._running[0], [], won)
        written = await until_moved(world, shadowing, calm)
        assert world.control.snapshot is not None
        assert world.control.snapshot.bundle_id == world.control.registry.production("builtin") == hasty
    assert "against the champion" in str(written[0].outcome)


async def test_the_harm_stop_rolls_a_champion_back_to_its_predecessor(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, calm, hasty):
        promoting = asyncio.create_task(world.control.promote(hasty, "test"), name="promoting")
        async with asyncio.timeout(60):
            while world.trader._swap is None:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        await world.hand(MINUTES[1])
        await promoting
        shadowing = made(world, harm_likelihood_ratio=9_999.0)
        shadowing._champion_id = hasty
        await shadowing._begin(calm, "predecessor", 12)
        won = replace(shadowing._running[0].evidence, logs=np.full((3, 12), 12.0))
        kept(world).mature(shadowing._running[0], [], won)
        await until_moved(world, shadowing, hasty, first=2)
        assert world.control.registry.production("builtin") == calm
        assert "harm stop" in world.control.registry.history("builtin")[-1].why


async def test_a_harm_stop_that_was_noted_but_not_carried_out_is_made_up_for_at_the_next_start(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, calm, hasty):
        await moved(world, world.control.promote(hasty, "test"), MINUTES[1])
        killed = made(world, harm_likelihood_ratio=9_999.0)
        killed._champion_id = hasty
        await killed._begin(calm, "predecessor", 12)
        (shadow,) = killed._running
        proven = replace(shadow.evidence, logs=np.full((3, 12), 12.0))
        kept(world).mature(shadow, [], proven)
        kept(world).end(shadow, world.control.clock.now_ms() + 1, "harm stop")  # and here the program was killed
        assert world.control.registry.production("builtin") == hasty

        await until_moved(world, made(world, harm_likelihood_ratio=9_999.0), hasty, first=2)
        assert world.control.registry.production("builtin") == calm
        assert "harm stop" in world.control.registry.history("builtin")[-1].why


async def test_a_trial_that_proved_nothing_or_ended_before_this_champion_is_not_made_up_for(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, calm, hasty):
        await moved(world, world.control.promote(hasty, "test"), MINUTES[1])
        earlier = made(world, harm_likelihood_ratio=9_999.0)
        earlier._champion_id = hasty
        await earlier._begin(calm, "predecessor", 12)
        (shadow,) = earlier._running
        since_ms = world.control.registry.history("builtin")[-1].since_ms or 0
        for logs, ended_ms in ((0.0, since_ms + 1), (12.0, since_ms)):
            kept(world).mature(shadow, [], replace(shadow.evidence, logs=np.full((3, 12), logs)))
            kept(world).end(shadow, ended_ms, "over")
            await made(world, harm_likelihood_ratio=9_999.0)._make_up()
            assert world.control.registry.production("builtin") == hasty


async def moved(world: DaemonWorld, command: Coroutine[Any, Any, Done], minute: AccountMinute) -> None:
    """Carry out something that swaps, with the minute that takes it."""
    task = asyncio.create_task(command, name="moving")
    async with asyncio.timeout(60):
        while world.trader._swap is None:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    await world.hand(minute)
    await task


async def test_a_champion_on_the_bench_is_watched_and_only_the_ladder_calls_it_back(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, calm, _):
        shadowing, shadows = made(world, harm_likelihood_ratio=2.0), kept(world)
        await moved(world, world.control.step_down("trend_rule", "fallback ladder", "IC -0.012, below 0"), MINUTES[1])
        first = (await closes_from(world, 2, 1))[0]
        await shadowing.take(first)
        [shadow] = shadows.all(running=True)
        assert (shadow.bundle_id, shadow.role, shadow.champion_id) == (calm, "benched", "trend-1")
        assert len(shadows.open_expectations(shadow)) == 3
        won = replace(shadow.evidence, logs=np.full((3, 12), 12.0))
        shadowing._running = [replace(shadow, evidence=won)]
        again = made(world)  # a restart keeps it
        again._running = shadows.all(running=True)
        for close in await closes_from(world, 60, 3):
            await shadowing.take(close)
            await again.take(close)
        assert world.control.snapshot is not None
        assert world.control.snapshot.bundle_id == "trend-1"
        assert [part.role for part in shadows.all()] == ["benched"]
        await moved(world, world.control.promote(calm, "fallback ladder", "IC +0.040"), MINUTES[180])
        for close in await closes_from(world, 181, 4):
            await again.take(close)
        ended = [part for part in shadows.all() if part.role == "benched"]
        assert ended[0].outcome == "it decides now"


async def closes_from(world: DaemonWorld, minute: int, hour: int) -> list[Close]:
    """Trade on from a minute to the close of an hour and return the decisions taken."""
    found = []
    for each in MINUTES[minute : hour * 60]:
        world.snapshots.clear()
        await world.hand(each)
        close = close_of(world.snapshots[-1], H1)
        found += [] if close is None else [close]
    return found


async def test_a_broken_challenger_is_refused_and_one_that_breaks_later_is_let_go(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, calm, hasty):
        shadowing, registry = made(world), world.control.registry
        broken = flipped_byte(ridge_files())
        name = registry.add_files(broken)
        with pytest.raises(BundleRefused):
            await shadowing.challenge(name)
        assert kept(world).all() == []
        await shadowing.challenge(hasty)
        next(registry.folder(hasty).glob("ridge.json")).write_bytes(b"{}")
        for close in await closes(world, 0, 1):
            await shadowing.take(close)
        ended = [shadow for shadow in kept(world).all() if shadow.bundle_id == hasty]
        assert "not watched any more" in str(ended[0].outcome)
        assert world.control.registry.production("builtin") == calm
        assert bundle_id(broken) == name


async def test_closes_that_pile_up_are_skipped_and_never_block(tmp_path: Path) -> None:
    async with championed(tmp_path) as (world, _, _hasty):
        shadowing = made(world)
        [close] = await closes(world, 0, 1)
        await world.hand(*MINUTES[60:120])
        for _ in range(100):
            shadowing.on_snapshot(world.snapshots[-1])
        assert shadowing._closes.qsize() == 16
        assert close.seen[0].candles.base is None


RIGHT = EProcess(logs=np.full((1, 2), math.log(25)), observations=4, growth=1.0)
WRONG = EProcess(logs=np.full((1, 2), -math.log(25)), observations=4, growth=1.0)
OPEN = EProcess(logs=np.zeros((1, 2)), observations=4, growth=0.01)


@pytest.mark.parametrize(
    ("role", "evidence", "age_d", "limit_d", "expected"),
    [
        ("challenger", RIGHT, 5, None, Step.PROMOTE),
        ("challenger", WRONG, 5, None, Step.END),
        ("challenger", OPEN, 5_000, None, Step.GO_ON),
        ("predecessor", RIGHT, 5, 30, Step.ROLL_BACK),
        ("predecessor", WRONG, 5, 30, Step.GO_ON),
        ("predecessor", OPEN, 30, 30, Step.END),
        ("nothing", RIGHT, 5, None, Step.ROLL_BACK),
        ("nothing", WRONG, 5, None, Step.GO_ON),
    ],
)
def test_the_rules_of_trials(
    role: str, evidence: EProcess, age_d: float, limit_d: float | None, expected: Step
) -> None:
    step, sentence = judge(role, evidence, 20.0, age_d, limit_d, 1.0)  # type: ignore[arg-type]
    assert step is expected
    assert "4 outcomes" in sentence


def test_what_came_is_known_when_the_last_open_is_and_lost_in_a_gap() -> None:
    rows = candles(40, start_ms=START_MS)
    opened = math.log(rows[15, 1] / rows[3, 1])
    assert realized_return(rows, START_MS + 2 * HOUR_MS, 0.5, 12, H1) == pytest.approx(opened / (0.5 * math.sqrt(12)))
    assert realized_return(rows, START_MS + 2 * HOUR_MS, 1e-9, 12, H1) in (3.0, -3.0)
    assert realized_return(rows[:15], START_MS + 2 * HOUR_MS, 0.5, 12, H1) is None
    assert math.isnan(realized_return(np.delete(rows, 15, axis=0), START_MS + 2 * HOUR_MS, 0.5, 12, H1) or 0.0)
