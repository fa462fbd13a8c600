"""Classical indicators against an independent library, on the same made-up market."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandas_ta_classic as oracle
import pytest

from strategies.errors import BadInput
from strategies.explain.chart_context import chart_context
from strategies.features import compute, feature_set
from strategies.market import Timeframe
from tests.made_markets import random_candles

CANDLES = random_candles(1500, seed=11)
FRAME = pd.DataFrame(CANDLES[:, 1:], columns=["open", "high", "low", "close", "volume"])
SET = feature_set(groups=("momentum", "oscillators", "volume", "levels"))
VALUES = compute(CANDLES, SET, Timeframe.H1)
SETTLED = slice(400, None)  # libraries seed their averages differently


def column(name: str) -> np.ndarray:
    return VALUES[SETTLED, SET.index(name)].astype(float)


def test_rsi_agrees() -> None:
    assert np.allclose(column("rsi_14"), oracle.rsi(FRAME.close, 14)[SETTLED] / 100 - 0.5, atol=1e-6)


def test_adx_and_directional_movement_agree() -> None:
    adx = oracle.adx(FRAME.high, FRAME.low, FRAME.close, 14)
    assert np.allclose(column("adx_14"), adx["ADX_14"][SETTLED] / 100, atol=1e-4)
    assert np.allclose(column("directional_movement_14"), (adx["DMP_14"] - adx["DMN_14"])[SETTLED] / 100, atol=1e-4)


def test_bollinger_position_agrees() -> None:
    bands = oracle.bbands(FRAME.close, 20, 2.0)
    upper, middle = bands.filter(like="BBU").iloc[:, 0], bands.filter(like="BBM").iloc[:, 0]
    expected = (FRAME.close - middle) / (upper - middle)
    assert np.allclose(column("bollinger_position_20"), expected[SETTLED], atol=1e-4)


def test_money_flow_agrees() -> None:
    flow = oracle.mfi(FRAME.high, FRAME.low, FRAME.close, FRAME.volume, 14)
    assert np.allclose(column("mfi_14"), flow[SETTLED] / 100 - 0.5, atol=1e-6)


def test_stochastic_agrees() -> None:
    stochastic = oracle.stoch(FRAME.high, FRAME.low, FRAME.close, 14, 3, 3).filter(like="STOCHk").iloc[:, 0]
    expected = stochastic.reindex(FRAME.index)[SETTLED] / 100 - 0.5
    assert np.allclose(column("stochastic_14"), expected, atol=1e-5)


def test_momentum_is_the_log_return_in_deviations_of_its_horizon() -> None:
    returns = np.log(FRAME.close).diff()
    sigma = np.sqrt((returns**2).ewm(halflife=72, adjust=False, ignore_na=True).mean())
    expected = np.log(FRAME.close).diff(24) / (sigma * np.sqrt(24))
    assert np.allclose(column("momentum_24"), expected[SETTLED], atol=1e-5)


def test_an_extra_indicator_is_its_standardised_column() -> None:
    features = feature_set(groups=("momentum",), extra=("aroon(25)",))
    assert {"extra_aroond_25", "extra_aroonu_25"} <= set(features.names)
    values = compute(CANDLES, features, Timeframe.H1)[:, features.index("extra_aroonu_25")]
    raw = oracle.aroon(FRAME.high, FRAME.low, 25)["AROONU_25"]
    expected = (raw - raw.rolling(240).mean()) / raw.rolling(240).std(ddof=0)
    assert np.allclose(values[600:], expected[600:], atol=1e-4)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("no_such_thing(3)", "no indicator"),
        ("aroon[25]", "cannot be read"),
        ("dpo(20)", "choose another"),
        ("aroon(1,2,3,4,5,6,7,8,9)", "at most"),
        ("rsi(1-2)", "not a number"),
    ],
)
def test_a_bad_extra_indicator_is_refused_in_words(call: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        feature_set(extra=(call,))


def test_chart_context_names_an_oversold_market_at_its_low() -> None:
    falling = CANDLES[:600].copy()
    falling[-60:, 1:5] *= np.exp(-0.01 * np.arange(1, 61))[:, None]
    context = chart_context(falling, Timeframe.H1)
    assert context.rsi < 30
    assert any(remark.startswith("RSI oversold") for remark in context.remarks())
    assert context.swing_position < 0.2


def test_chart_context_of_a_new_market_is_silent_about_what_it_cannot_know() -> None:
    context = chart_context(CANDLES[:5], Timeframe.H1)
    assert np.isnan(context.rsi)
    assert not any("RSI" in remark or "Fibonacci" in remark for remark in context.remarks())
