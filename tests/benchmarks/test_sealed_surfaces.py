"""What the fuzz plays with is whole before it is spoilt, and a bundle that ends its reader costs the others nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.bundle_reader import BundleReader
from benchmarks.fuzz.cases import Broken
from benchmarks.fuzz.few_rows import ROWS, with_few_rows
from benchmarks.kill_story import EXCHANGE, NAME, places_of, story_of
from storage.backup.restore import RestoreOptions, restore
from storage.ledger.database import connect
from strategies.bundle.files import bundle_id
from tests.bot.retraining.swappable import Files, repacked, ridge_files
from tests.bot.retraining.swappable import half_written as cut
from tests.made_bundles import made_bundle


def test_a_backup_of_few_rows_is_restored_whole(tmp_path: Path) -> None:
    story = story_of(tmp_path / "whole", 7)
    story.folder.mkdir()
    story.play()
    few = tmp_path / "few.backup"
    few.write_bytes(with_few_rows((story.folder / "sigma.backup").read_bytes()))
    assert few.stat().st_size < (story.folder / "sigma.backup").stat().st_size
    database = connect(f"sqlite:///{tmp_path / 'there' / 'state' / 'sigma.db'}")
    done = restore(database, places_of(tmp_path / "there"), few, (EXCHANGE, NAME), RestoreOptions(now_ms=1))
    assert 0 < max(done.manifest.tables.values()) <= ROWS
    database.dispose()


def test_bundles_are_verified_one_after_the_other_whatever_one_of_them_does(tmp_path: Path) -> None:
    trees = repacked(made_bundle().files, exchange="builtin")
    good, other = placed(tmp_path, trees), placed(tmp_path, ridge_files())
    bad = placed(tmp_path, repacked(cut(trees)))
    reader = BundleReader(good)
    try:
        assert [bool(code) for code in reader.read([good, bad, tmp_path / "nowhere", other])] == [
            False,
            True,
            True,
            False,
        ]
    finally:
        reader.close()
    with pytest.raises((Broken, OSError, ValueError)):
        reader.read([good])


def placed(folder: Path, files: Files) -> Path:
    home = folder / bundle_id(files)
    home.mkdir()
    for name, content in files.items():
        (home / name).write_bytes(content)
    return home
