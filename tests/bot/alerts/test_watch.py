"""What is noted outside a minute: feed trouble that lasts, training runs, the daily digest with its reasons."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.alerts.alerts import Alerts
from bot.alerts.digest import digest, digest_daily
from bot.alerts.watch import FeedWatch, TrainingWatch
from bot.values.training import TrainingProgress
from storage.config.services import AlertSettings
from storage.ledger.database import connect
from strategies.market import HOUR_MS
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import minutes
from tests.builders import START_MS

MINUTES = minutes(150)


@pytest.fixture
async def world(tmp_path: Path):
    async with daemon_world(tmp_path) as made:
        yield made


@pytest.fixture
async def alerts(world: DaemonWorld, tmp_path: Path):
    database = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    made = Alerts(database, world.control.ledger.account.id, AlertSettings())
    made.outbox.open_channel("test")
    yield made
    database.dispose()


def noted(alerts: Alerts, event: str) -> list[dict[str, Any]]:
    return [row.payload for row in alerts.outbox.pending("test", 100) if row.event == event]


async def test_a_feed_that_stays_broken_is_told_once_and_so_is_its_recovery(world: DaemonWorld, alerts: Alerts) -> None:
    feed = FeedWatch(world.control, alerts, patience_s=30)
    world.feed.ready["ETHUSDT"] = False
    for _ in range(60):
        await feed.look(1.0)
    world.feed.ready["ETHUSDT"] = True
    await feed.look(1.0)
    told = noted(alerts, "feed")
    assert [(part["type"], part["what"], part["seconds"]) for part in told] == [
        ("trouble", "ETHUSDT", 30.0),
        ("recovered", "ETHUSDT", 60.0),
    ]


async def test_a_short_hole_is_nobodys_business(world: DaemonWorld, alerts: Alerts) -> None:
    feed = FeedWatch(world.control, alerts, patience_s=30)
    for is_ready in (False, True) * 10:
        world.feed.ready["ETHUSDT"] = is_ready
        await feed.look(10.0)
    assert noted(alerts, "feed") == []


async def test_candles_that_stop_coming_are_told(world: DaemonWorld, alerts: Alerts) -> None:
    await world.hand(MINUTES[0])
    world.clock.advance(10 * 60_000)
    feed = FeedWatch(world.control, alerts, patience_s=5)
    for _ in range(10):
        await feed.look(1.0)
    assert [part["what"] for part in noted(alerts, "feed")] == ["candles"]


async def test_a_training_is_told_when_it_begins_and_ends(
    world: DaemonWorld, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = TrainingProgress()
    monkeypatch.setattr(world.training, "progress", lambda: current)
    watch = TrainingWatch(world.control, alerts)
    await watch.look(1.0)
    for state in (
        TrainingProgress(state="downloading", why="schedule", started_ms=START_MS),
        TrainingProgress(state="training", why="schedule", started_ms=START_MS),
        TrainingProgress(last_outcome="bundle b-1 rejected: no edge", last_finished_ms=START_MS + 60_000),
    ):
        current = state
        await watch.look(1.0)
        await watch.look(1.0)
    told = noted(alerts, "training")
    assert [part["type"] for part in told] == ["began", "ended"]
    assert told[1]["outcome"] == "bundle b-1 rejected: no edge"


async def test_the_digest_says_how_the_account_stands_and_why_it_was_silent(world: DaemonWorld) -> None:
    await world.hand(*MINUTES)
    told = digest(world.control, world.clock.now_ms())
    text = "\n".join(told["lines"])
    assert told["equity"] == world.control.snapshot.equity  # type: ignore[union-attr]
    assert told["signals"] == len(world.control.ledger.decisions(signals_only=True))
    assert "refused in 24 h" in text
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
        assert f"{symbol}: conviction" in text
    assert "too few to know the usual wait" in text


async def test_digests_come_at_market_time_and_a_missed_one_is_made_up_for_once(
    world: DaemonWorld, alerts: Alerts
) -> None:
    async def rest(_seconds: float) -> None:
        await asyncio.sleep(0)

    async def run_until(count: int) -> None:
        running = asyncio.create_task(digest_daily(world.control, alerts, "0 7 * * *", rest))
        async with asyncio.timeout(60):
            while len(noted(alerts, "digest")) < count:  # noqa: ASYNC110 — the outbox announces nothing
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    running = asyncio.create_task(digest_daily(world.control, alerts, "0 7 * * *", rest))
    await asyncio.sleep(0.05)
    assert noted(alerts, "digest") == []
    world.clock.set(START_MS + 7 * HOUR_MS)
    async with asyncio.timeout(60):
        while not noted(alerts, "digest"):  # noqa: ASYNC110 — the outbox announces nothing
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    world.clock.set(START_MS + 5 * 24 * HOUR_MS)
    await run_until(2)
    assert [part["text"] for part in noted(alerts, "digest")] == [
        "Digest of 2025-01-01 07:00 UTC",
        "Digest of 2025-01-06 00:00 UTC",
    ]
