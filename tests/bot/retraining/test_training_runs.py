"""What the daemon makes of a training's document: promotion, shadow, bench, the trend rule, or a complaint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.exchange import Exchange
from bot.retraining.promotion import TrainingRuns, on_harm
from bot.simulator.conductor import Pace
from bot.trading.active_bundle import active_bundle
from storage.candles.store import CandleStore
from storage.config.tree import Config
from storage.ledger.verify import verify
from storage.models.registry import Registry, bundle_by_id
from strategies.bundle.bundle import Bundle
from strategies.bundle.fallback_policy import Status
from strategies.errors import BadInput, ExchangeFailed
from strategies.market import Timeframe
from tests.bot.feed.stage import Stage, stage
from tests.bot.retraining.swappable import eager, flipped_byte, ridge_files
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import body_bundle, minutes

MINUTES = minutes(12)
WHY = "the champion's 12-month out-of-sample IC is -0.012 (30 days live, 335 of the walk forward), below 0"


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
        runs = TrainingRuns(Config(), Exchange(url="", clock=clock, exchange_info=world.control.exchange_info), clock)
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


def document(bundle: str, step: str, fallback_level: str = "models", **more: Any) -> dict[str, Any]:
    """Return what a training prints: the gate's verdict and the answer of the fallback policy."""
    answer = {"trading": fallback_level, "why": WHY}
    return {
        "bundle": bundle,
        "verdict": {"step": step, "reason": "because"},
        "case": "refresh",
        "fallback": answer,
    } | more


def active(world: DaemonWorld) -> str:
    assert world.control.snapshot is not None
    return world.control.snapshot.bundle_id


