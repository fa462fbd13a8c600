"""PPO's weight: its part in the conviction, by what it adds to the others out of fold.

PPO votes with a position, not with an expected return; in the mean of votes it destroys more than it brings. So beside
other families it joins after smoothing, with a small weight that its contribution earns and a floor that keeps it
visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from strategies.bundle.ensemble import join

PPO: Final = "ppo"


def blend_weights(families: Sequence[str]) -> dict[str, float]:
    """Return the weight of each family in the mean before smoothing: equal, but none for PPO beside others."""
    return {name: 0.0 if joins(families) and name == PPO else 1.0 for name in families}


def joins(families: Sequence[str]) -> bool:
    """Whether PPO joins after smoothing: it is there, and not alone."""
    return PPO in families and len(families) > 1


def joined(
    convictions: Sequence[np.ndarray],
    votes: Sequence[np.ndarray],
    families: Sequence[str],
    target: np.ndarray,
    floor: float,
    cap: float,
) -> tuple[list[np.ndarray], float]:
    """Return the convictions of every run with PPO joined, and its weight; without PPO they stay as they are.

    Args:
        convictions: a (n,) array for each run of closes, unit deviations.
        votes: the (n, K) standardised out-of-fold scores of each run.
        families: the K names.
        target: forward returns of all runs, one after the other.
    """
    if not joins(families):
        return list(convictions), 0.0
    column = list(families).index(PPO)
    ppo = [part[:, column] for part in votes]
    weight = earned_weight(np.concatenate(list(convictions)), np.concatenate(ppo), target, floor, cap)
    return [join(conviction, vote, weight) for conviction, vote in zip(convictions, ppo, strict=True)], weight


def earned_weight(conviction: np.ndarray, vote: np.ndarray, target: np.ndarray, floor: float, cap: float) -> float:
    """Return PPO's share of the least-squares forecast of the target from both, held between floor and cap.

    The share is that of its coefficient in the sum of both; the floor, where it adds nothing or there are under 100
    rows. Two decimals: more would be noise.
    """
    known = np.isfinite(conviction) & np.isfinite(vote) & np.isfinite(target)
    if known.sum() < 100:
        return floor
    x, y, z = conviction[known], vote[known], target[known]
    xx, xy, yy = float((x * x).sum()), float((x * y).sum()), float((y * y).sum())
    determinant = xx * yy - xy * xy
    if not determinant > 1e-9 * xx * yy:
        return floor
    xz, yz = float((x * z).sum()), float((y * z).sum())
    own = max((yy * xz - xy * yz) / determinant, 0.0)
    added = max((xx * yz - xy * xz) / determinant, 0.0)
    share = added / (own + added) if added > 0.0 else 0.0
    return round(min(max(share, floor), cap), 2)
