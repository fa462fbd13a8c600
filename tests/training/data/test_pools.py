"""Many markets that teach: thinned rows, several horizons, coins left out."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np
import pytest

from strategies.errors import BadInput
from strategies.market import HOUR_MS
from tests.made_bundles import made_dataset
from training.data.coin_groups import coin_groups, panel_groups
from training.data.dataset import Dataset
from training.data.splits import recent_folds
from training.data.thinning import every_nth
from training.ensemble.families import RidgeFamily
from training.ensemble.out_of_fold import walk
from training.families import ridge
from training.families.interface import FittedModel, ModelFamily

COINS = tuple(f"C{number:02d}USDT" for number in range(23))


@pytest.mark.parametrize(("markets", "step"), [(1, 3), (5, 3), (15, 7), (30, 11), (55, 13), (60, 17)])
def test_rows_thin_out_with_the_root_of_the_pool_and_see_all_hours(markets: int, step: int) -> None:
    assert every_nth(3, markets, 1.7) == step
    assert markets <= 5 or gcd(step, 24) == 1
    assert every_nth(3, markets, 0.0) == 3


def test_groups_are_nearly_equal_and_nobody_chose_them() -> None:
    groups = coin_groups(COINS, 3)
    assert sorted(symbol for group in groups for symbol in group) == sorted(COINS)
    assert max(map(len, groups)) - min(map(len, groups)) <= 1
    assert groups == coin_groups(tuple(reversed(COINS)), 3)
    assert panel_groups(COINS[:9], COINS[:9], 2, 10) == ()
    assert len(panel_groups(COINS, COINS, 2, 10)) == 2
    with pytest.raises(BadInput, match="2 groups of 1 markets"):
        coin_groups(COINS[:1], 2)


def test_a_market_may_be_scored_without_teaching() -> None:
    made = made_dataset()
    first = made.symbols[0]
    asked = replace(made, taught_by=made.symbols[1:])
    assert asked.taught().symbols == made.symbols[1:]
    assert {segment.symbol for segment in asked.taught().segments} == set(made.symbols[1:])
    assert first in asked.symbols
    with pytest.raises(BadInput, match="no market is left to teach"):
        asked.taught(made.symbols)


def test_labels_of_another_horizon_are_those_of_its_dataset() -> None:
    made = made_dataset()
    until_ms = made.until_ms - 30 * 24 * HOUR_MS
    asked = made.known_by(until_ms, horizon_bars=2 * made.horizon_bars)
    own = made.known_by(until_ms)
    assert len(asked) <= len(own)
    assert (asked.label_end_ms <= until_ms).all()
    assert (asked.label_end_ms - asked.open_ms == (1 + 2 * made.horizon_bars) * made.timeframe.ms).all()


def test_the_models_of_several_horizons_are_one_linear_model() -> None:
    made = made_dataset()
    settings = RidgeFamily().settings
    both = replace(made, horizons=(made.horizon_bars, 2 * made.horizon_bars))
    fitted = ridge.fit(both, made.until_ms, settings).predictor
    alone = [ridge.fit(_of_one(made, bars), made.until_ms, settings) for bars in both.horizons]
    features = made.segments[0].features[-500:]
    scores = [each.predictor.score_rows(features) for each in alone]
    agreed = np.corrcoef(fitted.score_rows(features), sum(score / score.std() for score in scores))[0, 1]
    assert agreed > 0.98


def test_coins_are_scored_by_models_that_they_did_not_teach() -> None:
    made = made_dataset()
    groups = tuple((symbol,) for symbol in made.symbols)
    seen: dict[int, set[str]] = {}

    def fit(family: ModelFamily, dataset, fold, group: int) -> FittedModel:  # type: ignore[no-untyped-def]
        seen.setdefault(group, set()).update(segment.symbol for segment in dataset.segments)
        return family.fit(dataset, fold.train_until_ms)

    folds = recent_folds(made.from_ms, made.until_ms, months=3, years=1.0)
    runs = walk(made, [RidgeFamily()], folds, fit=fit, groups=groups)
    assert {run.symbol for run in runs} == set(made.symbols)
    for number, group in enumerate(groups):
        assert seen[number] == set(made.symbols) - set(group)


def _of_one(made: Dataset, bars: int) -> Dataset:
    segments = tuple(made._labelled(segment, bars) for segment in made.segments)
    return replace(made, horizon_bars=bars, horizons=(bars,), segments=segments)
