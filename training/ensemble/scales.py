"""The frozen scales of a bundle: what a unit of score, and of conviction, has meant out of fold.

PPO joins here, after smoothing, and has to earn it: the out-of-fold past is traded with it and without it, and where
the account is better off without it by more than one standard error, it loses its weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strategies.bundle.calibration import Calibration, confidence_quantiles, fit, smoothed_scores
from strategies.bundle.ensemble import agreement
from strategies.bundle.manifest import OutOfFold
from strategies.errors import BadInput
from strategies.kernel.settings import DecisionSettings
from strategies.market import DAY_MS
from strategies.oversight.skill import information_coefficient
from training.data.dataset import Dataset
from training.data.market_scores import Convictions, MarketScores
from training.ensemble.expectation import expectation_of
from training.ensemble.hold import mean_hold, slopes_over
from training.ensemble.joining import PPO, blend_weights, joined, joins
from training.ensemble.removal import Removal, removal_of
from training.ensemble.seats import Seat
from training.ensemble.stacking import weigh
from training.ensemble.votes import Votes
from training.ensemble.wins import simulate, without_protections
from training.evidence.skill import area_under_curve

if TYPE_CHECKING:
    from training.ensemble.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """Frozen deviations and what a unit of conviction means, with the convictions they were taken from.

    Attributes:
        removal: what trading without PPO would have come to; None where it does not join.
    """

    deviations: dict[str, float]
    weights: dict[str, float]
    ppo_weight: float
    weight_notes: tuple[str, ...]
    seats: tuple[Seat, ...]
    calibration: Calibration
    convictions: tuple[Convictions, ...]
    out_of_fold: OutOfFold
    removal: Removal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scaled:
    """Convictions with what they mean."""

    calibration: Calibration
    convictions: tuple[Convictions, ...]


def calibrate(dataset: Dataset, plan: Plan, runs: Sequence[MarketScores]) -> Scales:
    """Return the frozen scales of out-of-fold scores.

    Raises:
        BadInput: a family gave no score, or the same score everywhere.
    """
    until_ms = max(int(run.open_ms[-1]) for run in runs)
    recent = [run.open_ms >= until_ms - plan.window_d * DAY_MS for run in runs]
    names = [family.name for family in plan.families]
    deviations = _deviations(names, runs, recent)
    votes = [run.scores / np.array(list(deviations.values())) for run in runs]
    weighed = weigh(
        pooled_votes(dataset, runs, votes), names, np.array(list(blend_weights(names).values())), plan.weighting
    )
    blended = np.split(weighed.blended, np.cumsum([len(part) for part in votes])[:-1])
    smoothed = [smoothed_scores(scores, plan.trading.decision.smoothing_span) for scores in blended]
    deviation = float(np.concatenate([s[mask] for s, mask in zip(smoothed, recent, strict=True)]).std())
    known = [np.where(np.isfinite(scores), s / deviation, np.nan) for s, scores in zip(smoothed, blended, strict=True)]
    target = np.concatenate([run.target for run in runs])
    decision = plan.trading.decision
    chosen = _scaled(dataset, decision, runs, recent, known, blended, deviation)
    ppo_weight, notes, removal = 0.0, weighed.notes, None
    if joins(names):
        column = names.index(PPO)
        together, ppo_weight = joined(known, votes, names, target, plan.ppo_floor, plan.ppo_cap)
        beside = _scaled(dataset, decision, runs, recent, together, blended, deviation, column)
        removal = _without(dataset, plan, beside, chosen)
        chosen, ppo_weight = (beside, ppo_weight) if removal.earns else (chosen, 0.0)
        outcome = f"it keeps weight {ppo_weight:.2f}" if removal.earns else "it loses its weight"
        notes = (*notes, f"{removal.words}: {outcome}")
    return Scales(
        deviations=deviations,
        weights=dict(zip(names, weighed.weights.tolist(), strict=True)),
        ppo_weight=ppo_weight,
        weight_notes=notes,
        seats=weighed.seats,
        calibration=chosen.calibration,
        convictions=chosen.convictions,
        out_of_fold=_out_of_fold(plan, runs, np.concatenate(blended), target),
        removal=removal,
    )


def pooled_votes(dataset: Dataset, runs: Sequence[MarketScores], votes: Sequence[np.ndarray]) -> Votes:
    """Return the standardised votes of all runs, one after the other, with what came of them."""
    open_ms = np.concatenate([run.open_ms for run in runs])
    return Votes(
        votes=np.concatenate(list(votes)),
        target=np.concatenate([run.target for run in runs]),
        open_ms=open_ms,
        known_ms=open_ms + (1 + dataset.horizon_bars) * dataset.timeframe.ms,
        horizon_bars=dataset.horizon_bars,
    )


def _deviations(names: Sequence[str], runs: Sequence[MarketScores], recent: Sequence[np.ndarray]) -> dict[str, float]:
    """Return the deviation of each family's recent scores, markets pooled."""
    deviations = {}
    for index, name in enumerate(names):
        scores = np.concatenate([run.scores[mask, index] for run, mask in zip(runs, recent, strict=True)])
        scores = scores[np.isfinite(scores)]
        if len(scores) < 100 or not scores.std() > 0:
            raise BadInput(f"{name}: found {len(scores)} distinct out-of-fold scores, needed at least 100")
        deviations[name] = float(scores.std())
    return deviations


