"""Known-answer result: what one question whose answer is known came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswerResult:
    """One question answered."""

    name: str
    passed: bool
    sentence: str
