"""Bundles: what each says of itself, which one decides and why, and who is watched beside it.

`active` is who decides, a bundle or a fallback strategy; `champion` is the bundle in production or benched while a
fallback strategy decides; `production` is the champion while it decides. A damaged bundle is listed with its damage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from bot.values.shadow_results import ShadowTest
from bot.values.view import View
from storage.models.promotion import Promotion
from storage.models.registry import Registry
from storage.models.worth import shares_of, worth_of
from strategies.bundle.fallback_names import told
from strategies.bundle.manifest import Manifest
from strategies.errors import SigmaError
from strategies.market import Timeframe


class CoinSkill(View):
    """How well the conviction foretold one market, out of fold."""

    symbol: str
    ic: float
    rows: int


class CalibrationBin(View):
    """What P(up) said, and the share of rises that came."""

    probability: float
    seen: float
    rows: int


class Importance(View):
    """A feature and its share of what all splits gained."""

    feature: str
    share: float


class BundleSummary(View):
    """A bundle and what its walk-forward was worth."""

    bundle: str
    is_production: bool
    is_active: bool
    test_mode: bool = Field(description="made with --test-mode: its figures mean nothing")
    exchange: str
    symbols: list[str]
    timeframe: Timeframe
    horizon_bars: int
    families: list[str]
    weights: dict[str, float]
    votes: dict[str, str] = Field(description="what each family weighs, in the words that training prints")
    recipe: str
    trained_from_ms: int
    trained_until_ms: int
    first_out_of_sample_ms: int
    ic: float | None = Field(description="out of fold, of the conviction, as training prints it of the ensemble")
    auc: float | None
    accuracy: float | None
    family_ic: dict[str, float]
    slope: float = Field(description="of expected return on the conviction, as calibrated")
    out_of_fold_rows: int | None
    coins: list[CoinSkill] = Field([], description="skill in every market, out of fold, the largest first")
    calibration: list[CalibrationBin] = Field([], description="P(up) beside what was seen, ten bins of equal count")
    importance: dict[str, list[Importance]] = Field({}, description="what a family's models look at")
    weights_why: list[str] = Field([], description="why families weigh what they weigh, in words")
    record: dict[str, Any] = Field(description="when, how long and from which commit it was trained")


class Damaged(View):
    """A bundle that cannot be read."""

    bundle: str
    problem: str


class Models(View):
    """Bundles, newest training first, and the moves of the production pointer, newest first."""

    active: str | None
    production: str | None = Field(description="the champion while it decides; null: a fallback strategy does")
    champion: str | None = Field(None, description="in production, or benched; null: nothing has passed yet")
    why: str = Field("", description="why that one decides")
    bundles: list[BundleSummary]
    damaged: list[Damaged] = Field([], description="bundles that cannot be read")
    history: list[Promotion]
    shadow_tests: list[ShadowTest] = Field(
        description="bundles watched beside the champion: those that go on, then ended ones"
    )

    @property
    def active_text(self) -> str:
        """Who decides, as people are told."""
        return told(self.active) if self.active else "nobody yet"


def models_of(
    registry: Registry,
    exchange: str,
    *,
    active: str | None = None,
    shadow_tests: Sequence[ShadowTest] = (),
    why: str = "",
) -> Models:
    """Return the bundles of a registry and the moves of an exchange's pointer. Reads the disk: run it in a thread.

    Args:
        registry: where they lie.
        exchange: whose production pointer.
        active: who decides in a running daemon; None: whoever the pointer names.
        shadow_tests: who is watched.
        why: why that one decides; "": what moved the pointer last.
    """
    history = registry.history(exchange)
    production = registry.production(exchange)
    decides = active or registry.active(exchange)
    found, damaged = [], []
    for name in registry.ids():
        try:
            found.append(summary_of(registry, name, production, decides))
        except SigmaError as error:
            damaged.append(Damaged(bundle=name, problem=str(error)))
    return Models(
        active=decides,
        production=production,
        champion=history[-1].bundle if history else None,
        why=why or (history[-1].why if history else ""),
        bundles=sorted(found, key=lambda part: part.trained_until_ms, reverse=True),
        damaged=damaged,
        history=history[::-1],
        shadow_tests=list(shadow_tests),
    )


def summary_of(registry: Registry, name: str, production: str | None, active: str | None) -> BundleSummary:
    """Return one bundle.

    Raises:
        BundleRefused: it is damaged.
    """
    manifest: Manifest = registry.manifest(name)
    found, record = manifest.out_of_fold, registry.record(name)
    inside = record.get("explained") or {}
    worth = worth_of(manifest, record)
    return BundleSummary(
        bundle=name,
        is_production=name == production,
        is_active=name == active,
        test_mode=bool(record.get("test_mode")),
        exchange=manifest.exchange,
        symbols=list(manifest.symbols),
        timeframe=manifest.timeframe,
        horizon_bars=manifest.horizon_bars,
        families=list(manifest.families),
        weights=manifest.weights,
        votes=shares_of(manifest.weights, manifest.ppo_weight),
        recipe=manifest.recipe,
        trained_from_ms=manifest.trained_from_ms,
        trained_until_ms=manifest.trained_until_ms,
        first_out_of_sample_ms=manifest.first_out_of_sample_ms,
        ic=worth.ic,
        auc=worth.auc,
        accuracy=None if found is None else found.accuracy,
        family_ic={} if found is None else found.family_ic,
        slope=manifest.calibration.slope,
        out_of_fold_rows=None if found is None else found.rows,
        coins=inside.get("coins", []),
        calibration=inside.get("calibration", []),
        importance=inside.get("importance", {}),
        weights_why=inside.get("why", []),
        record={name: value for name, value in record.items() if not isinstance(value, dict | list)},
    )
