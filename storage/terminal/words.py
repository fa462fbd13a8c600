"""Words for a terminal: the nearest known one to one that nobody knows, and foreign text that moves no cursor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from storage.lazy import lazily

with lazily():
    import difflib

# what a terminal obeys instead of showing: control characters, line separators, marks that turn the direction of text
_OBEYED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return "did you mean WORD?" for the nearest of `known`, or `otherwise` where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def counted(number: int | float, one: str, several: str = "") -> str:
    """Return "1 trade" or "1,204 trades"; `several` where an s does not do."""
    return f"{number:,.0f} {one if round(number) == 1 else several or f'{one}s'}"


def printable(text: str, *, one_line: bool = False) -> str:
    """Return text that came from elsewhere (a market's name, an answer, a path) so that a terminal only shows it.

    Args:
        text: what is obeyed is spelled as JSON does, \\u001b.
        one_line: so are tabs and ends of lines.
    """
    found = _OBEYED.sub(_spelled, text)
    return found.replace("\n", "\\u000a").replace("\t", "\\u0009") if one_line else found


def field_text(value: object) -> str:
    """Return a field of a log line as one word, in quotes where it is none."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    is_word = bool(text) and " " not in text and text == printable(text, one_line=True)
    return text if is_word else printable(json.dumps(text, ensure_ascii=False))


def _spelled(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
