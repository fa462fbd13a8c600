"""The grid of prices is read off them at any scale, and a rounding that makes another price is refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from storage.candles.market_book import fitting_market, inferred_market
from storage.candles.price_grid import require_fit
from strategies.errors import DataGap
from strategies.market import Market
from tests.storage.candles.candle_builders import walk


def scaled(candles: np.ndarray, decimals: int) -> np.ndarray:
    """Return prices divided and volumes multiplied by a power of ten, as the nearest doubles to the decimals."""
    result = candles.copy()
    for column, power in ((1, -decimals), (2, -decimals), (3, -decimals), (4, -decimals), (5, decimals)):
        result[:, column] = [float(Decimal(repr(float(v))).scaleb(power)) for v in np.round(candles[:, column], 3)]
    return result


@pytest.mark.parametrize("decimals", [-3, 0, 3, 6, 9, 12])
def test_a_scaled_market_has_the_scaled_grid_and_the_same_bars(decimals: int) -> None:
    candles = scaled(np.round(walk(500), 2), 0)
    small = scaled(candles, decimals)
    market, other = (inferred_market("made", "BTCUSDT", "futures", part) for part in (candles, small))
    assert (market.tick, market.lot) == (Decimal("0.01"), Decimal("0.01"))
    assert (other.tick, other.lot) == (market.tick.scaleb(-decimals), market.lot.scaleb(decimals))
    assert (other.bars(small) == market.bars(candles)).all()
    assert other.candles(small[:, 0], other.bars(small))[:, 1:5].tobytes() == small[:, 1:5].tobytes()


def test_one_price_throughout_proves_no_coarse_tick() -> None:
    candles = walk(500)
    candles[:, 1:5] = 100.0
    assert inferred_market("made", "BTCUSDT", "futures", candles).tick <= Decimal("0.01")


def test_whole_lots_are_believed_when_many_volumes_show_them() -> None:
    candles = walk(500)
    candles[:, 5] = np.round(candles[:, 5])
    assert inferred_market("made", "BTCUSDT", "futures", candles).lot == 1


def test_a_market_without_volume_gets_a_lot_worth_about_a_tenth_of_a_quote_unit_or_less() -> None:
    candles = walk(500)
    candles[:, 5] = 0.0
    market = inferred_market("made", "BTCUSDT", "futures", candles)
    assert float(market.lot) * 100 <= 1


def test_a_tick_that_makes_another_price_is_refused_with_both() -> None:
    candles = scaled(np.round(walk(50), 2), 9)
    market = Market(exchange="made", symbol="BTCUSDT", tick=Decimal("0.0000001"), lot=Decimal(1))
    with pytest.raises(DataGap, match=r"tick 1E-7 would turn the price .* into 1e-07.*at most 0\.01%"):
        require_fit(market, candles)
    require_fit(fitting_market(market, candles), candles)


def test_older_prices_with_more_digits_get_the_finer_grid() -> None:
    candles = np.round(walk(6000), 2)
    candles[:500, 1:5] = np.round(candles[:500, 1:5] / 100, 4)
    market = Market(exchange="made", symbol="BTCUSDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
    assert fitting_market(market, candles).tick == Decimal("0.0001")
    assert inferred_market("made", "BTCUSDT", "futures", candles).tick == Decimal("0.0001")
