"""What the API answers about models: bundles, the pointer's moves, live skill, what the monitors found."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bot.views.shadow_results import LiveTrial
from bot.web.responses import Answer
from storage.models.promotion import Promotion
from strategies.market import Timeframe


class BundleSummary(Answer):
    """A bundle and what its walk-forward was worth."""

    bundle: str
    is_production: bool
    is_deciding: bool
    test_mode: bool = Field(description="made with --test-mode: its figures mean nothing")
    exchange: str
    symbols: list[str]
    timeframe: Timeframe
    horizon_bars: int
    families: list[str]
    weights: dict[str, float]
    recipe: str
    trained_from_ms: int
    trained_until_ms: int
    first_out_of_sample_ms: int
    ic: float | None
    auc: float | None
    accuracy: float | None
    family_ic: dict[str, float]
    out_of_fold_rows: int | None
    record: dict[str, Any] = Field(description="when, how long and from which commit it was trained")


class Models(Answer):
    """Bundles, newest training first, and the moves of the production pointer, newest first."""

    deciding: str | None
    production: str | None = Field(description="the champion while it decides; null: a stand-in does")
    champion: str | None = Field(None, description="in production, or on the bench; null: nothing has passed yet")
    bundles: list[BundleSummary]
    history: list[Promotion]
    trials: list[LiveTrial] = Field(
        description="bundles watched beside the champion: those that go on, then ended ones"
    )


class LiveSkill(Answer):
    """What a family's live votes were worth, once their horizon had passed."""

    family: str
    decisions: int
    ic: float | None = Field(description="correlation of vote and scaled return; null: too few decisions")
    ic_error: float | None = Field(description="its standard error, horizons not overlapping")
    hit_rate: float | None = Field(description="share of votes on the side the price went")
    trained_ic: float | None = Field(description="out of fold, when it was trained")


class Check(Answer):
    """What a nightly monitor found last."""

    kind: str
    ms: int
    passed: bool
    sentence: str


class Drift(Answer):
    """Live skill of the deciding bundle's votes against what its walk-forward promised."""

    bundle: str | None
    horizon_bars: int | None
    matured: int = Field(description="decisions whose horizon has passed")
    families: list[LiveSkill]
    checks: list[Check] = Field([], description="what the nightly monitors found last: drift, parity")
