"""The registry: bundles appear whole or not at all, pointers move per exchange and back again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from storage.models.registry import Registry
from strategies.bundle.fallback_policy import Status
from strategies.bundle.files import MANIFEST, RECORD
from strategies.errors import BadInput, BundleRefused, StorageFailed
from tests.made_bundles import made_bundle


def stored(root: Path) -> tuple[Registry, str]:
    registry = Registry(root)
    return registry, registry.add_files(made_bundle().files)


def second(registry: Registry) -> str:
    """Store a bundle that differs in its manifest only."""
    files = dict(made_bundle().files)
    files[MANIFEST] = files[MANIFEST].replace(b'"seed": 0', b'"seed": 1')
    return registry.add_files(files)


def test_a_bundle_is_found_by_its_id_and_by_a_beginning_of_it(tmp_path: Path) -> None:
    registry, name = stored(tmp_path)
    assert registry.ids() == [name]
    assert registry.get(name, "made").id == name
    assert registry.resolve(name[:6]) == name
    assert registry.manifest(name).symbols == ("AAAUSDT", "BBBUSDT")


def test_adding_twice_changes_nothing_and_leaves_no_stage(tmp_path: Path) -> None:
    registry, name = stored(tmp_path)
    registry.add_files({**made_bundle().files, RECORD: b'{"created_ms": 1}'})
    assert [path.name for path in (tmp_path / "bundles").iterdir() if path.is_dir()] == [name]


def test_a_folder_is_verified_before_it_is_added(tmp_path: Path) -> None:
    folder = tmp_path / "incoming"
    folder.mkdir()
    for name, content in made_bundle().files.items():
        (folder / name).write_bytes(content)
    (folder / "ridge.json").write_bytes(b"{}")
    with pytest.raises(BundleRefused, match="sha256"):
        Registry(tmp_path / "models").add(folder)
    assert Registry(tmp_path / "models").ids() == []


def test_what_a_killed_writer_left_is_no_bundle(tmp_path: Path) -> None:
    registry, name = stored(tmp_path)
    (tmp_path / "bundles" / f".{name}.12345678.staged").mkdir()
    assert registry.ids() == [name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders")
def test_a_registry_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageFailed):
            stored(tmp_path / "models")
    finally:
        tmp_path.chmod(0o700)


def test_a_file_where_the_folder_should_be_says_so(tmp_path: Path) -> None:
    (tmp_path / "bundles").write_text("in the way")
    with pytest.raises(StorageFailed):
        stored(tmp_path)


def test_promotion_and_rollback_move_the_pointer_and_remember(tmp_path: Path) -> None:
    registry, first = stored(tmp_path)
    other = second(registry)
    assert registry.production("made") is None
    registry.promote("made", first, "first", now_ms=5)
    registry.promote("made", other[:8], "refresh", now_ms=6)
    assert registry.production("made") == other
    assert registry.rollback("made", "harm", now_ms=7) == first
    assert registry.rollback("made", "again", now_ms=8) is None
    assert registry.production("made") is None
    assert [move.since_ms for move in registry.history("made")] == [5, 6, 7, 8]
    with pytest.raises(BadInput, match="nothing to roll back"):
        registry.rollback("made", "once more")


def test_a_champion_that_steps_down_is_kept_and_active_bundle_is_known_after_a_restart(tmp_path: Path) -> None:
    registry, first = stored(tmp_path)
    other = second(registry)
    assert (registry.active("made"), registry.status("made")) == ("trend-1", Status())
    registry.promote("made", first, "first", now_ms=5)
    registry.step_down("made", "cash", "IC below 0", now_ms=6)
    again = Registry(tmp_path)
    assert (again.production("made"), again.active("made")) == (None, "cash-1")
    assert again.status("made") == Status(champion=first, fallback_level="cash")
    again.step_down("made", "trend_rule", "a refresh on the bench", now_ms=7, champion=other[:8])
    assert again.status("made") == Status(champion=other, fallback_level="trend_rule")
    assert again.rollback("made", "by hand", now_ms=8) == first
    assert again.active("made") == first
    with pytest.raises(BadInput, match="names no fallback strategy"):
        again.step_down("made", "models", "back again")


def test_a_broken_champion_does_not_step_onto_the_bench(tmp_path: Path) -> None:
    registry, name = stored(tmp_path)
    (registry.folder(name) / "ridge.json").write_bytes(b"{}")
    with pytest.raises(BundleRefused):
        registry.step_down("made", "cash", "damaged", champion=name)
    assert registry.history("made") == []


def test_a_pointer_written_before_there_were_rungs_is_read(tmp_path: Path) -> None:
    registry, name = stored(tmp_path)
    registry.promote("made", name, "first", now_ms=1)
    pointer = tmp_path / "production" / "made.json"
    document = json.loads(pointer.read_bytes())
    moves = [{"bundle": bundle, "since_ms": 1, "why": "old"} for bundle in (name, None)]
    for count, active in ((1, name), (2, "trend-1")):
        pointer.write_text(json.dumps(document | {"history": moves[:count]}))
        assert registry.active("made") == active


def test_what_a_killed_writer_left_is_swept_away_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "bundles" / ".b-0123456789abcdef.aaaa.staged"
    left.mkdir(parents=True)
    (left / "manifest.json").write_bytes(b"{")
    registry, name = stored(tmp_path)
    assert registry.ids() == [name]
    assert not left.exists()


def test_pointers_are_kept_per_exchange(tmp_path: Path) -> None:
    registry, name = stored(tmp_path)
    with pytest.raises(BundleRefused, match="learnt from made"):
        registry.promote("binanceusdm", name, "wrong place")
    registry.promote("binanceusdm", name, "by hand", force=True)
    assert registry.production("binanceusdm") == name
    assert registry.production("made") is None


def test_a_damaged_bundle_is_never_promoted(tmp_path: Path) -> None:
    registry, name = stored(tmp_path)
    (registry.folder(name) / "ridge.json").write_bytes(b"{}")
    with pytest.raises(BundleRefused):
        registry.promote("made", name, "damaged")
    assert registry.production("made") is None


def test_a_damaged_pointer_is_named(tmp_path: Path) -> None:
    registry, name = stored(tmp_path)
    registry.promote("made", name, "first")
    pointer = tmp_path / "production" / "made.json"
    pointer.write_text("{")
    with pytest.raises(StorageFailed, match=r"made\.json"):
        registry.production("made")


@pytest.mark.parametrize("name", ["", "../../etc", "b-../x", "production"])
def test_words_that_are_no_id_are_refused(tmp_path: Path, name: str) -> None:
    registry, _ = stored(tmp_path)
    second(registry)
    with pytest.raises(BadInput):
        registry.get(name)
