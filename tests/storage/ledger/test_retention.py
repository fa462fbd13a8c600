"""What was settled long ago goes; what waits, what is watched and what a replay needs stays."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import func, select

from storage.ledger.archive import Archive, archive_folder, path_of
from storage.ledger.database import connect, migrate, reading, writing
from storage.ledger.journal import Alert
from storage.ledger.outbox import Outbox
from storage.ledger.retention import forget, table_sizes
from storage.ledger.tables import delivery, job_run, outbox, shadow_expectation, shadow_test
from storage.models.registry import Registry
from storage.models.retention import remove, superseded
from tests.bot.trading.world import new_database, new_engine, opened

OLD_MS, NOW_MS = 1_000, 1_000_000


def test_delivered_alerts_go_and_those_that_wait_stay(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    account, _ = opened(database, new_engine())
    box = Outbox(database, account.id)
    box.open_channel("webhook")
    for number, ms in enumerate((OLD_MS, OLD_MS, NOW_MS)):
        box.note(Alert(key=f"k{number}", ms=ms, event="signals", payload="{}"))
    first, second, _ = (row.id for row in box.pending("webhook", 10))
    box.begin_attempt("webhook", [first, second], 1)
    box.settle("webhook", [first], 2)
    assert forget(database, account, before_ms=NOW_MS).alerts == 1
    with reading(database) as connection:
        assert connection.execute(select(outbox.c.key).order_by(outbox.c.id)).scalars().all() == ["k1", "k2"]
        assert connection.execute(select(delivery.c.outbox_id)).scalars().all() == [second]


def test_closes_of_ended_tests_go_and_the_last_record_of_a_job_stays(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    account, _ = opened(database, new_engine())
    with writing(database) as connection:
        for started_ms, ended_ms in ((1, OLD_MS), (2, None)):
            row = {"account_id": account.id, "bundle_id": "b-1", "started_ms": started_ms, "champion_id": "b-0"}
            connection.execute(shadow_test.insert().values(**row, role="benched", evidence="{}", ended_ms=ended_ms))
            values = {"expected": 0.0, "champion_expected": 0.0, "sigma": 1.0, "matured": True}
            connection.execute(shadow_expectation.insert().values(**row, open_ms=5, market=0, **values))
            job = {"account_id": account.id, "name": "compact", "started_ms": started_ms, "finished_ms": OLD_MS}
            connection.execute(job_run.insert().values(**job, outcome="done"))
    gone = forget(database, account, before_ms=NOW_MS)
    assert (gone.shadows, gone.jobs) == (1, 1)
    with reading(database) as connection:
        assert connection.execute(select(shadow_expectation.c.started_ms)).scalars().all() == [2]
        assert connection.execute(select(job_run.c.started_ms)).scalars().all() == [2]
        assert connection.execute(select(func.count()).select_from(shadow_test)).scalar_one() == 2
    assert table_sizes(database)["trial"] == 2


def test_bundles_that_never_decided_go_oldest_first(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for number in range(5):
        folder = tmp_path / "bundles" / f"b-{number}"
        folder.mkdir(parents=True)
        (folder / "model").write_bytes(b"x" * 10)
        os.utime(folder, (number, number))
    registry.step_down("builtin", "cash", "nobody passed")
    pointer = tmp_path / "production" / "builtin@own.json"
    pointer.write_text('{"history": [{"bundle": "b-0"}, {"bundle": null}]}')
    assert superseded(registry, keep=1, needed={"b-2"}) == ["b-1", "b-3"]
    assert remove(registry, ["b-1", "b-3"]) == 20
    assert registry.ids() == ["b-0", "b-2", "b-4"]
    pointer.write_text("torn")
    assert superseded(registry, keep=0, needed=()) == []


def test_two_hosts_find_an_archived_day_below_their_own_store(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'a.db'}"
    migrate(connect(address))
    stores = [tmp_path / "one", tmp_path / "two"]
    engines = [connect(address).execution_options(tape_store=store) for store in stores]
    day = Archive(first_ms=0, last_ms=1, minutes=1, path="tape/x-main-1/2025-01-01-a.parquet", sha256="")
    assert [path_of(engine, day) for engine in engines] == [store / day.path for store in stores]
    assert archive_folder(engines[1], tmp_path) == stores[1] / "tape"
    before = Archive(first_ms=0, last_ms=1, minutes=1, path=f"/elsewhere/{day.path}", sha256="")
    assert path_of(engines[0], before) == stores[0] / day.path
