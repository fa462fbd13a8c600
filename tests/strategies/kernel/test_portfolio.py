"""The size of a whole book: from the markets' co-movement, the same bits live and in the backtest."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.kernel.portfolio import BookScale, book_deviation, book_deviations, book_factor
from strategies.kernel.settings import RiskSettings, TradingSettings
from strategies.market import DAY_MS, HOUR_MS, Timeframe

BARS = 2_000
DAY = 80 * DAY_MS


def walks(markets: int, correlation: float, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(BARS, 1))
    own = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * rng.normal(size=(BARS, markets))
    closes = 100.0 * np.exp(np.cumsum(0.01 * own, axis=0))
    opens = DAY - (BARS - 30 - np.arange(BARS)) * HOUR_MS
    return [np.column_stack([opens, *[closes[:, m]] * 4, np.ones(BARS)]) for m in range(markets)]


@pytest.mark.parametrize(("markets", "correlation"), [(1, 0.0), (4, 0.0), (10, 0.6), (20, 0.9)])
def test_the_book_swings_as_the_mean_correlation_says(markets: int, correlation: float) -> None:
    expected = (1 + (markets - 1) * correlation) / markets
    prior = (1 + (markets - 1) * 0.6) / markets
    found = book_deviation(walks(markets, correlation), DAY, Timeframe.H1)
    assert found == pytest.approx(np.sqrt(0.7 * expected + 0.3 * prior), abs=0.04)


def test_candles_after_midnight_and_before_the_window_change_no_bit() -> None:
    candles = walks(3, 0.5)
    whole = book_deviation(candles, DAY, Timeframe.H1)
    cut = [part[(part[:, 0] < DAY) & (part[:, 0] >= DAY - 1441 * HOUR_MS)] for part in candles]
    assert book_deviation(cut, DAY, Timeframe.H1) == whole


def test_live_and_backtest_have_the_same_bits() -> None:
    candles, risk = walks(3, 0.5), RiskSettings()
    ms = np.arange(DAY, DAY + 24 * HOUR_MS, HOUR_MS)
    path, scale = book_deviations(candles, ms, Timeframe.H1), BookScale(Timeframe.H1)
    for decision_ms, deviation in zip(ms.tolist(), path.tolist(), strict=True):
        known = [part[part[:, 0] < decision_ms] for part in candles]
        assert scale.at(decision_ms, known, risk) == book_factor(risk) * deviation


def test_a_market_without_history_is_left_out_and_none_at_all_is_one_market() -> None:
    candles = walks(2, 0.5)
    assert book_deviation([*candles, candles[0][:0]], DAY, Timeframe.H1) == book_deviation(candles, DAY, Timeframe.H1)
    assert book_deviation([candles[0][:0]], DAY, Timeframe.H1) == 1.0


def test_other_sizings_and_accounts_from_before_are_sized_market_by_market() -> None:
    assert book_factor(RiskSettings(account_volatility=0.0)) == 0.0
    assert book_factor(RiskSettings(sizing="kelly")) == 0.0
    stored = TradingSettings().model_dump(mode="json")
    del stored["risk"]["account_volatility"], stored["risk"]["book_share"]
    assert TradingSettings.model_validate(stored).risk.account_volatility == 0.0
    assert TradingSettings().risk.account_volatility == 0.15


def test_settings_from_before_there_were_several_horizons_have_one() -> None:
    stored = TradingSettings().model_dump(mode="json")
    del stored["decision"]["horizons"]
    stored["decision"]["horizon_bars"] = 12
    assert TradingSettings.model_validate(stored).decision.horizons == (12,)
