"""The ledger on PostgreSQL: schema, journal, replay, lease, outbox, compaction, as on SQLite."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from bot.trading.open_account import ALL_MS, _read_back
from storage.ledger.compaction import compact
from storage.ledger.database import connect, migrate
from storage.ledger.export import csv_bytes
from storage.ledger.journal import Alert
from storage.ledger.lease import account_lease
from storage.ledger.monitor_findings import MonitorFinding, history, latest, store
from storage.ledger.outbox import Outbox
from storage.ledger.queries import Ledger
from storage.ledger.tape import rows
from storage.ledger.verify import verify
from strategies.errors import AlreadyRunning
from strategies.market import DAY_MS, MINUTE_MS
from strategies.minute import Command
from tests.bot.trading.world import (
    MARKETS,
    SETTINGS,
    body_bundle,
    minutes,
    new_database,
    new_engine,
    opened,
    trade,
)
from tests.builders import START_MS

MINUTES = minutes(1440 + 600)


def bundle_of(_: str):
    return body_bundle()


def test_the_revisions_make_exactly_the_schema_and_run_twice(postgres: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from storage.ledger.tables import metadata

    migrate(postgres)
    with postgres.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_same_minutes_give_the_same_ledger_as_on_sqlite(postgres: Database, tmp_path: Path) -> None:
    exports = []
    for database in (postgres, new_database(tmp_path)):
        engine = new_engine()
        account, journal = opened(database, engine)
        paused = replace(MINUTES[900], commands=(Command(kind="close", by="test"),))
        trade(engine, journal, [*MINUTES[:900], paused, *MINUTES[901:]])
        assert verify(database, account, bundle_of).differences == []
        ledger = Ledger(database, account)
        exports.append((csv_bytes(ledger.facts(), MARKETS), ledger.stopped().state.to_bytes(), ledger.equity()))
    assert exports[0] == exports[1]
    assert exports[0][0].count(b"\n") > 10


def test_an_account_goes_on_where_it_stopped(postgres: Database) -> None:
    engine = new_engine()
    account, journal = opened(postgres, engine)
    trade(engine, journal, MINUTES[:333])
    read_back = _read_back(postgres, account, MARKETS, SETTINGS, body_bundle())
    trade(engine, journal, MINUTES[333:700])
    outcomes = [read_back.step(minute) for minute in MINUTES[333:700]]
    assert read_back.state.to_bytes() == engine.state.to_bytes()
    facts = np.concatenate([outcome.facts for outcome in outcomes])
    assert np.array_equal(facts, Ledger(postgres, account).facts(since_ms=MINUTES[333].open_ms, until_ms=ALL_MS))


def test_a_minute_is_written_once(postgres: Database) -> None:
    engine = new_engine()
    account, journal = opened(postgres, engine)
    trade(engine, journal, MINUTES[:5])
    outcome = engine.step(MINUTES[5])
    write = partial(journal.record, MINUTES[5], outcome, engine.state, "b-body", signals={}, alerts=(), recorded_ms=0)
    write()
    write()  # the answer to the first COMMIT was lost: read back, found, not written again
    with postgres.connect() as connection:
        assert len([row for row in rows(connection, account.id) if row["minute_ms"] == MINUTES[5].open_ms]) == 1


def test_an_account_has_one_daemon_until_its_connection_ends(postgres: Database, tmp_path: Path) -> None:
    other = connect(postgres.url.render_as_string())
    with account_lease(postgres, "builtin", "main", tmp_path):
        with (
            pytest.raises(AlreadyRunning, match="another daemon"),
            account_lease(other, "builtin", "main", tmp_path),
        ):
            pass
        with account_lease(other, "builtin", "second", tmp_path):
            pass
    with account_lease(other, "builtin", "main", tmp_path):
        pass
    other.dispose()


def test_the_outbox_hands_out_each_alert_until_it_is_settled(postgres: Database) -> None:
    account, _ = opened(postgres, new_engine())
    outbox = Outbox(postgres, account.id)
    outbox.open_channel("memory")
    assert outbox.note(Alert(key="a", ms=1, event="digest", payload="{}"))
    assert not outbox.note(Alert(key="a", ms=2, event="digest", payload="{}"))
    [pending] = outbox.pending("memory", 10)
    outbox.begin_attempt("memory", [pending.id], 5)
    assert [again.id for again in outbox.pending("memory", 10)] == [pending.id]
    outbox.settle("memory", [pending.id], 6)
    assert outbox.pending("memory", 10) == []


def test_old_days_move_to_parquet_and_the_replay_still_holds(postgres: Database, tmp_path: Path) -> None:
    engine = new_engine()
    account, journal = opened(postgres, engine)
    trade(engine, journal, MINUTES)
    moved = compact(postgres, account, tmp_path, before_ms=START_MS + DAY_MS)
    assert (moved.days, moved.minutes) == (1, DAY_MS // MINUTE_MS)
    found = verify(postgres, account, bundle_of)
    assert (found.minutes, found.differences) == (len(MINUTES), [])


def test_findings_are_kept_newest_first_and_replaced_when_checked_again(postgres: Database) -> None:
    account, _ = opened(postgres, new_engine())
    for ms, sentence in ((1, "first"), (2, "second"), (2, "again")):
        found = MonitorFinding(kind="parity", ms=ms, passed=True, sentence=sentence, document={"fills": ms})
        store(postgres, account, found)
    assert [found.sentence for found in history(postgres, account, "parity")] == ["again", "first"]
    assert latest(postgres, account, "drift") is None
