"""Finding: what one known-answer question came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One question answered."""

    name: str
    passed: bool
    sentence: str
