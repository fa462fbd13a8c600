"""Zip containers that nobody here writes, under a seal that fits: each is one sentence, and nothing is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.few_rows import packed, sealed
from storage.backup.container import SEAL, unpacked
from storage.backup.manifest import MANIFEST
from strategies.errors import SigmaError

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
ODD = {
    "a version of tomorrow": (CENTRAL, 6, b"\xff\x00"),
    "an encrypted member": (CENTRAL, 8, b"\x01\x00"),
    "patched data": (CENTRAL, 8, b"\x20\x00"),
    "a strongly encrypted member": (CENTRAL, 8, b"\x40\x00"),
    "a method that is not known": (CENTRAL, 10, b"\x63\x00"),
    "another name inside": (LOCAL, 30, b"x"),
    "a length that is not": (CENTRAL, 46 - 18, b"\xff\xff"),
    "members beyond the end": (CENTRAL, 42, b"\xff\xff\xff\x7f"),
    "more members than are there": (END, 10, b"\xff\x7f"),
    "a directory elsewhere": (END, 16, b"\xff\xff\xff\x7f"),
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_container_is_refused_in_words(tmp_path: Path, what: str) -> None:
    good = packed({}, b"{}")[:-SEAL]
    assert MANIFEST.encode() in good
    mark, offset, content = ODD[what]
    at = good.rindex(mark) + offset
    source = tmp_path / "odd.backup"
    source.write_bytes(sealed(good[:at] + content + good[at + len(content) :]))
    with pytest.raises(SigmaError, match=r"sigma backup|compressed|nothing was changed"), unpacked(source):
        pass
