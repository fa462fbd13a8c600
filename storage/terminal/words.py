"""Did you mean: the nearest known word to one that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable

from storage.lazy import lazily

with lazily():
    import difflib


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return "did you mean WORD?" for the nearest of `known`, or `otherwise` where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def counted(number: int | float, one: str, several: str = "") -> str:
    """Return "1 trade" or "1,204 trades"; `several` where an s does not do."""
    return f"{number:,.0f} {one if round(number) == 1 else several or f'{one}s'}"
