"""Promotion: one move of a production pointer, as it stands in the pointer's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.bundle.fallback_names import FALLBACK_STRATEGIES
from strategies.bundle.fallback_policy import FallbackLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One move of a production pointer.

    Attributes:
        bundle: the champion from here on; None: there is none.
        since_ms: market time; None: not known, since no daemon ran and no candle was stored.
        fallback_level: who decides: the champion ("models"), or a fallback strategy while the champion is on the bench.
    """

    bundle: str | None
    since_ms: int | None
    why: str
    fallback_level: FallbackLevel = "models"

    @classmethod
    def of(cls, move: Mapping[str, Any]) -> Promotion:
        """Return the move of a document, of older versions too."""
        known = move.get("fallback_level") or move.get("rung")
        level: FallbackLevel = known or ("models" if move["bundle"] else "trend_rule")
        return cls(bundle=move["bundle"], since_ms=move["since_ms"], why=move["why"], fallback_level=level)

    @property
    def active(self) -> str:
        """Id of who decides."""
        return str(self.bundle) if self.fallback_level == "models" else FALLBACK_STRATEGIES[self.fallback_level]
