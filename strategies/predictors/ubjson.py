"""UBJSON as xgboost writes it (https://ubjson.org, draft 12): whole documents read into plain values and arrays."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np

MAX_NESTING: Final = 32
_NUMBERS: Final = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_WORDS: Final = {b"T": True, b"F": False, b"Z": None}


def read_ubjson(raw: bytes) -> Any:
    """Return what a document says: objects as dicts, typed arrays as numpy arrays, other arrays as lists.

    Raises:
        ValueError: it is cut, goes on behind its end, says a name twice, or is none.
    """
    reader = _Reader(raw)
    value = reader.value(reader.take(1), 0)
    if reader.at != len(raw):
        raise ValueError(f"{len(raw) - reader.at:,} bytes lie behind its end")
    return value


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.at = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if not 0 <= size <= len(self._raw) - self.at:
            raise ValueError(f"it is cut: {size:,} bytes were to come at {self.at:,} of {len(self._raw):,}")
        self.at += size
        return self._raw[self.at - size : self.at]

    def value(self, mark: bytes, nesting: int) -> Any:
        """Return the value behind its mark."""
        if nesting > MAX_NESTING:
            raise ValueError(f"it is nested deeper than {MAX_NESTING}")
        if mark in _WORDS:
            return _WORDS[mark]
        if mark in _NUMBERS:
            return self._numbers(mark, 1)[0].item()
        if mark == b"S":
            return self._text()
        if mark == b"{":
            return self._object(nesting)
        if mark == b"[":
            return self._array(nesting)
        raise ValueError(f"{mark!r} at {self.at - 1:,} is no value")

    def _numbers(self, mark: bytes, count: int) -> np.ndarray:
        kind = np.dtype(_NUMBERS[mark])
        return np.frombuffer(self.take(kind.itemsize * count), kind)

    def _length(self) -> int:
        if self.take(1) != b"L":
            raise ValueError(f"no length of 8 bytes stands at {self.at - 1:,}")
        return int(struct.unpack(">q", self.take(8))[0])

    def _text(self) -> str:
        return self.take(self._length()).decode()

    def _object(self, nesting: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._raw[self.at : self.at + 1] != b"}":
            name = self._text()
            if name in found:
                raise ValueError(f"it says {name!r} twice")
            found[name] = self.value(self.take(1), nesting + 1)
        self.at += 1
        return found

    def _array(self, nesting: int) -> np.ndarray | list[Any]:
        if self._raw[self.at : self.at + 1] == b"$":
            self.at += 1
            mark = self.take(1)
            if mark not in _NUMBERS or self.take(1) != b"#":
                raise ValueError(f"the array at {self.at:,} is none of numbers")
            return self._numbers(mark, self._length())
        if self._raw[self.at : self.at + 1] == b"#":
            self.at += 1
            return [self.value(self.take(1), nesting + 1) for _ in range(self._bounded(self._length()))]
        found = []
        while (mark := self.take(1)) != b"]":
            found.append(self.value(mark, nesting + 1))
        return found

    def _bounded(self, count: int) -> int:
        if not 0 <= count <= len(self._raw):
            raise ValueError(f"an array of {count:,} values does not fit in it")
        return count
