"""Skill of scores: the information coefficient and the area under the curve. Numbers in, numbers out."""

from __future__ import annotations

import numpy as np


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
