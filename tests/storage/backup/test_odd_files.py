"""One odd file in an installation keeps nothing else from being backed up, and is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.storage.backup.installations import Installation, empty, filled

BUNDLE = "models/bundles/b-0123456789abcdef"


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return filled(tmp_path / "here", count=30)


def restored(here: Installation, tmp_path: Path) -> Installation:
    there = empty(tmp_path / "there")
    there.restore(tmp_path / "a.backup")
    return there


def test_a_bundle_under_a_link_is_backed_up_as_if_it_lay_there(here: Installation, tmp_path: Path) -> None:
    folder, disk = here.folder / BUNDLE, tmp_path / "disk"
    folder.rename(disk)
    folder.symlink_to(disk)
    (folder / "round").symlink_to(disk)  # a link to itself ends where it begins
    assert here.back_up(tmp_path / "a.backup").lost == ()
    there = restored(here, tmp_path)
    assert {path.name for path in (there.folder / BUNDLE).iterdir()} == {"manifest.json", "xgboost-0.ubj"}


def test_a_file_that_cannot_be_read_or_named_is_left_out_and_said(here: Installation, tmp_path: Path) -> None:
    (here.folder / BUNDLE / "gone.ubj").symlink_to(tmp_path / "unplugged")
    (here.folder / BUNDLE / "notes (1).txt").write_text("a person's")
    loop = here.folder / BUNDLE / "loop.ubj"
    loop.symlink_to(loop)
    made = here.back_up(tmp_path / "a.backup")
    told = {"gone.ubj": "cannot be read", "loop.ubj": "cannot be read", "notes (1).txt": "not a plain relative name"}
    assert len(made.lost) == len(told)
    for name, why in told.items():
        assert [why in line for line in made.lost if name in line] == [True]
    there = restored(here, tmp_path)
    assert there.export() == here.export()
    assert (there.folder / BUNDLE / "xgboost-0.ubj").exists()


def test_a_market_in_any_script_is_backed_up_with_its_candles(here: Installation, tmp_path: Path) -> None:
    series = here.places.candles / "binanceusdm" / "币安人生USDT_1h_futures"
    series.mkdir(parents=True)
    (series / "2026-01.parquet").write_bytes(b"candles")
    assert here.back_up(tmp_path / "a.backup", with_candles=True).lost == ()
    there = restored(here, tmp_path)
    assert (
        there.places.candles / series.relative_to(here.places.candles) / "2026-01.parquet"
    ).read_bytes() == b"candles"


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "a/../../b", "/etc/passwd", "..", "a\\b", "a\nb", "", "a/", "\u202ea/b"]
)
def test_a_member_never_leads_out_of_its_root(name: str) -> None:
    from storage.backup.manifest import is_member

    assert not is_member(f"models/{name}")
