"""A finished simulation in figures and words: what the bot did and earned beside the rules, what may be claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from storage.models.trial_log import Trial
from strategies.bundle.fallback_names import TREND_ID, fallback_level_of, is_fallback
from strategies.bundle.fallback_policy import FallbackLevel
from training.backtest.baselines import HOLD
from training.backtest.rule_baselines import DONCHIAN, rule_baselines
from training.backtest.scorecard import Scorecard, plain
from training.backtest.scoring import baseline_figures, scorecard
from training.data.dataset import Dataset
from training.ensemble.plan import Plan, recipe_id
from training.evidence.performance import EquityCurve, daily_equity, daily_returns
from training.evidence.trial_ledger import DailyReturns, daily_of, recipe_digest, record, tried
from training.evidence.trial_statistics import TrialStatistics, claim, trial_statistics
from training.simulation.simulate import Event, Routine, Simulation

NAMES: Final[dict[FallbackLevel, str]] = {"models": "bundles", "trend_rule": "trend rule", "cash": "cash"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationCard:
    """Everything a simulation is told by.

    Attributes:
        verdict: whether an edge was found once the search is counted, and how the bot did beside the rules.
        scores: as of a backtest over the whole time; its baselines are all benchmarks.
        decided: share of the time by who decided: bundles, the trend rule, cash.
        bundles: how many of them decided.
    """

    verdict: str
    notes: tuple[str, ...]
    recipe: str
    scores: Scorecard
    statistics: TrialStatistics
    events: tuple[Event, ...]
    trainings: int
    promotions: int
    drifts: int
    rollbacks: int
    decided: Mapping[str, float]
    bundles: int
    duration_s: float

    def document(self) -> dict[str, Any]:
        """Return plain JSON types; what is undefined or infinite is null."""
        shown = plain(asdict(self))
        assert isinstance(shown, dict)
        return shown


def simulation_card(
    simulation: Simulation, dataset: Dataset, plan: Plan, routine: Routine, runs_folder: Path, duration_s: float
) -> tuple[SimulationCard, dict[str, EquityCurve]]:
    """Return the figures of a simulation and the curves of its benchmarks by name.

    Args:
        dataset: any of the run's, for the recipe.
        runs_folder: where the trial ledger lies; it is read, not written.
    """
    result = simulation.result
    scores, curves = scorecard(result)
    curves |= {rule.name: rule.curve for rule in rule_baselines(result.path, result.candles, result.settings)}
    returns = daily_returns(result.curve)
    scores = replace(scores, baselines=tuple(baseline_figures(name, curve, returns) for name, curve in curves.items()))
    recipe = simulation_recipe(dataset, plan, routine)
    found = tried(recipe, dataset.symbols, run_returns(simulation), scores.figures.sharpe, runs_folder)
    statistics = trial_statistics(found, {name: daily_returns(curve) for name, curve in curves.items()})
    card = SimulationCard(
        verdict=f"{claim(statistics)} {_beside(scores)}",
        notes=(*scores.notes, _routine_words(simulation)),
        recipe=recipe,
        scores=replace(scores, verdict=claim(statistics)),
        statistics=statistics,
        events=simulation.events,
        trainings=simulation.trainings,
        promotions=simulation.promotions,
        drifts=simulation.drifts,
        rollbacks=simulation.rollbacks,
        decided=decided_shares(simulation),
        bundles=len({event.bundle for event in _swaps(simulation) if not is_fallback(event.bundle)}),
        duration_s=round(duration_s, 1),
    )
    return card, curves


def simulation_recipe(dataset: Dataset, plan: Plan, routine: Routine) -> str:
    """Return the digest of what was chosen: recipe, thresholds, markets, routine; not data, not seed."""
    trading = plan.trading.model_dump(mode="json")
    trading.pop("execution")
    chosen = {"recipe": recipe_id(dataset, plan), "symbols": dataset.symbols, "trading": trading}
    return recipe_digest({**chosen, "routine": asdict(routine)})


def run_returns(simulation: Simulation) -> DailyReturns:
    """Return the daily net returns of a simulation."""
    samples, equity = daily_equity(simulation.result.curve)
    return daily_of(samples, np.diff(equity) / equity[:-1])


def record_simulation(simulation: Simulation, card: SimulationCard, at_ms: int, runs_folder: Path) -> Trial:
    """Write a simulation into the trial ledger.

    Raises:
        StorageFailed: the ledger cannot be written.
    """
    scores = card.scores
    params = {"symbols": list(scores.symbols), "start_ms": scores.start_ms, "end_ms": scores.end_ms}
    trial = Trial(
        at_ms=at_ms,
        kind="simulate",
        recipe=card.recipe,
        params={**params, "trainings": card.trainings, "promotions": card.promotions},
        ic=scores.ic_score,
        sharpe=scores.figures.sharpe,
    )
    return record(trial, run_returns(simulation), runs_folder)


def decided_shares(simulation: Simulation) -> dict[str, float]:
    """Return the share of the time that bundles, the trend rule and cash decided."""
    candles = simulation.result.candles
    shares = dict.fromkeys(NAMES.values(), 0.0)
    swaps = _swaps(simulation)
    borders = [candles.start_ms, *(event.ms for event in swaps), candles.end_ms]
    names = [TREND_ID, *(event.bundle for event in swaps)]
    for name, begun_ms, ended_ms in zip(names, borders[:-1], borders[1:], strict=True):
        shares[NAMES[fallback_level_of(name)]] += (ended_ms - begun_ms) / (candles.end_ms - candles.start_ms)
    return shares


def _swaps(simulation: Simulation) -> list[Event]:
    return [event for event in simulation.events if event.kind in ("swap", "rollback")]


def _beside(scores: Scorecard) -> str:
    beside = {part.name: part.figures for part in scores.baselines}
    words = ", ".join(
        f"{name} {beside[name].total_return:+.1%} (Sharpe {beside[name].sharpe:.2f})"
        for name in (DONCHIAN, HOLD)
        if name in beside
    )
    own = scores.figures
    return f"The bot made {own.total_return:+.1%} net (Sharpe {own.sharpe:.2f}); {words}."


def _routine_words(simulation: Simulation) -> str:
    shares = decided_shares(simulation)
    parts = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return (
        f"{simulation.trainings} trainings, {simulation.promotions} promoted; {simulation.drifts} drift alarms, "
        f"{simulation.rollbacks} rollbacks. Who decided: {parts} of the time."
    )
