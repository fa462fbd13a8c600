"""Skill of scores: the information coefficient and the area under the curve. Numbers in, numbers out."""

from __future__ import annotations

import numpy as np


def information_coefficient(scores: np.ndarray, target: np.ndarray) -> float:
    """Return the Pearson correlation over rows where both are known; NaN under 30 of them.

    This is the IC of docs and gates: all bars, target clipped at +-3, markets pooled.
    """
    known = np.isfinite(scores) & np.isfinite(target)
    if known.sum() < 30 or scores[known].std() == 0.0:
        return float("nan")
    return float(np.corrcoef(scores[known], target[known])[0, 1])


def area_under_curve(scores: np.ndarray, is_up: np.ndarray) -> float:
    """Return P(score of an up row > score of a down row), ties counted half (Mann-Whitney); NaN with one class."""
    ups = int(is_up.sum())
    downs = len(is_up) - ups
    if not ups or not downs:
        return float("nan")
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    if len(values) < len(scores):
        ranks = (np.bincount(inverse, ranks) / counts)[inverse]
    return float((ranks[is_up].sum() - ups * (ups + 1) / 2) / (ups * downs))
