"""The plan of a bundle: families, weights and folds; its digest is the training recipe's identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from storage.config.training import ValidationSettings
from strategies.kernel.settings import TradingSettings
from training.data.coin_groups import Groups, panel_groups
from training.data.dataset import Dataset
from training.data.splits import EMBARGO_MS, Fold, recent_folds
from training.ensemble.stacking import Weighting
from training.families.interface import ModelFamily


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a bundle is made.

    Attributes:
        families: the voters, in order. PPO beside others does not vote, it joins after smoothing.
        weighting: of the voters in the blend.
        trading: thresholds of the win table, smoothing, horizon.
        validation: of the recipe gate.
        window_d: days of out-of-fold scores that deviations and confidence are taken from.
        refit_months, years: of the walk forward.
    """

    families: Sequence[ModelFamily]
    trading: TradingSettings
    validation: ValidationSettings
    weighting: Weighting = field(default_factory=Weighting)
    ppo_floor: float = 0.05
    ppo_cap: float = 0.20
    window_d: int = 400
    refit_months: int = 6
    years: float = 4.0
    embargo_ms: int = EMBARGO_MS
    seed: int = 0


def walk_folds(dataset: Dataset, plan: Plan) -> list[Fold]:
    """Return the folds of a dataset's walk forward; the first one trains on at least 40 % of the history."""
    return recent_folds(
        dataset.from_ms, dataset.until_ms, months=plan.refit_months, years=plan.years, embargo_ms=plan.embargo_ms
    )


def groups_of(dataset: Dataset, plan: Plan) -> Groups:
    """Return the groups of coins that a training leaves out in turn, so that its evidence is on coins it never saw."""
    settings = plan.validation
    return panel_groups(dataset.teachers, dataset.symbols, settings.left_out_groups, settings.panel_markets)


def recipe_id(dataset: Dataset, plan: Plan) -> str:
    """Return the digest of everything that makes a recipe: bundles that share it are refreshes of each other."""
    decision = plan.trading.decision
    document = {
        "families": {family.name: family.describe() for family in plan.families},
        "features": dataset.features.fingerprint,
        "horizon_bars": dataset.horizon_bars,
        "timeframe": dataset.timeframe.value,
        "smoothing_span": decision.smoothing_span,
    }
    if len(dataset.all_horizons) > 1:
        document["horizons"] = dataset.all_horizons
    if dataset.step_of(1) > 1:
        document["every_bars_at_least"] = dataset.step_of(1)
    if dataset.labelling.key:
        document["labelling"] = dataset.labelling.key
    if plan.weighting.method != "mean":
        document["weighting"] = asdict(plan.weighting)
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]