async def test_a_candidate_that_passed_decides_and_one_that_did_not_stays_on_the_bench(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        registry = world.control.registry
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        assert await runs.promote(document(calm, "promote")) == f"bundle {calm} promoted: because"
        assert active(world) == registry.production("builtin") == calm
        assert await runs.promote(document(hasty, "reject")) == f"bundle {hasty} rejected: because; {calm} goes on"
        assert active(world) == calm


async def test_a_changed_recipe_shadows(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        before = active(world)
        assert "passed and shadows" in await runs.promote(document("b-1", "shadow"))
        assert runs.shadowing.challengers == ["b-1"]  # type: ignore[union-attr]
        assert active(world) == before


async def test_a_candidate_that_broke_on_the_way_is_refused_and_the_old_one_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        before = active(world)
        name = world.control.registry.add_files(flipped_byte(ridge_files()))
        said = await runs.promote(document(name, "promote"))
        assert said.startswith(f"bundle {name} refused: ")
        assert said.endswith(f"{before} goes on")


async def test_the_champion_steps_down_to_the_trend_rule_then_to_cash_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        control, registry = world.control, world.control.registry
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        await runs.promote(document(calm, "promote"))
        down = await runs.promote(document(hasty, "promote", "trend_rule"))
        assert (
            down == f"bundle {hasty} passed (because) and waits on the bench; the trend rule trades from now on: {WHY}"
        )
        assert (active(world), control.champion) == ("trend-1", hasty)
        assert WHY in control.why_active()

        cash = await runs.promote(document(calm, "reject", "cash"))
        assert cash == (f"bundle {calm} rejected: because; nothing is entered, positions are closed from now on: {WHY}")
        assert (active(world), control.champion) == ("cash-1", hasty)
        again = await runs.promote(document(calm, "reject", "cash"))
        assert again == f"bundle {calm} rejected: because; cash-1 goes on"

        up = await runs.promote(document(calm, "reject"))
        assert up == f"bundle {calm} rejected: because; {hasty} trades again: {WHY}"
        assert active(world) == registry.production("builtin") == hasty
        assert [(move.bundle, move.fallback_level) for move in registry.history("builtin")] == [
            (calm, "models"),
            (hasty, "trend_rule"),
            (hasty, "cash"),
            (hasty, "models"),
        ]


async def test_a_refresh_on_the_bench_changes_the_champion_and_not_active_bundle(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        registry = world.control.registry
        calm, hasty = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
        await runs.promote(document(calm, "promote", "trend_rule"))
        before_ms = world.control.snapshot.minute_ms  # type: ignore[union-attr]
        await runs.promote(document(hasty, "promote", "trend_rule"))
        assert (active(world), world.control.champion) == ("trend-1", hasty)
        assert world.control.snapshot.minute_ms == before_ms  # type: ignore[union-attr]


async def test_nothing_has_passed_and_the_trend_rule_lost_money_so_nobody_trades(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        said = await runs.promote(document("b-1", "reject", "cash"))
        assert said.endswith(f"nothing is entered, positions are closed from now on: {WHY}")
        assert (active(world), world.control.champion) == ("cash-1", None)
        assert world.control.registry.active("builtin") == "cash-1"


async def test_the_tape_of_all_rungs_replays_to_the_ledger_and_a_restart_stands_where_it_stood(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        registry, ledger = world.control.registry, world.control.ledger
        calm = registry.add_files(ridge_files())
        await runs.promote(document(calm, "promote"))
        await runs.promote(document(calm, "reject", "trend_rule"))
        await runs.promote(document(calm, "reject", "cash"))

        def bundle_of(name: str) -> Bundle:
            return body_bundle() if name == "b-body" else bundle_by_id(registry, "builtin", name, Timeframe.H1)

        found = verify(ledger.database, ledger.account, bundle_of)
        assert found.minutes > 3
        assert found.differences == []
        config = Config.model_validate({"paths": {"models": str(tmp_path / "models")}})
        assert active_bundle(Registry(tmp_path / "models"), config)[0].id == "cash-1"
        assert Registry(tmp_path / "models").status("builtin") == Status(champion=calm, fallback_level="cash")


async def test_a_monitor_rolls_back_and_says_when_there_is_nothing_to_roll_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, runs):
        assert not await on_harm(world.control, "drawdown 12.0 % is beyond its band")
        calm = world.control.registry.add_files(ridge_files())
        await runs.promote(document(calm, "promote"))
        assert await on_harm(world.control, "drawdown 12.0 % is beyond its band")
        assert active(world) == "trend-1"
        assert "drawdown" in world.control.registry.history("builtin")[-1].why
        await runs.promote(document(calm, "promote", "cash"))
        assert not await on_harm(world.control, "the fallback strategy's parity broke")
        assert world.control.champion == calm


NO_LADDER = {"bundle": "b-1", "verdict": {"step": "promote"}}


@pytest.mark.parametrize("garbage", [{}, {"bundle": "b-1"}, {"bundle": 7, "verdict": {"step": "promote"}}, NO_LADDER])
async def test_a_document_that_is_none_is_refused(tmp_path: Path, garbage: dict[str, Any]) -> None:
    async with running(tmp_path) as (_, runs):
        with pytest.raises(BadInput, match="needed"):
            await runs.promote(garbage)


def test_the_child_is_asked_to_retrain_and_to_leave_promoting_to_the_daemon() -> None:
    clock = ManualClock(0)
    arguments = TrainingRuns(Config(), Exchange(url="", clock=clock, exchange_info=None), clock).arguments()  # type: ignore[arg-type]
    assert arguments[0] == "retrain"
    assert "--no-promote" in arguments


async def test_history_comes_by_a_child_and_a_market_that_is_not_listed_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shares: list[int] = []
    async with stage(symbols=("BTCUSDT", "ETHUSDT"), pace=Pace()) as there:  # no hour ends while it downloads
        runs = asked_of(there, "BTCUSDT", "NOPEUSDT", "ETHUSDT")
        await runs.download(lambda _stage, done, total: shares.append(100 * done // total))
    store = CandleStore(tmp_path / "data/historical")
    assert [store.coverage("builtin", symbol, "1h").rows for symbol in ("BTCUSDT", "ETHUSDT")] == [240, 240]
    assert len(store.read_funding("builtin", "BTCUSDT").times_ms) >= 30
    assert shares[-1] == 100


async def test_a_download_of_which_nothing_comes_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(symbols=("BTCUSDT",), pace=Pace(speed=600.0)) as there:
        with pytest.raises(ExchangeFailed, match=r"no history came; .*NOPEUSDT"):
            await asked_of(there, "NOPEUSDT").download(lambda _stage, _done, _total: None)


def asked_of(there: Stage, *symbols: str) -> TrainingRuns:
    """Return runs of a configuration with ten days of history of these markets."""
    config = Config()
    known = {
        "exchange": config.exchange.model_copy(update={"symbols": symbols}),
        "simulator": config.simulator.model_copy(update={"history_days": 10}),
    }
    exchange = Exchange(url=there.server.url, clock=there.server.clock, exchange_info=None)  # type: ignore[arg-type]
    return TrainingRuns(config.model_copy(update=known), exchange, there.server.clock)
