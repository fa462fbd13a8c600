"""replay(tape) = ledger: what was written comes out of the tape again, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from bot.trading.open_account import ALL_MS, _read_back
from storage.ledger.accounts import candles_until, find
from storage.ledger.database import writing
from storage.ledger.journal import Journal
from storage.ledger.queries import Ledger
from storage.ledger.tables import fact
from storage.ledger.tape import decode, encode, rows
from storage.ledger.verify import verify
from strategies.errors import AlreadyRunning, BadInput
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import NO_RATE
from strategies.minute import Command, LateBar
from tests.bot.trading.world import MARKETS, SETTINGS, body_bundle, minutes, new_database, new_engine, opened, trade

DAYS = 3
MINUTES = minutes(DAYS * 1440)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory):
    """An account that traded three days, with commands and a swap on the way."""
    folder = tmp_path_factory.mktemp("traded")
    database, engine = new_database(folder), new_engine()
    account, journal = opened(database, engine)
    pause = replace(MINUTES[1500], commands=(Command(kind="pause", by="test"),))
    resume = replace(MINUTES[1700], commands=(Command(kind="resume", by="test"), Command(kind="close", by="test")))
    trade(engine, journal, [*MINUTES[:1500], pause, *MINUTES[1501:1700], resume, *MINUTES[1701:2000]])
    engine.swap(body_bundle("b-other", sign=-1.0))
    trade(engine, journal, MINUTES[2000:])
    return database, account, engine


def bundle_of(bundle_id: str):
    return {"b-body": body_bundle(), "b-other": body_bundle("b-other", sign=-1.0)}[bundle_id]


def test_replay_of_the_tape_equals_the_ledger(traded) -> None:
    database, account, engine = traded
    found = verify(database, account, bundle_of)
    assert found.differences == []
    assert found.minutes == len(MINUTES)
    assert found.facts > 20
    assert found.cash == int(engine.state.account["cash"][0])


def test_a_ledger_that_is_written_on_meanwhile_is_verified_as_far_as_it_was(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, MINUTES[:300])
    rest = [MINUTES[300:900]]

    def trading_on(bundle_id: str):
        if rest:
            trade(engine, journal, rest.pop())
        return bundle_of(bundle_id)

    found = verify(database, account, trading_on)
    assert found.minutes == 300
    assert found.differences == []
    assert len(Ledger(database, account).facts()) > found.facts


def test_verify_names_a_changed_fact(traded, tmp_path: Path) -> None:
    database, account, _ = traded
    first = Ledger(database, account).trades()[-1]
    with writing(database) as connection:
        where = (fact.c.account_id == account.id, fact.c.ms == first.opened_ms, fact.c.kind == 1)
        connection.execute(update(fact).where(*where).values(fee=fact.c.fee + 1))
    try:
        assert any("fee" in line for line in verify(database, account, bundle_of).differences)
    finally:
        with writing(database) as connection:
            connection.execute(update(fact).where(*where).values(fee=fact.c.fee - 1))


def test_trades_add_up_to_the_cash(traded) -> None:
    database, account, engine = traded
    ledger = Ledger(database, account)
    closed, held = ledger.trades(), ledger.positions()
    state = engine.state.account[0]
    assert len(closed) == int(state["trades"])
    open_flows = int(engine.state.positions["cash_flow"][engine.state.positions["lots"] != 0].sum()) / 1e8
    assert sum(part.net for part in closed) + open_flows == pytest.approx(int(state["cash"]) / 1e8 - 10_000, abs=1e-6)
    assert len(held) == int((engine.state.positions["lots"] != 0).sum())


@pytest.mark.parametrize("stop_at", [1, 59, 60, 61, 777, 1439, 2001])
def test_an_account_read_back_at_any_minute_goes_on_as_if_it_had_never_stopped(tmp_path: Path, stop_at: int) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, MINUTES[:stop_at])
    again = _read_back(database, account, MARKETS, SETTINGS, body_bundle())
    uninterrupted, continued = new_engine(), again
    for minute in MINUTES[:stop_at]:
        uninterrupted.step(minute)
    for minute in MINUTES[stop_at : stop_at + 300]:
        expected, found = uninterrupted.step(minute), continued.step(minute)
        assert expected.facts.tobytes() == found.facts.tobytes()
        assert (expected.decisions is None) == (found.decisions is None)
        if expected.decisions is not None:
            assert expected.decisions.tobytes() == found.decisions.tobytes()
    assert uninterrupted.state.to_bytes() == continued.state.to_bytes()


def test_the_same_minute_is_written_once_and_by_one_program(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    outcome = engine.step(MINUTES[0])

    def write(by: Journal, recorded_ms: int) -> None:
        by.record(MINUTES[0], outcome, engine.state, "b-body", signals={}, alerts=(), recorded_ms=recorded_ms)

    write(journal, 0)
    write(journal, 1)  # the answer to the first COMMIT was lost: read back, found, not written again
    with pytest.raises(AlreadyRunning):
        write(Journal(database, account, MARKETS, SETTINGS), 2)
    with database.connect() as connection:
        assert len(list(rows(connection, account.id))) == 1


def test_a_tape_row_gives_back_the_minute_it_was_made_of() -> None:
    late = LateBar(market=1, open_ms=MINUTES[3].open_ms, bar=MINUTES[3].bars[1], funding_e8=-7)
    minute = replace(
        MINUTES[480],
        present=np.array([True, False, True]),
        not_ready=np.array([False, True, False]),
        late_bars=(late,),
        late=True,
        commands=(Command(kind="close", market=2, by="telegram:1"),),
    )
    again = decode(encode(minute))  # type: ignore[arg-type]
    assert again.open_ms == minute.open_ms
    assert again.late
    assert again.commands == minute.commands
    assert again.late_bars[0].funding_e8 == -7
    assert (again.late_bars[0].bar == late.bar).all()
    for name in ("bars", "present", "funding_e8", "not_ready"):
        assert (getattr(again, name) == getattr(minute, name)).all()
    assert (decode(encode(MINUTES[1])).funding_e8 == NO_RATE).all()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "configured", [MARKETS[:2], tuple(replace(part, tick=part.tick / 10) for part in MARKETS), MARKETS[::-1]]
)
def test_other_markets_or_other_rules_are_no_reason_to_give_up_an_account(tmp_path: Path, configured) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, _ = opened(database, engine)
    assert _read_back(database, account, configured, SETTINGS, body_bundle()).markets == MARKETS


def test_an_account_of_futures_does_not_go_on_as_spot(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, _ = opened(database, engine)
    with pytest.raises(BadInput, match="trades futures"):
        _read_back(database, account, (replace(MARKETS[0], kind="spot"),), SETTINGS, body_bundle())


def test_an_account_keeps_its_decision_timeframe(tmp_path: Path) -> None:
    other = TradingSettings.model_validate({"decision": {"timeframe": "4h"}})
    database, engine = new_database(tmp_path), new_engine()
    account, _ = opened(database, engine)
    with pytest.raises(BadInput, match="decides on 1h"):
        _read_back(database, account, MARKETS, other, body_bundle())


def test_other_settings_are_on_the_tape_and_replayed(tmp_path: Path) -> None:
    from storage.ledger.journal import Journal

    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, MINUTES[:600])
    calmer = TradingSettings.model_validate({"decision": {"enter": 2.0}, "execution": {"fee_bps": 9}})
    engine.configure(calmer)
    trade(engine, Journal(database, account, MARKETS, calmer), MINUTES[600:1500])
    assert verify(database, account, bundle_of).differences == []


def test_an_unknown_account_is_none(tmp_path: Path) -> None:
    assert find(new_database(tmp_path), "builtin", "nobody") is None


def test_given_candles_are_kept_apart_from_those_the_minutes_made(traded) -> None:
    database, account, _ = traded
    given = candles_until(database, account, 3, ALL_MS, given_only=True)
    every = candles_until(database, account, 3, ALL_MS)
    assert [len(part) for part in every] == [len(part) + DAYS * 24 for part in given]
