"""Markets whose names are not capitals: the API, the runs and the store take them as the exchange spells them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bot.retraining.run_kinds import SYMBOLS
from bot.web.requests import MarketPage
from bot.web.routes.charts import TradeRequest
from bot.web.routes.universe import MarketChange
from storage.candles.store import CandleStore
from strategies.market import HOUR_MS
from tests.storage.candles.candle_builders import walk

NAMES = ["kPEPEUSDC", "AAPLxUSD", "币安人生USDT", "1000PEPEUSDT", "BTCUSDT"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_as_it_is_spelled(name: str, tmp_path: Path) -> None:
    assert MarketPage(symbol=name).symbol == name
    assert MarketChange(symbol=name).symbol == name
    assert TradeRequest(id=f"{name}-7").id == f"{name}-7"
    assert re.fullmatch(SYMBOLS, f"{name},BTCUSDT")
    store = CandleStore(tmp_path)
    candles = walk(48)
    store.append("builtin", name, "1h", "futures", candles)
    assert np.array_equal(store.read("builtin", name, "1h", "futures").candles, candles)
    assert [market.symbol for market in store.markets("builtin")] == [name]
    store.append_funding("builtin", name, np.array([8 * HOUR_MS]), np.array([10_000]))


@pytest.mark.parametrize(
    "name", ["../BTC", "A/B", "A\nB", "", "A", "=CMD()", "<b>X</b>", "A B", "-rf", "x" * 41, "\u202eBTC"]
)
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="symbol"):
        MarketPage(symbol=name)
    assert not re.fullmatch(SYMBOLS, f"{name},BTCUSDT")


def test_a_name_typed_in_small_letters_is_meant_in_capitals() -> None:
    assert MarketPage(symbol="btcusdt").symbol == "BTCUSDT"
