"""What is carried from one machine to another: backups and bundles, spoilt as damage does and as malice does.

Malice seals again what it spoilt, so that checksums fit and the reading itself is reached.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import time
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table

from benchmarks.fuzz.cases import CASE_S, Attack, Broken
from benchmarks.fuzz.mutations import spoilt_bytes, spoilt_json
from benchmarks.kill_story import EXCHANGE, NAME, places_of, story_of
from storage.backup.container import SEAL, Unpacking, unpacked
from storage.backup.manifest import MANIFEST, Member
from storage.backup.restore import RestoreOptions, restore
from storage.backup.rows import pages, put, tables_of
from storage.ledger.database import connect, migrate, reading
from storage.models import apart
from strategies.bundle import bundle as bundles
from strategies.bundle.files import MANIFEST as BUNDLE_MANIFEST
from strategies.bundle.files import bundle_id
from strategies.errors import BundleRefused, SigmaError
from tests.bot.retraining.swappable import Files, repacked, ridge_files

APART_SHARE: Final = 0.01  # of bundles, verified in a child as the daemon does
WHOLE_SHARE: Final = 0.01  # of backups, restored from the first step to the last


@asynccontextmanager
async def backup(folder: Path) -> AsyncIterator[Attack]:
    """Spoilt backups restored into an empty place: a refusal leaves it empty."""
    story = story_of(folder / "whole", 7)
    story.folder.mkdir()
    story.play()
    good = (story.folder / "sigma.backup").read_bytes()
    source, there = folder / "spoilt.backup", folder / "there"
    reader = _Reading(folder / "read")

    def take(rng: random.Random) -> None:
        source.write_bytes(_spoilt_backup(rng, good))
        if rng.random() >= WHOLE_SHARE:
            reader.read(source)
            return
        shutil.rmtree(there, ignore_errors=True)
        there.mkdir()
        database = connect(f"sqlite:///{there / 'state' / 'sigma.db'}")
        try:
            restore(database, places_of(there), source, (EXCHANGE, NAME), RestoreOptions(now_ms=1))
        except SigmaError:
            left = [path for path in there.rglob("*") if path.is_file() and path.suffix not in (".lock", ".lease")]
            if left:
                raise Broken(f"a refused restore left {left[0].relative_to(there)}") from None
            raise
        finally:
            database.dispose()

    yield take


@asynccontextmanager
async def bundle(folder: Path) -> AsyncIterator[Attack]:
    """Spoilt bundles verified as the daemon does, in a child; what the child lets through the daemon can load."""
    good = ridge_files()
    place = folder / "bundles"

    def take(rng: random.Random) -> None:
        files = _spoilt_bundle(rng, good)
        shutil.rmtree(place, ignore_errors=True)
        home = place / (bundle_id(files) if rng.random() < 0.95 else "b-other")
        home.mkdir(parents=True)
        for name, content in files.items():
            (home / name).write_bytes(content)
        if rng.random() < APART_SHARE:
            if _end_of_child(home) == 0:
                bundles.load(home)
            return
        try:  # what the child does, without the cost of a child: these bundles are no foreign code's to parse
            bundles.load(home)
        except SigmaError:
            raise
        except Exception as error:  # the child would end with it, and the daemon refuse
            raise BundleRefused(f"{type(error).__name__}: {error}") from error

    yield take


class _Reading:
    """Reads what a restore reads, into tables that are there already: making them is most of a restore's time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._database = connect(f"sqlite:///{folder / 'read.db'}")
        migrate(self._database)
        with reading(self._database) as connection:
            self._tables = tables_of(connection)

    def read(self, source: Path) -> None:
        """Check a backup, extract its tables and put their rows; nothing of them is kept."""
        with unpacked(source) as found, self._database.connect() as connection:
            found.check(lambda _bytes: None)
            members = {member.name: member for member in found.manifest.members}
            connection.exec_driver_sql("BEGIN")
            try:
                for table in self._tables:
                    member = members.get(f"tables/{table.name}.parquet")
                    if member is not None:
                        self._put(connection, table, found, member)
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def _put(self, connection: Connection, table: Table, found: Unpacking, member: Member) -> None:
        path = self._folder / "table.parquet"
        path.unlink(missing_ok=True)
        found.extract(member, path)
        for rows in pages(path):
            put(connection, table, rows, lambda _name, row: row)


def _spoilt_backup(rng: random.Random, good: bytes) -> bytes:
    match rng.randrange(4):
        case 0:
            return spoilt_bytes(rng, good)
        case 1:
            return _sealed(spoilt_bytes(rng, good[:-SEAL]))
    with zipfile.ZipFile(io.BytesIO(good)) as zipped:
        members = {name: zipped.read(name) for name in zipped.namelist()}
    manifest = json.loads(members.pop(MANIFEST))
    if rng.random() < 0.6:
        chosen = rng.choice(sorted(members))
        members[chosen] = spoilt_bytes(rng, members[chosen])
        for part in manifest["members"]:
            if part["name"] == chosen:
                part |= {"bytes": len(members[chosen]), "sha256": hashlib.sha256(members[chosen]).hexdigest()}
        return _packed(members, json.dumps(manifest).encode())
    if rng.random() < 0.2:
        members[rng.choice(("../escape", "/etc/x", "models/../../x", "a" * 3000, "", "tables/\x00"))] = b"x"
    return _packed(members, spoilt_json(rng, manifest))


def _packed(members: dict[str, bytes], manifest: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name or "empty", content)
        zipped.writestr(MANIFEST, manifest)
        zipped.comment = b"0" * SEAL
    return _sealed(packed.getvalue()[:-SEAL])


def _sealed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).hexdigest().encode()


def _spoilt_bundle(rng: random.Random, good: Files) -> Files:
    files = dict(good)
    chosen = rng.choice(sorted(files))
    match rng.randrange(4):
        case 0:
            return files | {chosen: spoilt_bytes(rng, files[chosen])}
        case 1 if chosen.endswith(".json"):
            files[chosen] = spoilt_json(rng, json.loads(files[chosen]))
        case 2:
            files[BUNDLE_MANIFEST] = spoilt_json(rng, json.loads(files[BUNDLE_MANIFEST]))
            return files
        case _:
            files[chosen] = spoilt_bytes(rng, files[chosen])
    try:
        return repacked(files)
    except (SigmaError, ValueError, KeyError, TypeError):  # the manifest itself is spoilt: it stays as it is
        return files


def _end_of_child(home: Path) -> int:
    """Verify a bundle as `storage.models.apart` does, in a fork; return how it ended."""
    child = os.fork()
    if not child:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 2)
        os._exit(apart.main([str(home)]))
    deadline = time.monotonic() + CASE_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise Broken(f"a bundle was not verified within {CASE_S:.0f} s")
