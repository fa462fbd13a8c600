"""Whatever a bundle's files do to the process that reads them, it is a refusal, and the trend rule trades."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bot.trading.active_bundle import active_bundle
from storage.models.apart import verify_apart
from storage.models.registry import Registry
from strategies.bundle.fallback_names import TREND_ID
from strategies.bundle.files import MANIFEST, PROBE_SCORES, bundle_id
from strategies.errors import BundleRefused
from tests.bot.retraining.swappable import Files, npy_bytes, repacked, ridge_files


def empty_symbols(files: Files) -> Files:
    return repacked(files, symbols=())


def bad_utf8(files: Files) -> Files:
    return files | {MANIFEST: files[MANIFEST].replace(b'"ridge"', b'"ri\xff\xfege"')}


def bad_utf8_inside(files: Files) -> Files:
    return repacked(files | {"ridge.json": b'{"weights": "\xff\xfe"}'})


def wrong_shape(files: Files) -> Files:
    return repacked(files | {"ridge.json": json.dumps({"weights": [[]]}).encode()})


def huge_probe(files: Files) -> Files:
    """An array of a few bytes that says it has 2^40 numbers."""
    sink = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)}
    np.lib.format.write_array_header_1_0(sink, header)
    return repacked(files | {PROBE_SCORES: sink.getvalue() + bytes(64)})


def nan_probes(files: Files) -> Files:
    return repacked(files | {PROBE_SCORES: npy_bytes(np.full((32, 2), np.nan))})


DAMAGE = [empty_symbols, bad_utf8, bad_utf8_inside, wrong_shape, huge_probe, nan_probes]


def stored(root: Path, files: Files) -> str:
    name = bundle_id(files)
    folder = root / "bundles" / name
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    pointer = root / "production" / "builtin.json"
    pointer.parent.mkdir()
    move = {"bundle": name, "since_ms": 1, "why": "test", "fallback_level": "models"}
    pointer.write_text(json.dumps({"bundle": name, "history": [move]}))
    return name


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_trend_rule_trades_where_the_champion_cannot_be_read(damage: Callable[[Files], Files], config) -> None:
    name = stored(config.paths.models, damage(ridge_files()))
    bundle, refusal = active_bundle(Registry(config.paths.models, apart=True), config)
    assert bundle.id == TREND_ID
    assert name in refusal


def test_the_trend_rule_trades_where_the_champions_folder_is_missing(config) -> None:
    name = stored(config.paths.models, ridge_files())
    shutil.rmtree(config.paths.models / "bundles")
    bundle, refusal = active_bundle(Registry(config.paths.models, apart=True), config)
    assert bundle.id == TREND_ID
    assert name in refusal


def test_a_whole_bundle_decides(config) -> None:
    name = stored(config.paths.models, ridge_files())
    assert active_bundle(Registry(config.paths.models, apart=True), config)[0].id == name


@pytest.mark.parametrize(
    ("habit", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os; os.abort()", "SIGABRT"),
        ("raise MemoryError", "MemoryError"),
        ("import os; os._exit(3)", "exit code 3 and no word"),
        ("import sys; sys.stderr.buffer.write(bytes([255, 254])); sys.exit(1)", "cannot be read"),
    ],
)
def test_any_end_of_the_child_is_a_refusal(habit: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match=said):
        verify_apart(tmp_path / "b-0123", "builtin", (sys.executable, "-c", habit))


def test_what_was_found_whole_is_not_looked_at_again_and_one_other_byte_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = stored(tmp_path, ridge_files())
    Registry(tmp_path, apart=True).get(name)
    monkeypatch.setattr("storage.models.apart.sys.executable", "/nowhere/python")  # no child can be had any more
    assert Registry(tmp_path, apart=True).get(name).id == name
    with pytest.raises(BundleRefused, match="cannot be verified"):
        Registry(tmp_path, apart=True).get(name, exchange="binance")
    weights = tmp_path / "bundles" / name / "ridge.json"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(BundleRefused, match="cannot be verified"):
        Registry(tmp_path, apart=True).get(name)


def test_a_damaged_or_locked_memory_of_verified_bundles_costs_a_look_and_no_more(tmp_path: Path) -> None:
    name = stored(tmp_path, ridge_files())
    (tmp_path / "verified.txt").mkdir()
    assert Registry(tmp_path, apart=True).get(name).id == name
    (tmp_path / "verified.txt").rmdir()
    (tmp_path / "verified.txt").write_bytes(b"\xff\xfe torn")
    assert Registry(tmp_path, apart=True).get(name).id == name


def test_a_folder_that_somebody_left_in_a_bundle_is_none_of_its_files(tmp_path: Path) -> None:
    name = stored(tmp_path, ridge_files())
    (tmp_path / "bundles" / name / ".ipynb_checkpoints").mkdir()
    assert Registry(tmp_path, apart=True).get(name).id == name
