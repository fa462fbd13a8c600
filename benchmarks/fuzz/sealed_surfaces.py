"""What is carried from one machine to another: backups and bundles, spoilt as damage does and as malice does.

Malice seals again what it spoilt, so that checksums fit and the reading itself is reached.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table

from benchmarks.fuzz.bundle_reader import BundleReader
from benchmarks.fuzz.cases import Attack, Broken, Together
from benchmarks.fuzz.few_rows import packed, sealed, stated, with_few_rows
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
from tests.made_bundles import made_bundle

APART_SHARE: Final = 0.0005  # of bundles, verified in a child of their own, too
BUNDLES: Final = 250  # verified one after the other by one process
WHOLE_SHARE: Final = 0.005  # of backups, restored from the first step to the last


@asynccontextmanager
async def backup(folder: Path) -> AsyncIterator[Attack]:
    """Spoilt backups restored into an empty place: a refusal leaves it empty."""
    story = story_of(folder / "whole", 7)
    story.folder.mkdir()
    story.play()
    good = with_few_rows((story.folder / "sigma.backup").read_bytes())
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
async def bundle(folder: Path) -> AsyncIterator[Together]:
    """Spoilt bundles verified as the daemon does, in a child; what the child lets through the daemon can load."""
    goods = (ridge_files(), repacked(made_bundle().files, exchange="builtin"))
    home = folder / "good" / bundle_id(goods[1])
    _written(home, goods[1])
    reader = BundleReader(home)
    place = folder / "bundles"

    async def many(rngs: Sequence[random.Random]) -> int:
        shutil.rmtree(place, ignore_errors=True)
        homes = []
        for number, rng in enumerate(rngs):
            files = _spoilt_bundle(rng, rng.choice(goods))
            homes.append(place / str(number) / (bundle_id(files) if rng.random() < 0.95 else "b-other"))
            _written(homes[-1], files)
        codes = reader.read(homes)
        for home, code, rng in zip(homes, codes, rngs, strict=True):
            if rng.random() < APART_SHARE:
                _require_same_end(home, code)
            if code == 0:
                bundles.load(home)
        return sum(code != 0 for code in codes)

    async def one(rng: random.Random) -> None:
        if await many([rng]):
            raise BundleRefused("the child refused it")

    try:
        yield Together(one=one, many=many, size=BUNDLES)
    finally:
        reader.close()


def _written(home: Path, files: Files) -> None:
    home.mkdir(parents=True)
    for name, content in files.items():
        (home / name).write_bytes(content)


def _require_same_end(home: Path, code: int) -> None:
    """Verify a bundle in a child of its own, as the daemon does; it must come to the same end."""
    try:
        apart.verify_apart(home, None)
        found = 0
    except BundleRefused:
        found = 1
    if bool(found) != bool(code):
        raise Broken(f"bundle {home.name} ended a fork with {code} and a child of its own with {found}")


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
            return sealed(spoilt_bytes(rng, good[:-SEAL]))
    with zipfile.ZipFile(io.BytesIO(good)) as zipped:
        members = {name: zipped.read(name) for name in zipped.namelist()}
    manifest = json.loads(members.pop(MANIFEST))
    if rng.random() < 0.6:
        chosen = rng.choice(sorted(members))
        members[chosen] = spoilt_bytes(rng, members[chosen])
        for part in manifest["members"]:
            if part["name"] == chosen:
                part |= stated(members[chosen])
        return packed(members, json.dumps(manifest).encode())
    if rng.random() < 0.2:
        members[rng.choice(("../escape", "/etc/x", "models/../../x", "a" * 3000, "", "tables/\x00"))] = b"x"
    return packed(members, spoilt_json(rng, manifest))


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
