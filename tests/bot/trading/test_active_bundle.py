"""A start whose champion or production pointer cannot be used trades by the trend rule, and says why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.trading.active_bundle import active_bundle
from storage.config.tree import Config
from storage.models.registry import Registry
from strategies.bundle.fallback_names import TREND_ID
from tests.bot.retraining.swappable import ridge_files


def configuration(tmp_path: Path) -> Config:
    return Config.model_validate({"paths": {"models": str(tmp_path / "models")}})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"history": 7}',
        b'{"history": ["b-1"]}',
        b'{"history": [[]]}',
        b"\xff\xfe\x00",
        b"[" * 9_999,
    ],
)
def test_a_damaged_pointer_is_set_aside_and_the_trend_rule_decides(tmp_path: Path, content: bytes) -> None:
    registry = Registry(tmp_path / "models", apart=True)
    pointer = registry.pointer_file("builtin")
    pointer.parent.mkdir(parents=True)
    pointer.write_bytes(content)
    bundle, told = active_bundle(registry, configuration(tmp_path))
    assert bundle.id == TREND_ID
    assert "lies in" in told
    (aside,) = pointer.parent.glob("*.damaged-*")
    assert aside.read_bytes() == content
    assert registry.history("builtin") == []
    name = registry.add_files(ridge_files())
    registry.promote("builtin", name, "again")
    assert active_bundle(registry, configuration(tmp_path))[0].id == name


def test_a_bundle_under_a_link_decides_and_one_that_is_gone_or_closed_does_not(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models", apart=True)
    name = registry.add_files(ridge_files())
    registry.promote("builtin", name, "first")
    folder, disk = registry.folder(name), tmp_path / "disk"
    folder.rename(disk)
    folder.symlink_to(disk)
    assert active_bundle(registry, configuration(tmp_path))[0].id == name
    disk.rename(tmp_path / "unplugged")
    found, told = active_bundle(registry, configuration(tmp_path))
    assert (found.id, name in told) == (TREND_ID, True)
    folder.unlink()
    folder.symlink_to(folder)
    assert active_bundle(registry, configuration(tmp_path))[0].id == TREND_ID
    folder.unlink()
    (tmp_path / "unplugged").rename(folder)
    assert active_bundle(registry, configuration(tmp_path))[0].id == name
    if os.geteuid() == 0:
        return  # root reads everything
    folder.chmod(0)
    try:
        assert active_bundle(registry, configuration(tmp_path))[0].id == TREND_ID
    finally:
        folder.chmod(0o700)


def test_a_bundle_whose_files_are_no_files_is_refused(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models", apart=True)
    name = registry.add_files(ridge_files())
    registry.promote("builtin", name, "first")
    manifest = registry.folder(name) / "manifest.json"
    manifest.unlink()
    manifest.mkdir()
    assert active_bundle(registry, configuration(tmp_path))[0].id == TREND_ID
