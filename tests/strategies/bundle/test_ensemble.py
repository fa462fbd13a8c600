"""Blending and smoothing: absent votes, batch independence, NaN as nothing new."""

from __future__ import annotations

import numpy as np

from strategies.bundle.ensemble import blend, smooth
from strategies.kernel.state import MEMORY


def test_blend_is_the_weighted_mean_of_who_voted() -> None:
    votes = np.array([[1.0, 3.0], [np.nan, 3.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(blend(votes, np.array([1.0, 3.0])), [2.5, 3.0, np.nan])


def test_blend_gives_one_row_the_bits_it_has_among_many() -> None:
    rng = np.random.default_rng(1)
    votes, weights = rng.normal(size=(500, 4)), np.array([0.3, 0.3, 0.25, 0.15])
    votes[rng.random(votes.shape) < 0.2] = np.nan
    many = blend(votes, weights)
    alone = np.concatenate([blend(votes[i : i + 1], weights) for i in range(500)])
    np.testing.assert_array_equal(many, alone)
    order = rng.permutation(500)
    np.testing.assert_array_equal(blend(np.asfortranarray(votes)[order], weights), many[order])


def test_smooth_moves_by_alpha_and_counts_nan_as_zero() -> None:
    memory = np.zeros(2, MEMORY)
    smooth(memory, np.array([2.0, np.nan]), 0.5)
    smooth(memory, np.array([np.nan, 4.0]), 0.5)
    assert list(memory["smoothed"]) == [0.5, 2.0]
    assert list(memory["decisions"]) == [2, 2]