def _scaled(
    dataset: Dataset,
    decision: DecisionSettings,
    runs: Sequence[MarketScores],
    recent: Sequence[np.ndarray],
    known: Sequence[np.ndarray],
    blended: Sequence[np.ndarray],
    deviation: float,
    ppo_column: int | None = None,
) -> _Scaled:
    """Return what the convictions of every run have meant; with PPO's column, as it sizes them by agreement."""
    target = np.concatenate([run.target for run in runs])
    slope, probability_slope = fit(np.concatenate(list(known)), target, dataset.horizon_bars)
    hold_bars = mean_hold(known, decision)
    hold_slope, hold_probability_slope = slopes_over(known, runs, hold_bars)
    calibration = Calibration(
        conviction_deviation=deviation,
        slope=slope,
        probability_slope=probability_slope,
        confidence_quantiles=confidence_quantiles(
            np.concatenate([part[mask] for part, mask in zip(known, recent, strict=True)])
        ),
        hold_bars=hold_bars,
        hold_slope=hold_slope,
        hold_probability_slope=hold_probability_slope,
    )
    convictions = tuple(
        Convictions(
            run=run,
            blended=raw,
            conviction=part,
            expected_return=calibration.expected_return(part, run.sigma, dataset.horizon_bars),
            agreement=np.zeros(len(part)) if ppo_column is None else agreement(part, run.scores[:, ppo_column]),
        )
        for run, part, raw in zip(runs, known, blended, strict=True)
    )
    return _Scaled(calibration=calibration, convictions=convictions)


def _without(dataset: Dataset, plan: Plan, beside: _Scaled, alone: _Scaled) -> Removal:
    """Trade the past with PPO and without it, on the same days."""
    settings = without_protections(plan.trading, dataset.timeframe)
    returns = [
        expectation_of(simulate(dataset, scaled.convictions, settings)).daily_returns for scaled in (beside, alone)
    ]
    return removal_of(PPO, *returns, seed=plan.seed)


def _out_of_fold(plan: Plan, runs: Sequence[MarketScores], blended: np.ndarray, target: np.ndarray) -> OutOfFold:
    known = np.isfinite(blended) & np.isfinite(target)
    up = target[known] > 0
    scores = np.concatenate([run.scores for run in runs])
    return OutOfFold(
        from_ms=min(int(run.open_ms[0]) for run in runs),
        until_ms=max(int(run.open_ms[-1]) for run in runs),
        rows=int(known.sum()),
        ic=_rounded(information_coefficient(blended, target)),
        auc=_rounded(area_under_curve(blended[known], up)),
        accuracy=_rounded(float(((blended[known] > 0) == up).mean())),
        family_ic={
            family.name: _rounded(information_coefficient(scores[:, index], target))
            for index, family in enumerate(plan.families)
        },
    )


def _rounded(value: float) -> float:
    return round(value, 6) if np.isfinite(value) else 0.0
