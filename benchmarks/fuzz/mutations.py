"""How good input is spoilt: bytes, texts and JSON documents, by the hand of a random generator.

Structured: most of a document stays as it was, so that the spoilt place is reached.
"""

from __future__ import annotations

import copy
import json
import math
import random
import re
from collections.abc import Sequence
from typing import Any, Final

NUMBERS: Final[tuple[Any, ...]] = (
    *(0, -0.0, 1, -1, 7, 0.5, 1e-9, -1e-9, 1e-308, 1e16, 1e300, -1e300, 10**400, -(10**400)),
    *(2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64, math.nan, math.inf, -math.inf),
    *(1_735_689_600, 1_735_689_600_000, 1_735_689_600_001, 4_102_444_800_000, 253_402_300_800_000),
)
TEXTS: Final = (
    *("", " ", "\x00", "\n", "NaN", "nan", "inf", "-inf", "Infinity", "1e999", "-1", "0", "0x10", "1_0", "1,5", "١٢"),
    *("null", "None", "true", "[]", "{}", "<html>", "\ud800", "￿", "é" * 40, "A" * 5_000, "../../etc/passwd"),
    *("{name}", "%s%s%n", "'; DROP TABLE account; --", "=cmd()", "2024-02-30", "9999999999999", "币安人生USDT"),
)
CHOICES: Final[tuple[Any, ...]] = (None, True, False, [], {}, [[]], [None], {"": None}, {"a": {"b": [1]}})
WORDS: Final = re.compile(r"[A-Za-z0-9_.+-]+")
DEEP: Final = 1_500


def spoilt_bytes(rng: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return bytes with one to four places changed, taken out, put in, cut off or taken from another document."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(found) + 1)
        length = rng.choice((1, 2, 4, 8, 64, 1024))
        match rng.randrange(8):
            case 0 if found:
                found[at % len(found)] ^= 1 << rng.randrange(8)
            case 1 if found:
                found[at % len(found)] = rng.choice((0, 1, 0x0A, 0x22, 0x2C, 0x7F, 0x80, 0xFE, 0xFF))
            case 2:
                del found[at : at + length]
            case 3:
                found[at:at] = rng.randbytes(length)
            case 4:
                found[at:at] = found[at : at + length]
            case 5:
                del found[at:]
            case 6:
                found[at : at + length] = rng.choice((b"\xff", b"\x00")) * length
            case 7 if others:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                found[at:] = other[start:]
    return bytes(found)


def spoilt_text(rng: random.Random, text: str) -> str:
    """Return a text with one to three of its words or lines replaced, repeated, swapped or left out."""
    for _ in range(rng.randint(1, 3)):
        words = list(WORDS.finditer(text))
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        match rng.randrange(7):
            case 0 | 1 if words:
                word = rng.choice(words)
                text = text[: word.start()] + _as_text(rng) + text[word.end() :]
            case 2:
                lines.insert(at, rng.choice(lines))
                text = "\n".join(lines)
            case 3:
                lines.pop(at)
                text = "\n".join(lines)
            case 4:
                other = rng.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
                text = "\n".join(lines)
            case 5:
                place = rng.randrange(len(text) + 1)
                text = text[:place] + _as_text(rng) + text[place:]
            case 6:
                place = rng.randrange(len(text) + 1)
                text = text[:place] + text[place + rng.randint(1, 20) :]
    return text


def spoilt_value(rng: random.Random, document: Any) -> Any:
    """Return a copy of a JSON document with one to three of its places spoilt."""
    found = json.loads(json.dumps(document))
    for _ in range(rng.randint(1, 3)):
        found = _spoilt_once(rng, found)
    return found


def spoilt_json(rng: random.Random, document: Any) -> bytes:
    """Return a spoilt document as an exchange would print it, with numbers that are none."""
    text = written(spoilt_value(rng, document))
    if rng.random() < 0.02:
        text = "[" * DEEP + text
    return spoilt_bytes(rng, text.encode("utf-8", "surrogatepass")) if rng.random() < 0.15 else _encoded(text)


def written(document: Any) -> str:
    """Return a document as JSON, whatever is in it; NaN and Infinity stand there as they are."""
    return json.dumps(document, ensure_ascii=False, default=str)


def wild(rng: random.Random) -> Any:
    """Return a value that nobody expects."""
    return copy.deepcopy(
        rng.choice((rng.choice(NUMBERS), rng.choice(TEXTS), rng.choice(CHOICES), rng.uniform(-1e6, 1e6)))
    )


def _as_text(rng: random.Random) -> str:
    value = wild(rng)
    return value if isinstance(value, str) else str(value)[:400]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _spoilt_once(rng: random.Random, document: Any) -> Any:
    places = list(_places(document, ()))
    if not places:
        return wild(rng)
    path = rng.choice(places)
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    key = path[-1]
    match rng.randrange(8):
        case 0 | 1 | 2 | 3:
            parent[key] = wild(rng)
        case 4:
            del parent[key]
        case 5:
            parent[key] = [parent[key]]
        case 6 if isinstance(parent, dict):
            parent[rng.choice(TEXTS)] = parent.pop(key)
        case 6:
            parent.insert(key, parent[key])
        case 7:
            parent[key] = str(parent[key])
    return document


def _places(document: Any, path: tuple[Any, ...]) -> Any:
    """Yield the path of every value below a document's root."""
    if not isinstance(document, (dict, list)):
        return
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from _places(value, (*path, key))
