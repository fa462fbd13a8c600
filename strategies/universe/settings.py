"""`[universe]`: how the markets of an account are chosen. Values that check themselves; nothing is selected here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from strategies.kernel.settings import Section

Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]{3,20}$")]
STAYS_UNTIL = 1.5  # a member stays while its rank is within this many times the size


class UniverseSettings(Section):
    """Who may be traded: a list, or the largest markets by traded value."""

    mode: Literal["auto", "list", "top"] = "auto"
    size: int = Field(20, ge=1, le=500)
    quote: str = Field("USDT", pattern=r"^[A-Z0-9]{2,10}$")
    volume_days: int = Field(30, ge=1, le=365)
    min_age_d: float = Field(150.0, ge=0, le=3650)
    min_quote_volume: float = Field(5_000_000.0, ge=0)
    max_spread: float = Field(0.002, gt=0, le=1)
    hysteresis: float = Field(STAYS_UNTIL, ge=1, le=10)
    keep: tuple[Symbol, ...] = ()
    block: tuple[Symbol, ...] = ()
    exclude: tuple[Literal["stable", "leveraged", "index"], ...] = ("stable", "leveraged", "index")
    refresh_cron: str = "10 0 * * mon"

    @model_validator(mode="after")
    def _keeps_or_blocks(self) -> UniverseSettings:
        both = sorted(set(self.keep) & set(self.block))
        if both:
            raise ValueError(f"keep and block both name {', '.join(both)}; one of them is needed")
        return self
