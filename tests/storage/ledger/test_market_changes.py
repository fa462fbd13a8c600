"""A ledger whose markets came, changed and went: the tape gives it back, wherever the daemon was killed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bot.trading.open_account import _read_back
from storage.ledger.accounts import find, last_state
from storage.ledger.export import export_facts
from storage.ledger.market_changes import read_changes
from storage.ledger.queries import Ledger
from storage.ledger.verify import verify
from strategies.kernel.state import FACT, NO_RATE, FactKind
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, MarketStatus, Timeframe
from strategies.minute import AccountMinute, Command
from tests.bot.trading.world import MARKETS, SETTINGS, body_bundle, new_database, new_engine, opened, trade
from tests.builders import START_MS, candles, market
from training.monitors.parity import parity

YOUNG = market("XRPUSDT")
FINER = replace(MARKETS[0], tick=Decimal("0.001"))
HALVED = replace(MARKETS[1], lot=Decimal("0.0005"))
COARSER = replace(FINER, tick=Decimal("0.05"), min_notional_units=10**9)
HOURLY = replace(HALVED, funding_interval_ms=HOUR_MS)
HALTED = replace(HOURLY, status=MarketStatus.HALTED)
HOURS = 60


def joined(open_ms: int, spec, index: int, seed: int) -> Command:
    given = candles(3_000, seed=seed, start_ms=open_ms - 3_000 * HOUR_MS)
    return Command(kind="join", market=index, spec=spec, given=given, why="in the list", by="config")


def life(hour: int, open_ms: int) -> tuple[Command, ...]:
    """What happens to the markets, by hour."""

    def changed(index: int, spec) -> tuple[Command, ...]:
        return (Command(kind="change", market=index, spec=spec, by="exchange", why="new rules"),)

    match hour:
        case 6:
            return (joined(open_ms, YOUNG, 3, 61),)
        case 11:
            return changed(0, FINER)
        case 17:
            return changed(1, HALVED)
        case 20:
            return changed(1, HOURLY)
        case 25:
            return changed(1, HALTED)
        case 31:
            return changed(1, HOURLY)
        case 36:
            return (Command(kind="leave", market=2, spec=MARKETS[2], why="delisted by the exchange", by="exchange"),)
        case 40:
            return changed(0, COARSER)
        case 50:
            return (joined(open_ms, MARKETS[2], 2, 62), *changed(3, replace(YOUNG, fee_e8=90_000, max_leverage=2)))
    return ()


@cache
def world() -> list[AccountMinute]:
    """Minutes in the units of their time, with half past the hour as the moment of changes but for joins."""
    walks = [candles(HOURS * 60, timeframe=Timeframe.M1, seed=30 + part, start_ms=START_MS) for part in range(4)]
    specs, made = list(MARKETS), []
    for row in range(HOURS * 60):
        open_ms = START_MS + row * MINUTE_MS
        hour, into = divmod(row, 60)
        happens = life(hour, open_ms)
        joins = any(command.kind == "join" for command in happens)
        commands = happens if into == (0 if joins else 30) else ()
        for command in commands:
            assert command.spec is not None
            spec = replace(command.spec, status=MarketStatus.GONE) if command.kind == "leave" else command.spec
            specs[command.market : command.market + 1] = [spec]
        bars = np.concatenate([spec.bars(walks[index][row : row + 1]) for index, spec in enumerate(specs)])
        present = np.array([spec.status is MarketStatus.TRADING for spec in specs])
        bars[~present] = 0
        rates = [
            12_345 if here and open_ms % spec.funding_interval_ms == 0 else NO_RATE
            for spec, here in zip(specs, present, strict=True)
        ]
        made.append(
            AccountMinute(
                open_ms=open_ms, bars=bars, present=present, funding_e8=np.array(rates), commands=tuple(commands)
            )
        )
    return made


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("lived")
    database, engine = new_database(folder), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, world())
    return database, account, engine


def bundle_of(_: str):
    return body_bundle()


def test_replay_of_the_tape_equals_the_ledger_through_every_change(lived) -> None:
    database, account, engine = lived
    found = verify(database, account, bundle_of)
    assert found.differences == []
    assert found.minutes == len(world())
    assert (found.cash, found.equity) == (
        int(engine.state.account["cash"][0]),
        int(engine.state.account["equity"][0]),
    )
    kinds = set(Ledger(database, account).facts()["kind"])
    assert {FactKind.JOINED, FactKind.CHANGED, FactKind.DELISTED, FactKind.LEFT, FactKind.FUNDING} <= kinds


def test_an_account_killed_around_any_change_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    again, killed = engine, [hour * 60 + minute for hour in (6, 11, 17, 36, 40, 50) for minute in (0, 29, 30, 31, 59)]
    for row, minute in enumerate(world()):
        if row in killed:
            again = _read_back(database, account, MARKETS, SETTINGS, body_bundle())
            assert again.markets == engine.markets
            assert again.state.to_bytes() == engine.state.to_bytes()
        outcome = engine.step(minute)
        if again is not engine:
            found = again.step(minute)
            assert found.facts.tobytes() == outcome.facts.tobytes()
            assert [part.tobytes() for _, part in found.candles] == [part.tobytes() for _, part in outcome.candles]
        journal.record(minute, outcome, engine.state, "b-body", signals={}, alerts=(), recorded_ms=minute.open_ms)
    assert again.state.to_bytes() == engine.state.to_bytes()


def test_every_change_is_listed_with_its_reason(lived) -> None:
    database, account, engine = lived
    changes = read_changes(database, account.id)
    assert [part.kind for part in changes[:3]] == ["join"] * 3
    assert [(part.kind, part.market.symbol) for part in changes[3:]] == [
        ("join", "XRPUSDT"),
        ("change", "BTCUSDT"),
        ("change", "ETHUSDT"),
        ("change", "ETHUSDT"),
        ("change", "ETHUSDT"),
        ("change", "ETHUSDT"),
        ("leave", "SOLUSDT"),
        ("change", "BTCUSDT"),
        ("join", "SOLUSDT"),
        ("change", "XRPUSDT"),
    ]
    assert all(part.why for part in changes)
    assert changes[9].market.status is MarketStatus.GONE
    assert last_state(database, account).markets == engine.markets


def test_trades_and_exports_read_every_fact_on_the_grid_it_was_written_on(lived) -> None:
    database, account, engine = lived
    ledger = Ledger(database, account)
    facts, versions = ledger.facts(), ledger.versions()
    held = sum(part.net for part in ledger.positions())
    cash = int(engine.state.account["equity"][0]) / 1e8 - 10_000
    assert sum(part.net for part in ledger.trades()) + held == pytest.approx(cash, abs=1e-6)
    rows = export_facts(facts, versions)
    prices = {row.market: [] for row in rows}
    for row in rows:
        prices[row.market].append(float(row.price))
    for found in prices.values():
        assert max(found) / min(found) < 2  # a grid mistaken for another is ten times off


def test_decisions_of_a_market_that_has_left_are_not_written(lived) -> None:
    database, account, _ = lived
    left_ms = START_MS + 37 * HOUR_MS
    rows = Ledger(database, account).decisions(since_ms=left_ms, until_ms=left_ms + 10 * HOUR_MS, limit=1_000)
    assert {row.symbol for row in rows} == {"BTCUSDT", "ETHUSDT", "XRPUSDT"}


def test_facts_of_an_account_add_up(lived) -> None:
    database, account, engine = lived
    assert find(database, "builtin", "main") == account
    facts = Ledger(database, account).facts()
    assert facts.dtype == FACT
    assert int(facts["cash_flow"].sum()) == int(engine.state.account["cash"][0])


@pytest.mark.parametrize("day", [0, 1])
def test_the_nightly_parity_follows_every_change(lived, day: int) -> None:
    database, account, _ = lived
    found = parity(database, account, START_MS + day * DAY_MS, bundle_of)
    assert found.is_identical, found.sentence
    assert found.fills
