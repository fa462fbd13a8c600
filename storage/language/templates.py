"""Sentences that were written elsewhere, in the task's language: their numbers and names are taken out, the rest is
looked up, and they are put back.

Reasons, refusals and outcomes are recorded once, in English, with the decision that made them. "RSI oversold (28)"
is found as "RSI oversold ({0})"; what no catalogue knows stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

from storage.language.speech import _, language

_VALUE: Final = re.compile(
    r"\bb-[0-9a-f]{6,64}\b|[+-]?(?:\d[\d,]*\.?\d*|\.\d+)%?|\b[A-Z0-9]*[A-Z0-9]{2}(?:USDT|USDC|USD)(?:-\d+)?\b"
)
_JOINTS: Final = re.compile(r"(; |, |: |\. | (?=\d+ bars? ago at |just confirmed at ))")


def translated(text: str, *, wholly: bool = False) -> str:
    """Return a sentence in the task's language, as a whole or clause by clause.

    Args:
        text: in English.
        wholly: where a clause is not known, leave the sentence as it is; a mixture, or a name that happens to be a
            word, is worse than English.
    """
    if language() == "en" or not text:
        return text
    whole = _looked_up(text)
    if whole is not None:
        return whole
    parts = _JOINTS.split(text)  # every second one is a joint
    said = [part if number % 2 else _clause(part) for number, part in enumerate(parts)]
    if wholly and None in said:
        return text
    return "".join(part if found is None else found for part, found in zip(parts, said, strict=True))


def _clause(text: str) -> str | None:
    """Return a clause in the task's language, with or without the full stop that ends the last one; None: not known."""
    found = _looked_up(text)
    if found is None and text.endswith("."):
        found = _looked_up(text[:-1])
        found = None if found is None else f"{found}."
    return found


def _looked_up(text: str) -> str | None:
    values: list[str] = []

    def take(found: re.Match[str]) -> str:
        values.append(found[0])
        return f"{{{len(values) - 1}}}"

    template = _VALUE.sub(take, text)
    found = _(template)
    if found == template:
        return None
    return re.sub(r"\{(\d+)\}", lambda part: values[int(part[1])], found)
