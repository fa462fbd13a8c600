"""What many coins prove together."""

from __future__ import annotations

import numpy as np
import pytest

from training.evidence.panel_skill import panel_skill

HOURS, COINS = 24 * 700, 12
SYMBOLS = [f"C{number}" for number in range(COINS)]
MS = np.arange(HOURS) * 3_600_000


def made(edge: float, common: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = np.sqrt(common) * rng.normal(size=(HOURS, 1)) + np.sqrt(1 - common) * rng.normal(size=(HOURS, COINS))
    noise = np.sqrt(common) * rng.normal(size=(HOURS, 1)) + np.sqrt(1 - common) * rng.normal(size=(HOURS, COINS))
    return scores, edge * scores + noise


def test_skill_is_found_and_luck_is_not() -> None:
    skilled = panel_skill(*made(0.05, 0.6), MS, SYMBOLS, 10.0, 0)
    lucky = panel_skill(*made(0.0, 0.6), MS, SYMBOLS, 10.0, 0)
    assert skilled.ic == pytest.approx(0.05, abs=3 * skilled.error)
    assert skilled.p_value < 0.01
    assert skilled.chance > 0.99
    assert lucky.p_value > 0.05
    assert lucky.low < 0 < lucky.high


def test_coins_that_move_together_are_worth_few_independent_ones() -> None:
    apart = panel_skill(*made(0.03, 0.0), MS, SYMBOLS, 10.0, 0)
    together = panel_skill(*made(0.03, 0.9), MS, SYMBOLS, 10.0, 0)
    assert apart.breadth > 8
    assert together.breadth < 2
    assert together.error > 2 * apart.error


def test_a_coin_is_believed_between_its_own_figure_and_the_panels() -> None:
    found = panel_skill(*made(0.03, 0.3), MS, SYMBOLS, 10.0, 0)
    for coin in found.coins:
        low, high = sorted((coin.ic, found.ic))
        assert low - 1e-12 <= coin.shrunk <= high + 1e-12
    assert found.positive == sum(coin.ic > 0 for coin in found.coins)


def test_what_is_believed_lies_between_nothing_and_what_was_found() -> None:
    found = panel_skill(*made(0.05, 0.6), MS, SYMBOLS, 10.0, 0)
    assert 0 < found.believed < found.ic
    assert found.believed_error < found.error
