"""The weekly end of Monday's digest."""

from __future__ import annotations

from pathlib import Path

from bot.alerts.digest import digest, week
from storage.ledger.queries import Ledger
from strategies.market import DAY_MS
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import minutes, new_database, new_engine, opened, trade
from tests.builders import START_MS

MONDAY_MS = START_MS + 5 * DAY_MS  # 2025-01-06


def test_the_week_sums_its_trades_and_names_every_market(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, minutes(2 * 1440))
    ledger = Ledger(database, account)
    trades = ledger.trades()
    lines = week(ledger, START_MS + 2 * DAY_MS, 10_100.0)
    assert f"{len(trades)} trades closed" in lines[0]
    assert "younger" in lines[0]
    assert [line.split(":")[0] for line in lines[1:]] == sorted({part.symbol for part in trades})
    later = week(ledger, START_MS + 8 * DAY_MS, 10_100.0)
    assert "%" in later[0]


async def test_only_mondays_end_with_the_week(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        await world.hand(*minutes(61))
        monday = digest(world.control, MONDAY_MS)["lines"]
        tuesday = digest(world.control, MONDAY_MS + DAY_MS)["lines"]
    assert any(line.startswith("The week") for line in monday)
    assert not any(line.startswith("The week") for line in tuesday)
