"""Nightly parity: a day of the tape through the backtester, whatever happened on that day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from storage.ledger.database import writing
from storage.ledger.queries import Ledger
from storage.ledger.tables import checkpoint, fact
from strategies.errors import BadInput
from strategies.kernel.state import FactKind
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS
from strategies.minute import AccountMinute, Command, LateBar
from tests.bot.trading.world import SETTINGS, body_bundle, minutes, new_database, new_engine, opened, trade
from tests.builders import START_MS
from training.monitors.parity import Parity, parity

MINUTES = minutes(1440 + 780)
HALF_A_DAY = 780
OTHER = body_bundle("b-other", sign=-1.0)


def bundle_of(name: str):
    return {"b-body": body_bundle(), "b-other": OTHER}[name]


def lived(folder: Path, taken: Sequence[AccountMinute], *, swap_at: int = -1):
    """Trade the minutes; swap the bundle before one of them. Returns database and account."""
    database, engine = new_database(folder), new_engine()
    account, journal = opened(database, engine)
    if swap_at < 0:
        trade(engine, journal, taken)
    else:
        trade(engine, journal, taken[:swap_at])
        engine.swap(OTHER)
        trade(engine, journal, taken[swap_at:])
    return database, account


def first_day(folder: Path, changed: dict[int, AccountMinute], swap_at: int = -1) -> Parity:
    taken = [changed.get(row, minute) for row, minute in enumerate(MINUTES[:HALF_A_DAY])]
    database, account = lived(folder, taken, swap_at=swap_at)
    return parity(database, account, START_MS, bundle_of)


def without(minute: AccountMinute, market: int) -> AccountMinute:
    present, bars = minute.present.copy(), minute.bars.copy()
    present[market], bars[market] = False, 0
    return replace(minute, present=present, bars=bars)


def test_both_days_of_undisturbed_trading_are_identical(tmp_path: Path) -> None:
    database, account = lived(tmp_path, MINUTES)
    for day in range(2):
        found = parity(database, account, START_MS + day * DAY_MS, bundle_of)
        assert found.is_identical, found.sentence
        assert (found.minutes, found.causes) == ((1440, HALF_A_DAY)[day], ())
        assert found.fills > 4
        assert "identical" in found.sentence


def test_a_swap_in_the_first_minute_of_a_day_is_replayed(tmp_path: Path) -> None:
    database, account = lived(tmp_path, MINUTES, swap_at=1440)
    found = parity(database, account, START_MS + DAY_MS, bundle_of)
    assert found.is_identical, found.sentence


@pytest.mark.parametrize("at", [59, 60, 301])
def test_a_swap_at_any_minute_is_replayed(tmp_path: Path, at: int) -> None:
    found = first_day(tmp_path, {}, swap_at=at)
    assert found.is_identical, found.sentence
    assert found.fills > 4


@pytest.mark.parametrize("at", [130, 239])
def test_commands_are_replayed_also_in_a_minute_that_decides(tmp_path: Path, at: int) -> None:
    given = {
        at: Command(kind="close", by="test"),
        at + 60: Command(kind="pause", by="test"),
        at + 300: Command(kind="resume", by="test"),
    }
    changed = {row: replace(MINUTES[row], commands=(command,)) for row, command in given.items()}
    assert first_day(tmp_path, changed).is_identical


@pytest.mark.parametrize("at", [0, 1439, 1440, 1700])
def test_rules_that_change_at_any_minute_are_replayed(tmp_path: Path, at: int) -> None:
    changed = replace(new_engine().markets[0], funding_interval_ms=4 * HOUR_MS)
    command = Command(kind="change", market=0, spec=changed, by="exchange")
    taken = [replace(minute, commands=(command,)) if row == at else minute for row, minute in enumerate(MINUTES)]
    database, account = lived(tmp_path, taken)
    for day in range(2):
        found = parity(database, account, START_MS + day * DAY_MS, bundle_of)
        assert found.is_identical, found.sentence


def test_settings_that_change_during_the_day_are_replayed(tmp_path: Path) -> None:
    from storage.ledger.journal import Journal

    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, MINUTES[:401])
    decision = SETTINGS.decision.model_copy(update={"enter": 0.7, "smoothing_span": 4})
    engine.configure(SETTINGS.model_copy(update={"decision": decision}))
    trade(engine, Journal(database, account, engine.markets, engine.settings), MINUTES[401:HALF_A_DAY])
    found = parity(database, account, START_MS, bundle_of)
    assert found.is_identical, found.sentence


def test_an_absent_deciding_minute_explains_what_differs(tmp_path: Path) -> None:
    database, account = lived(tmp_path / "whole", MINUTES[:HALF_A_DAY])
    facts = Ledger(database, account).facts()
    opened_at = facts[(facts["kind"] == FactKind.FILL) & (facts["lots"] == facts["position"])]
    entry = opened_at[opened_at["reason"] == 1][0]
    row, market = int(entry["decision_ms"] - START_MS) // MINUTE_MS - 1, int(entry["market"])
    missed = MINUTES[row : row + 3]
    came = [LateBar(market=market, open_ms=minute.open_ms, bar=minute.bars[market]) for minute in missed]
    changed = {row + at: without(minute, market) for at, minute in enumerate(missed)}
    changed[row + 3] = replace(MINUTES[row + 3], late_bars=tuple(came))
    found = first_day(tmp_path / "holed", changed)
    assert not found.is_identical
    assert found.is_explained
    assert "absent minute" in found.sentence or "came late" in found.sentence


def test_a_late_decision_explains_the_entries_it_missed(tmp_path: Path) -> None:
    late = {row: replace(minute, late=True) for row, minute in enumerate(MINUTES)}
    found = first_day(tmp_path, late)
    assert not found.is_identical
    assert found.is_explained
    assert "late decision" in found.sentence


def test_a_changed_ledger_has_no_cause_and_is_an_alarm(tmp_path: Path) -> None:
    database, account = lived(tmp_path, MINUTES[:HALF_A_DAY])
    with writing(database) as connection:
        connection.execute(update(fact).where(fact.c.kind == int(FactKind.FILL)).values(price=fact.c.price + 1))
    found = parity(database, account, START_MS, bundle_of)
    assert not found.is_explained
    assert "price" in found.sentence
    assert "no cause" in found.sentence


def test_the_state_at_midnight_is_kept_and_a_day_without_it_is_refused(tmp_path: Path) -> None:
    database, account = lived(tmp_path, MINUTES[:1560])
    engine = new_engine()
    for minute in MINUTES[:1440]:
        engine.step(minute)
    with database.connect() as connection:
        [kept] = connection.execute(checkpoint.select()).mappings().all()
    assert kept["minute_ms"] == START_MS + DAY_MS - MINUTE_MS
    assert kept["kernel"] == engine.state.to_bytes()
    with pytest.raises(BadInput, match="holds no 2025-01-03"):
        parity(database, account, START_MS + 2 * DAY_MS, bundle_of)
    with writing(database) as connection:
        connection.execute(checkpoint.delete())
    with pytest.raises(BadInput, match="was not kept"):
        parity(database, account, START_MS + DAY_MS, bundle_of)
