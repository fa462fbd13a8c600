"""A backup under a passphrase is noise without it; what was killed is swept; what would grow is not inflated."""

from __future__ import annotations

import json
import stat
import zipfile
from functools import cache
from pathlib import Path

import pytest

from storage.backup import sealing
from storage.backup.configuration import addresses_in
from storage.backup.container import MAX_MANIFEST, _seal, unpacked
from storage.backup.manifest import MANIFEST
from storage.backup.restore import RestoreOptions, restore
from strategies.errors import BadInput, SigmaError
from tests.storage.backup.installations import ACCOUNT, Installation, empty, filled

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation that is only read."""
    return filled(tmp_path_factory.mktemp("traded"), count=60)


def test_an_encrypted_backup_comes_back_and_shows_nothing_on_its_way(traded: Installation, tmp_path: Path) -> None:
    target = tmp_path / "a.backup"
    traded.back_up(target, passphrase=PASSPHRASE)
    content = target.read_bytes()
    assert b"manifest.json" not in content
    assert b"tables/" not in content
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    there = empty(tmp_path / "there")
    restore(
        there.database,
        there.places,
        target,
        ACCOUNT,
        RestoreOptions(now_ms=1, passphrase=PASSPHRASE),
    )
    assert there.export() == traded.export()
    assert not list(tmp_path.rglob("*plain*"))


@pytest.mark.parametrize("passphrase", ["", "another one of enough length"])
def test_without_its_passphrase_it_does_not_open(traded: Installation, tmp_path: Path, passphrase: str) -> None:
    target = tmp_path / "a.backup"
    traded.back_up(target, passphrase=PASSPHRASE)
    with pytest.raises(BadInput, match=r"(?i)passphrase"), unpacked(target, passphrase):
        pass


def test_a_passphrase_that_protects_nothing_is_refused(traded: Installation, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least 12"):
        traded.back_up(tmp_path / "a.backup", passphrase="1234")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 48])
def test_every_length_comes_back_and_no_change_goes_unseen(size: int, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sealing, "CHUNK", 16)
    monkeypatch.setattr(sealing, "_key", cache(sealing._key))  # it is slow on purpose, and the same for every change
    plain, locked = tmp_path / "plain", tmp_path / "locked"
    plain.write_bytes(bytes(range(size)))
    sealing.encrypt(plain, locked, PASSPHRASE)
    sealing.decrypt(locked, tmp_path / "again", PASSPHRASE)
    assert (tmp_path / "again").read_bytes() == plain.read_bytes()
    content = locked.read_bytes()
    head, chunk = len(sealing.MAGIC) + sealing.SALT, 32
    changed = [content[:-1], content[:head], content + b"x", content[:head] + content[head + chunk :]]
    changed += [content[:-1] + bytes([content[-1] ^ 1])]
    for number, bad in enumerate(changed):
        if bad == content:
            continue
        locked.write_bytes(bad)
        with pytest.raises(BadInput, match="does not open"):
            sealing.decrypt(locked, tmp_path / f"bad-{number}", PASSPHRASE)


def test_what_killed_backups_left_is_swept_by_the_next(traded: Installation, tmp_path: Path) -> None:
    left = tmp_path / ".backup-killed"
    left.mkdir()
    (left / "tape.parquet").write_bytes(b"x")
    traded.back_up(tmp_path / "a.backup")
    assert [path.name for path in tmp_path.iterdir()] == ["a.backup"]


def test_a_manifest_that_would_grow_is_not_read(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.backup"
    with bomb.open("w+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr(MANIFEST, b" " * (MAX_MANIFEST * 2))
            zipped.comment = b"0" * 64
        _seal(file)
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(SigmaError, match="compressed"), unpacked(bomb):
        pass


def test_addresses_of_a_foreign_configuration_are_named() -> None:
    text = b'[telegram]\nbase_url = "https://evil.example"\n[alerts.webhook]\nurl = "http://h/x"\n[web]\nport = 1\n'
    assert addresses_in(text) == (
        "[telegram] base_url = https://evil.example",
        "[alerts.webhook] url = http://h/x",
    )
    assert addresses_in(b"\xff") == ()
    assert json.dumps(addresses_in(b""))
