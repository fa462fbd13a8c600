"""What alerts say is so: prices in plain digits, entries held only where they are, no number that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.alerts.messages import details, headline, price
from bot.alerts.numbers import basis_points, quantity, share
from bot.alerts.watch import CUT_SHORT, FeedWatch, TrainingWatch
from bot.values.training import TrainingProgress
from storage.ledger.job_runs import JobRuns
from strategies.market import HOUR_MS
from tests.bot.alerts.test_watch import alerts, noted, world
from tests.bot.trading.daemon_world import DaemonWorld
from tests.bot.trading.world import minutes
from tests.builders import START_MS

__all__ = ["alerts", "world"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.00001203, "0.00001203"),
        (1.203e-7, "0.0000001203"),
        (0.1, "0.1"),
        (999.5, "999.5"),
        (61_250.5, "61,250.5"),
        (1_234_567.0, "1,234,567"),
        (100_000_000.0, "100,000,000"),
        (None, "none"),
    ],
)
def test_a_price_is_plain_digits(value: float | None, said: str) -> None:
    assert price(value) == said


def test_amounts_and_shares_are_plain_or_said_to_be_unknown() -> None:
    assert quantity(12_345_678.0) == "12,345,700"
    assert quantity(-0.00002, signed=True) == "-0.00002"
    assert basis_points(float("nan"), signed=True) == "unknown"
    assert basis_points(0.00123, signed=True) == "+12.3 bp"
    assert share(float("nan")) == "?"


def test_a_signal_without_levels_is_told_without_them() -> None:
    signal: dict[str, Any] = {
        "signal": "SHORT",
        "symbol": "1000PEPEUSDT",
        "entry_price": 0.00001203,
        "stop_loss": None,
        "take_profit": None,
        "confidence": 0.9,
        "reasoning": "because: conviction -1.40",
    }
    assert headline("signals", signal) == "SHORT 1000PEPEUSDT at 0.00001203"
    assert details("signals", signal)[0] == "stop none, target none"


async def test_entries_are_said_to_be_held_only_where_the_minutes_lack_candles(world: DaemonWorld, alerts: Any) -> None:
    await world.hand(*minutes(3))
    assert world.control.is_fresh()
    feed = FeedWatch(world.control, alerts, patience_s=2)
    world.feed.ready["ETHUSDT"] = False  # the stream is down, the candles still came
    for _ in range(3):
        await feed.look(1.0)
    world.clock.advance(HOUR_MS)  # now nothing comes at all
    await feed.look(1.0)
    told = [part for part in noted(alerts, "feed") if part["what"] == "ETHUSDT"]
    assert [part["holds_entries"] for part in told] == [False, True]
    assert headline("feed", told[0]).endswith("entries are still taken")
    assert headline("feed", told[1]).endswith("no entries there until it recovers")
    assert headline("feed", {"type": "trouble", "what": "X"}) == "Feed trouble: X"  # one of an older version


async def test_a_training_that_the_end_of_the_program_cut_short_is_told_to_have_ended_once(
    world: DaemonWorld, alerts: Any
) -> None:
    runs = JobRuns(world.control.ledger.database, world.control.ledger.account.id)
    runs.begin("training", START_MS)
    for _ in range(2):
        await TrainingWatch(world.control, alerts, runs).look(1.0)
    assert [(part["type"], part["outcome"]) for part in noted(alerts, "training")] == [("ended", CUT_SHORT)]
    assert runs.latest("training").outcome == CUT_SHORT  # type: ignore[union-attr]


async def test_a_training_that_runs_now_is_not_told_to_have_ended(
    world: DaemonWorld, alerts: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs = JobRuns(world.control.ledger.database, world.control.ledger.account.id)
    runs.begin("training", START_MS)
    monkeypatch.setattr(world.training, "progress", lambda: TrainingProgress(state="training", started_ms=START_MS))
    await TrainingWatch(world.control, alerts, runs).look(1.0)
    assert [part["type"] for part in noted(alerts, "training")] == ["began"]
    assert runs.latest("training").finished_ms is None  # type: ignore[union-attr]
