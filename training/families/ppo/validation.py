"""A chronological look at PPO: learn from the first part of the history, compare seeds on the second, judge on the
third.

Seeds are compared by what their median comes to; the best one is never picked, for the best of several noisy numbers
says nothing. Bars before a border by less than the embargo teach nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.errors import BadInput
from strategies.market import DAY_MS
from strategies.oversight.skill import information_coefficient
from strategies.predictors.ppo import PpoPredictor
from strategies.predictors.ppo_model import PpoModel
from strategies.predictors.ppo_policy import Policy
from training.data.dataset import Dataset
from training.data.market_scores import prepare
from training.data.splits import EMBARGO_MS, chronological


@dataclass(frozen=True, slots=True, kw_only=True)
class Borders:
    """Times that part a history: learnt from until `train_until_ms`, seeds compared from `valid_from_ms` until
    `valid_until_ms`, judged from `test_from_ms` on.
    """

    train_until_ms: int
    valid_from_ms: int
    valid_until_ms: int
    test_from_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a policy was worth on bars it has not learnt from.

    Attributes:
        ic: correlation of its score with the forward return, markets pooled.
        sharpe: of the virtual account's net hourly (or whatever the timeframe) returns, annualised; costs included.
        equity: what the account ended with as a multiple of what it began with, geometric mean over markets.
        rows: closes.
    """

    ic: float
    sharpe: float
    equity: float
    rows: int


def borders_of(dataset: Dataset, since_ms: int | None = None) -> Borders:
    """Return the borders of the guide's 70/15/15 in time order."""
    valid_from_ms, test_from_ms = chronological(dataset.from_ms if since_ms is None else since_ms, dataset.until_ms)
    return Borders(
        train_until_ms=valid_from_ms - EMBARGO_MS,
        valid_from_ms=valid_from_ms,
        valid_until_ms=test_from_ms - EMBARGO_MS,
        test_from_ms=test_from_ms,
    )


def judge(model: PpoModel, dataset: Dataset, from_ms: int, until_ms: int) -> Judged:
    """Score every close in [from_ms, until_ms) through the live predictor and compare with what came.

    Raises:
        BadInput: there is no such close.
    """
    predictor = PpoPredictor(model)
    scores, targets, returns = [], [], []
    for segment in dataset.segments:
        slices = prepare(segment, dataset, from_ms, until_ms)
        if not slices:
            continue
        row = int(np.searchsorted(segment.open_ms, int(slices[0].candles[slices[0].first, 0])))
        found = np.concatenate(predictor.scores(slices))
        scores.append(found)
        targets.append(segment.target[row : row + len(found)])
        returns += [_lived(predictor, policy, slices) for policy in model.policies]
    if not scores:
        raise BadInput("ppo: found no close to judge on; a longer history is needed")
    score, target, grown = np.concatenate(scores), np.concatenate(targets), np.concatenate(returns)
    bars_per_year = 365 * DAY_MS / dataset.timeframe.ms
    deviation = float(grown.std())
    return Judged(
        ic=information_coefficient(score, target),
        sharpe=float(grown.mean()) / deviation * bars_per_year**0.5 if deviation > 0 else 0.0,
        equity=float(np.exp(grown.sum() / len(returns))) if returns else 1.0,
        rows=int((np.isfinite(score) & np.isfinite(target)).sum()),
    )


def _lived(predictor: PpoPredictor, policy: Policy, slices: list) -> np.ndarray:  # type: ignore[type-arg]
    """Return the net log returns of the virtual account in the rows asked for, slice after slice."""
    parts = []
    for part in slices:
        first = max(0, part.first - predictor.model.roll_bars)
        _, equity = predictor.lived(policy, part, first, 1)
        parts.append(np.diff(np.log(equity[part.first - first :].astype(np.float64))))
    return np.concatenate(parts)
