"""Every row of the feature table is held by a test that exists, and every picture of the documentation is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MOST_BYTES = 1_500_000
ROW = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)` \|$")
PICTURE = re.compile(r"!\[[^\]]+\]\(((?:docs/)?screenshots/[\w.-]+)\)")

rows = [line for line in (DOCS / "compare.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]


@pytest.mark.parametrize("row", rows, ids=lambda row: row.split("|")[1].strip()[:40])
def test_a_row_of_the_comparison_is_held_by_a_test_that_exists(row: str) -> None:
    found = ROW.search(row)
    assert found, row
    source = (ROOT / found[1]).read_text(encoding="utf-8")
    assert f"def {found[2]}(" in source


def test_every_picture_is_there_named_somewhere_and_all_are_small() -> None:
    named = set()
    for page in (*DOCS.glob("*.md"), ROOT / "README.md"):
        for name in PICTURE.findall(page.read_text(encoding="utf-8")):
            assert (page.parent / name).is_file(), f"{page.name}: {name}"
            named.add(Path(name).name)
    kept = [path for path in (DOCS / "screenshots").iterdir() if path.suffix in (".webp", ".png")]
    assert {path.name for path in kept} == named
    assert sum(path.stat().st_size for path in kept) <= MOST_BYTES
