"""The paired claim: what a family adds to the rest is measured on the same days, and who costs loses its weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.made_bundles import made_dataset, made_plan
from training.data.market_scores import MarketScores
from training.ensemble.bundle import manifest_of
from training.ensemble.families import RidgeFamily
from training.ensemble.plan import Plan
from training.ensemble.removal import Removal, removal_of
from training.ensemble.scales import Scales, calibrate
from training.evidence.significance import annual_sharpes

DAYS = 1000


def returns(seed: int, mean: float = 0.001) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.01, size=DAYS)


def test_the_difference_is_that_of_the_two_sharpe_ratios() -> None:
    first, second = returns(1), returns(2)
    found = removal_of("ppo", first, second)
    assert found.days == DAYS
    assert (found.sharpe_with, found.sharpe_without) == tuple(annual_sharpes(np.stack([first, second])))
    assert found.difference == found.sharpe_with - found.sharpe_without


def test_accounts_that_move_together_are_compared_far_more_surely_than_strangers() -> None:
    base = returns(1)
    strangers = removal_of("ppo", base, returns(2))
    twins = removal_of("ppo", base + 0.02 * returns(3, 0.0), base)
    assert twins.error < 0.05 * strangers.error
    unpaired = np.sqrt(2 * 365 / DAYS)  # of two independent Sharpe ratios
    assert strangers.error == pytest.approx(unpaired, rel=0.25)


def test_the_standard_error_is_how_much_the_difference_varies() -> None:
    found = [removal_of("ppo", returns(seed), returns(seed + 500), seed=seed) for seed in range(60)]
    assert np.mean([part.error for part in found]) == pytest.approx(
        np.std([part.difference for part in found]), rel=0.2
    )


def test_one_standard_error_is_the_border() -> None:
    found = Removal(family="ppo", days=DAYS, sharpe_with=1.0, sharpe_without=1.1, error=0.11)
    assert found.earns
    assert "+1.00 with it, +1.10 without: difference -0.100 +- 0.110 over the same 1,000 days" in found.words
    assert found.words.endswith("removing it does not help by more than one standard error")
    worse = replace(found, sharpe_without=1.12)
    assert not worse.earns
    assert worse.words.endswith("removing it helps by more than one standard error")


def test_a_copy_adds_nothing_and_keeps_its_place() -> None:
    found = removal_of("ppo", returns(1), returns(1))
    assert (found.difference, found.error) == (0.0, 0.0)
    assert found.earns


def test_no_days_decide_nothing() -> None:
    assert removal_of("ppo", np.zeros(0), np.zeros(0)).earns


def plan_beside(family: str) -> Plan:
    ridge = made_plan().families[1]
    assert isinstance(ridge, RidgeFamily)
    return replace(made_plan(), families=[ridge, replace(ridge, name=family)], ppo_floor=0.2)


def runs(foresight: float) -> list[MarketScores]:
    """Scores of a voter that knows a little, and of PPO that knows `foresight` of the target."""
    made = []
    for number, segment in enumerate(made_dataset().segments):
        noise = np.random.default_rng(number).normal(size=(len(segment.target), 2))
        target = np.nan_to_num(segment.target)
        made.append(
            MarketScores(
                symbol=segment.symbol,
                open_ms=segment.open_ms,
                scores=np.column_stack([0.1 * target + noise[:, 0], foresight * target + 0.3 * noise[:, 1]]),
                target=segment.target,
                known_by_ms=segment.open_ms - 1,
                open=segment.open,
                close=segment.close,
                sigma=segment.sigma,
                volatility=segment.volatility,
            )
        )
    return made


def scales_of(foresight: float) -> Scales:
    return calibrate(made_dataset(), plan_beside("ppo"), runs(foresight))


def test_who_costs_loses_its_weight_and_says_so() -> None:
    scales = scales_of(-1.0)
    assert scales.removal is not None
    assert scales.removal.difference < -scales.removal.error
    assert manifest_of(made_dataset(), plan_beside("ppo"), scales).ppo_weight == scales.ppo_weight == 0.0
    assert any("ppo: net Sharpe" in note and "loses its weight" in note for note in scales.weight_notes)
    alone = calibrate(
        made_dataset(),
        replace(made_plan(), families=[made_plan().families[1]]),
        [replace(run, scores=run.scores[:, :1]) for run in runs(-1.0)],
    )
    for beside, without in zip(scales.convictions, alone.convictions, strict=True):
        np.testing.assert_array_equal(beside.conviction, without.conviction)
        assert not beside.agreement.any()


def test_who_adds_keeps_its_weight_and_sizes_by_agreement() -> None:
    scales = scales_of(1.0)
    assert scales.ppo_weight == 0.2
    assert scales.removal is not None
    assert scales.removal.difference > scales.removal.error
    assert any("keeps weight 0.20" in note for note in scales.weight_notes)
    assert max(np.abs(part.agreement).max() for part in scales.convictions) > 0.5


def test_without_ppo_nothing_is_compared() -> None:
    plan = replace(plan_beside("ppo"), families=[RidgeFamily(), replace(RidgeFamily(), name="other")])
    assert calibrate(made_dataset(), plan, runs(0.0)).removal is None
