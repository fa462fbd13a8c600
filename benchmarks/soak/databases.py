"""A database that is gone, full, read-only, locked or started again, under a trader that goes on.

SQLite, and PostgreSQL where Debian's package is installed. Minutes are handed in while the trouble lasts; it ends, and
the ledger has every minute once and replays to what it says.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Engine as Database
from sqlalchemy import text

from benchmarks.soak.rows import Row, Soaking
from storage.ledger import accounts
from storage.ledger.database import connect, migrate, reading, writing
from storage.ledger.postgres import ServerLimits
from storage.ledger.tape import rows
from storage.ledger.verify import verify
from strategies.errors import SigmaError, StorageFailed
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import body_bundle, minutes, new_database
from tests.postgres.cluster import Cluster, NotHere, programs, running

BEFORE, DURING, AFTER = 20, 10, 30  # minutes handed in
TROUBLE_S: Final = 4.0
PATIENCE_S: Final = 120.0
SMALL_MB: Final = 12
QUICK: Final = ServerLimits(
    connect_s=2, answer_s=1, statement_s=5.0, pool_size=2, pool_overflow=2, application_name="sigma soak"
)
Trouble = Callable[[], Callable[[], None]]  # begins it, and returns what ends it


def run(soaking: Soaking) -> Iterator[Row]:
    """Yield a row for each trouble, again and again while there is time."""
    with _small_disk(soaking.folder / "small") as small, _server() as server:
        cases = _sqlite_cases(soaking.folder, small) + _postgres_cases(soaking.folder, server)
        for name, folder, made, trouble in cases:
            if soaking.left_s <= 0:
                return
            started = time.monotonic()
            tried, lost = asyncio.run(_trade(folder, made, trouble, soaking.seed))
            yield Row(part="databases", what=name, tried=tried, lost=lost, seconds=time.monotonic() - started)


async def _trade(folder: Path, made: Callable[[], Database], trouble: Trouble, seed: int) -> tuple[int, int]:
    """Return how many minutes were handed in, and how many are missing or replay to something else."""
    taken = minutes(BEFORE + DURING + AFTER, seed=seed % 1000)
    database = made()
    async with daemon_world(folder, database=database) as world:
        await world.hand(*taken[:BEFORE])
        end = await asyncio.to_thread(trouble)
        for minute in taken[BEFORE : BEFORE + DURING]:
            await world.feed.queue.put(minute)
        await asyncio.sleep(TROUBLE_S)
        await asyncio.to_thread(end)
        for minute in taken[BEFORE + DURING :]:
            await world.feed.queue.put(minute)
        async with asyncio.timeout(PATIENCE_S):
            while world.feed.processed_ms < taken[-1].open_ms:  # noqa: ASYNC110 — the feed owns the event
                await asyncio.sleep(0.05)
    again = made()
    account = accounts.find(again, "builtin", "main")
    assert account is not None
    with reading(again) as connection:
        stored = [row["minute_ms"] for row in rows(connection, account.id)]
    replayed = verify(again, account, lambda _id: body_bundle())
    again.dispose()
    wanted = [minute.open_ms for minute in taken]
    return len(wanted), len(set(wanted) ^ set(stored)) + len(stored) - len(set(stored)) + len(replayed.differences)


Case = tuple[str, Path, Callable[[], Database], Trouble]


def _sqlite_cases(folder: Path, small: Path | None) -> list[Case]:
    cases: list[Case] = []

    def case(
        name: str,
        place: Path,
        trouble: Callable[[Path], Callable[[], None]],
        made: Callable[[Path], Database] = new_database,
    ) -> None:
        place.mkdir(parents=True, exist_ok=True)
        cases.append((name, place, lambda: made(place), lambda: trouble(place)))

    case("SQLite locked by another process", folder / "locked", _locked)
    case("SQLite moved away and back", folder / "gone", _gone)
    if small is not None:
        case("SQLite on a full disk", small / "full", _full)
        case("SQLite read-only at first, then locked", small / "read-only", _locked, partial(_read_only_first, small))
    return cases


def _postgres_cases(folder: Path, server: Cluster | None) -> list[Case]:
    if server is None:
        return []
    url = server.url.replace("/postgres", "/soak_{}")

    def made(number: int) -> Database:
        database = connect(url.format(number), limits=QUICK)
        migrate(database)
        return database

    def stopped(mode: str) -> Callable[[], None]:
        server.stop(mode)
        return server.start

    def frozen() -> Callable[[], None]:
        server.freeze()
        return server.thaw

    troubles: list[tuple[str, Trouble]] = [
        ("PostgreSQL killed and started again", lambda: stopped("immediate")),
        ("PostgreSQL stopped and started again", lambda: stopped("fast")),
        ("PostgreSQL frozen and thawed", frozen),
    ]
    maintenance = connect(server.url)
    for number in range(len(troubles)):
        with maintenance.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(f"CREATE DATABASE soak_{number}"))
    maintenance.dispose()
    cases: list[Case] = []
    for number, (name, trouble) in enumerate(troubles):
        place = folder / f"postgres-{number}"
        place.mkdir()
        cases.append((name, place, partial(made, number), trouble))
    return cases


def _locked(place: Path) -> Callable[[], None]:
    holder = sqlite3.connect(place / "ledger.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    return holder.close


def _gone(place: Path) -> Callable[[], None]:
    files = [place / f"ledger.db{part}" for part in ("", "-wal", "-shm")]
    away = [(path, path.with_name(f"away-{path.name}")) for path in files if path.exists()]
    for path, other in away:
        path.rename(other)

    def back() -> None:
        for path, other in away:
            other.replace(path)

    return back


def _full(place: Path) -> Callable[[], None]:
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass
    return filler.unlink


def _read_only_first(small: Path, place: Path) -> Database:
    """Open a database whose file system takes no writes: one line, and it works when it does (no file may be open)."""
    new_database(place).dispose()
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    refused = connect(f"sqlite:///{place / 'ledger.db'}")
    try:
        with writing(refused):
            raise SigmaError("a ledger on a read-only file system was written to")
    except StorageFailed:
        return new_database(place) if _is_writable(small) else refused
    finally:
        refused.dispose()


def _is_writable(small: Path) -> bool:
    return not subprocess.run(["mount", "-o", "remount,rw", small]).returncode


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """Yield a small file system of our own; None where only root may make one and we are not."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


@contextmanager
def _server() -> Iterator[Cluster | None]:
    """Yield a throwaway PostgreSQL server; None where none is installed."""
    try:
        programs()
    except NotHere:
        yield None
        return
    with running() as found:
        yield found
