"""Overfitting: was the best of many chosen, or found? Its probability (PBO), and superior predictive ability.

PBO by combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado & Zhu 2016); SPA by Hansen 2005
through `arch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from storage.lazy import lazily

with lazily():
    from arch.bootstrap import SPA


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """What happens out of sample to the trial that was best in sample.

    Attributes:
        probability: share of splits in which it fell to the median or under it (PBO).
        loss_probability: share of splits in which its out-of-sample Sharpe was negative.
        slope: of out-of-sample on in-sample Sharpe; near 0 or negative: selection carries nothing over.
        splits: number of in/out splits.
    """

    probability: float
    loss_probability: float
    slope: float
    splits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperiorAbility:
    """p-values of "no candidate beats the benchmark" (Hansen): lower, consistent (the one to quote), upper."""

    lower: float
    consistent: float
    upper: float


def overfitting(returns: np.ndarray, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting of (n, k) daily returns of k trials.

    Time is cut into `blocks` equal blocks (the first rows that do not fill them are dropped); every half of them is
    in-sample once.

    Raises:
        ValueError: fewer than 2 trials, an odd number of blocks, or fewer than 2 rows a block.
    """
    rows, trials = returns.shape
    if trials < 2 or blocks % 2 or rows < 2 * blocks:
        raise ValueError(
            f"{rows} rows of {trials} trials in {blocks} blocks: >= 2 trials, even blocks, >= 2 rows each needed"
        )
    length = rows // blocks
    cut = returns[rows - length * blocks :].reshape(blocks, length, trials)  # (block, row, trial)
    inside = _halves(blocks)
    in_sample = _sharpes(cut, inside)
    out_of_sample = _sharpes(cut, ~inside)
    best = in_sample.argmax(axis=1)
    picked = np.arange(len(best))
    rank = stats.rankdata(out_of_sample, axis=1)[picked, best] / (trials + 1)
    chosen_in, chosen_out = in_sample[picked, best], out_of_sample[picked, best]
    spread = float(chosen_in.var())
    covariance = float(((chosen_in - chosen_in.mean()) * (chosen_out - chosen_out.mean())).mean())
    return Overfitting(
        probability=float((rank <= 0.5).mean()),
        loss_probability=float((chosen_out < 0).mean()),
        slope=covariance / spread if spread > 0 else float("nan"),
        splits=len(best),
    )


def superior_ability(
    benchmark: np.ndarray, candidates: np.ndarray, *, block_size: int = 10, repetitions: int = 1000, seed: int = 0
) -> SuperiorAbility:
    """Return the SPA p-values of (n, k) candidates' daily returns against (n,) a benchmark's."""
    test = SPA(-benchmark, -candidates, block_size=block_size, reps=repetitions, seed=seed)
    test.compute()
    p_values = test.pvalues
    return SuperiorAbility(
        lower=float(p_values["lower"]), consistent=float(p_values["consistent"]), upper=float(p_values["upper"])
    )


def _halves(blocks: int) -> np.ndarray:
    """Return (c, blocks) bool: every choice of half of the blocks."""
    choices = np.array(list(combinations(range(blocks), blocks // 2)))
    inside = np.zeros((len(choices), blocks), bool)
    np.put_along_axis(inside, choices, True, axis=1)
    return inside


def _sharpes(cut: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return (c, k): each trial's Sharpe ratio per row over the chosen blocks, from block sums; 0 without variance."""
    count = chosen[0].sum() * cut.shape[1]
    total = chosen @ cut.sum(axis=1)
    squares = chosen @ (cut**2).sum(axis=1)
    variance = np.maximum(squares - total**2 / count, 0.0) / (count - 1)
    deviation = np.sqrt(variance)
    return np.where(deviation > 1e-12, total / count / np.where(deviation > 1e-12, deviation, 1.0), 0.0)
