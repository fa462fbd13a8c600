"""A bundle of several accounts says the same bits as one of its own, and computes them once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bot.trading.shared_bundle import SharedBundle, SharedBundles
from strategies.bundle.bundle import Bundle, trend_bundle
from strategies.features import AnchoredSlice
from strategies.predictors.base import PreparedSlice
from tests.made_bundles import made_bundle, made_dataset

SYMBOLS = ("AAAUSDT", "BBBUSDT")


def slices(bars: int) -> list[tuple[str, AnchoredSlice]]:
    """Return the slices of both markets that end with a bar."""
    parts = {part.symbol: part.candles for part in made_dataset().segments}
    return [(name, AnchoredSlice(candles=parts[name][bars - 3000 : bars].copy(), first=2999)) for name in SYMBOLS]


def said(bundle: Bundle, bars: int) -> np.ndarray:
    prepared: list[PreparedSlice | None] = [bundle.prepare(part, name) for name, part in slices(bars)]
    inputs = bundle.newest_inputs([*prepared, None])
    return np.column_stack([inputs.votes, inputs.blended, inputs.sigma, inputs.volatility])


def test_many_accounts_get_the_bits_of_one() -> None:
    plain = made_bundle().bundle
    shared = SharedBundle(plain)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: said(shared, 4000), range(8)))
    for answer in answers:
        assert np.array_equal(answer, said(plain, 4000), equal_nan=True)
    assert np.array_equal(said(shared, 4001), said(plain, 4001), equal_nan=True)
    assert np.array_equal(said(shared, 4000), said(plain, 4000), equal_nan=True)  # an account that lags


def test_the_same_candles_are_computed_once_and_only_the_newest_are_kept() -> None:
    shared = SharedBundle(made_bundle().bundle)
    [(name, part), _] = slices(4000)
    first = shared.prepare(part, name)
    assert shared.prepare(slices(4000)[0][1], name) is first
    assert shared.prepare(part, SYMBOLS[1]) is not first
    shared.prepare(slices(4001)[0][1], name)
    assert len(shared._prepared) == 1
    revised = slices(4001)[0][1].candles
    revised[-1, 4] *= 1.001
    assert len(shared._prepared) == 1
    shared.prepare(AnchoredSlice(candles=revised, first=2999), name)
    assert len(shared._prepared) == 2  # other candles, another answer


@pytest.mark.parametrize("shares", [True, False])
def test_accounts_share_one_and_a_single_account_has_its_own(shares: bool) -> None:
    bundles, bundle = SharedBundles(shares=shares), made_bundle().bundle
    first = bundles.of(bundle)
    assert (first is bundles.of(bundle)) is True
    assert isinstance(first, SharedBundle) is shares
    trend = trend_bundle()
    assert bundles.of(trend) is trend
