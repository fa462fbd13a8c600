"""A finished walk forward in figures and words: folds, benchmarks beside it, what was tried, a verdict.

The one value that the terminal, the JSON output and the HTML report are made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from storage.models.trial_log import Trial, record_trial
from training.backtest.baselines import CASH
from training.backtest.rule_baselines import rule_baselines
from training.backtest.scorecard import Scorecard, plain
from training.backtest.scoring import baseline_figures, scorecard, targets_of
from training.data.dataset import Dataset
from training.ensemble.plan import recipe_id
from training.ensemble.removal import Removal
from training.evidence.ic_difference import IcGain
from training.evidence.performance import EquityCurve, daily_equity, daily_returns
from training.evidence.trial_ledger import STRESSED, DailyReturns, Tried, daily_of, recipe_digest, record, tried
from training.evidence.trial_statistics import TrialStatistics, claim, trial_statistics
from training.walk_forward.contenders import Contender, family_ics, gains_over_first
from training.walk_forward.fold_figures import FoldFigures, Stability, fold_figures, stability
from training.walk_forward.fold_plan import Schedule
from training.walk_forward.panel import Panel, panel_of
from training.walk_forward.removal import walked_removal
from training.walk_forward.walk import WalkForward

RIDGE: Final = "ridge walk-forward"
DESIGN_SYMBOLS: Final = {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
DESIGN_UNTIL_MS: Final = 1_751_328_000_000  # 2025-07-01; see docs/architecture.md


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardCard:
    """Everything a walk forward is told by.

    Attributes:
        verdict: two sentences: is it stable, and what may be claimed once the trials are counted.
        notes: what else must be known to read the figures.
        scores: as of a backtest over the traded folds; its baselines are all benchmarks.
        family_ic: by family, of its raw scores with the target over the traded folds, markets pooled.
        family_gain: by family but the first: what its mean with the first one adds in IC to the first one alone.
        contenders: the blend, its families and the rules under stress; empty where that was not asked for.
        removal: the same folds traded without PPO; None where it does not stand beside others.
        panel: what the coins prove together; None where fewer than a panel were traded.
    """

    verdict: str
    notes: tuple[str, ...]
    recipe: str
    costs_factor: float
    delay_bars: int
    scores: Scorecard
    folds: tuple[FoldFigures, ...]
    stability: Stability
    family_ic: Mapping[str, float]
    statistics: TrialStatistics
    contenders: tuple[Contender, ...] = ()
    removal: Removal | None = None
    panel: Panel | None = None
    family_gain: Mapping[str, IcGain] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return plain JSON types; what is undefined or infinite is null."""
        shown = plain(asdict(self))
        assert isinstance(shown, dict)
        return shown


def walk_forward_card(
    walked: WalkForward,
    dataset: Dataset,
    schedule: Schedule,
    runs_folder: Path,
    ridge: WalkForward | None,
    contenders: tuple[Contender, ...] = (),
) -> tuple[WalkForwardCard, dict[str, EquityCurve]]:
    """Return the figures of a walk forward and the curves of its benchmarks by name.

    Args:
        schedule: part of what was chosen, so part of the trial.
        runs_folder: where the trial ledger lies; it is read, not written.
        ridge: the linear benchmark over the same folds; None where the model is that itself.
        contenders: to be shown beside; see `training/walk_forward/contenders.py`.
    """
    result = walked.result
    scores, curves = scorecard(result)
    rules = rule_baselines(result.path, result.candles, result.settings, delay_bars=walked.stress.delay_bars)
    curves |= {rule.name: rule.curve for rule in rules}
    if ridge is not None:
        curves[RIDGE] = ridge.result.curve
    returns = daily_returns(result.curve)
    scores = replace(scores, baselines=tuple(baseline_figures(name, curve, returns) for name, curve in curves.items()))
    folds = fold_figures(walked, targets_of(result), dataset.from_ms)
    steady = stability(folds)
    recipe = trial_recipe(walked, dataset, schedule)
    found = tried(recipe, walked.symbols, run_returns(walked), scores.figures.sharpe, runs_folder)
    statistics = trial_statistics(found, {name: daily_returns(curve) for name, curve in curves.items()})
    removal = walked_removal(walked, dataset)
    is_panel = len(walked.symbols) >= walked.plan.validation.panel_markets
    panel = panel_of(walked, benchmark_curves(curves)) if is_panel else None
    told = f"Panel: {panel.verdict}. " if panel else ""
    card = WalkForwardCard(
        verdict=f"{told}{claim(statistics)} {steady.words}",
        notes=(*scores.notes, *_notes(walked, schedule, found), *([f"{removal.words}."] if removal else [])),
        recipe=recipe,
        costs_factor=walked.stress.costs_factor,
        delay_bars=walked.stress.delay_bars,
        scores=replace(scores, verdict=claim(statistics)),
        folds=tuple(folds),
        stability=steady,
        family_ic=family_ics(walked),
        family_gain={
            family.name: gain
            for family, gain in list(zip(walked.plan.families, gains_over_first(walked), strict=True))[1:]
        },
        statistics=statistics,
        contenders=contenders,
        removal=removal,
        panel=panel,
    )
    return card, curves


def trial_recipe(walked: WalkForward, dataset: Dataset, schedule: Schedule) -> str:
    """Return the digest of what was chosen: families, features, thresholds, markets, windows; not data, not seed."""
    trading = walked.plan.trading.model_dump(mode="json")
    trading.pop("execution")
    return recipe_digest(
        {
            "recipe": recipe_id(dataset, walked.plan),
            "symbols": dataset.symbols,
            **({} if walked.symbols == dataset.symbols else {"traded": walked.symbols}),
            "train_days": schedule.train_days,
            "refit": schedule.test_days or f"{schedule.refit_months} months",
            "trading": trading,
        }
    )


def run_returns(walked: WalkForward) -> DailyReturns:
    """Return the daily net returns of a walk forward."""
    samples, equity = daily_equity(walked.result.curve)
    return daily_of(samples, np.diff(equity) / equity[:-1])


def record_walk(walked: WalkForward, card: WalkForwardCard, at_ms: int, runs_folder: Path) -> Trial:
    """Write a walk forward into the trial ledger, and each family that was traded alone beside it.

    Raises:
        StorageFailed: the ledger cannot be written.
    """
    stressed = walked.stress.costs_factor != 1.0 or walked.stress.delay_bars != 0
    params = {
        "symbols": list(card.scores.symbols),
        "start_ms": card.scores.start_ms,
        "end_ms": card.scores.end_ms,
        "folds": len(card.folds),
        "costs_factor": card.costs_factor,
        "delay_bars": card.delay_bars,
    }
    alone = [row for row in card.contenders if row.name in {family.name for family in walked.plan.families}]
    for row in alone if len(walked.plan.families) > 1 else []:
        own = recipe_digest({"recipe": card.recipe, "alone": row.name})
        kind = f"walk-forward {row.name} alone{STRESSED if stressed else ''}"
        record_trial(
            Trial(at_ms=at_ms, kind=kind, recipe=own, params=params, ic=row.ic, sharpe=row.sharpe), runs_folder
        )
    trial = Trial(
        at_ms=at_ms,
        kind=f"walk-forward {walked.name}{STRESSED if stressed else ''}",
        recipe=card.recipe,
        params=params,
        ic=card.scores.ic_score,
        sharpe=card.scores.figures.sharpe,
    )
    return record(trial, run_returns(walked), runs_folder)


def _notes(walked: WalkForward, schedule: Schedule, found: Tried) -> list[str]:
    notes = [schedule.note] if schedule.note else []
    configured = walked.plan.trading.protections.drawdown_stop
    notes.append(
        f"The drawdown stop ({configured:.0%}) is off here: a person would have to lift it, and the walk goes on."
        if configured
        else "There is no drawdown stop."
    )
    candles = walked.result.candles
    markets = {market.symbol for market in candles.markets}
    is_invented = candles.markets[0].exchange == "builtin"
    if not is_invented and markets & DESIGN_SYMBOLS and candles.start_ms < DESIGN_UNTIL_MS:
        notes.append(
            "The shipped settings were chosen on BTC, ETH and SOL up to June 2025 among hundreds that this ledger does "
            "not hold: on those bars they look about twice as good as on markets nobody looked at."
        )
    if found.returns.shape[1] < found.recipes:
        missing = found.recipes - found.returns.shape[1]
        notes.append(f"{missing} of {found.recipes} trials have no daily returns on these days; they still count.")
    if walked.stress.costs_factor != 1.0 or walked.stress.delay_bars:
        notes.append(
            f"Under stress: costs x {walked.stress.costs_factor:g}, {walked.stress.delay_bars} bars late. Written to "
            "the trial ledger, not counted there."
        )
    return notes


def benchmark_curves(curves: Mapping[str, EquityCurve]) -> dict[str, EquityCurve]:
    """Return the curves worth drawing: cash is a flat line."""
    return {name: curve for name, curve in curves.items() if name != CASH}
