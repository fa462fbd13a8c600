"""Views that only add up: closed trades, coarser candles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views.candles import merged
from bot.views.trade_summary import summarise
from storage.ledger.trades import Trade
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS, walk


def trade(net: float, hours: int | None, fees: float = 1.0) -> Trade:
    return Trade(
        id="BTCUSDT-1",
        symbol="BTCUSDT",
        side="LONG",
        quantity=1.0,
        opened_ms=START_MS,
        closed_ms=None if hours is None else START_MS + hours * HOUR_MS,
        entry_price=100.0,
        first_price=100.0,
        resizes=0,
        exit_price=None if hours is None else 100.0 + net,
        net=net,
        fees=fees,
        funding=0.25,
        return_fraction=net / 100,
        opened_because="signal",
        closed_because=None if hours is None else "signal",
        decision_ms=START_MS,
        bundle_id="trend-1",
    )


TRADES = st.lists(
    st.builds(trade, st.integers(-500, 500).map(float), st.one_of(st.none(), st.integers(1, 200))), max_size=20
)


@given(trades=TRADES)
def test_a_summary_adds_up_what_is_closed_and_nothing_else(trades: list[Trade]) -> None:
    closed = [part for part in trades if part.closed_ms is not None]
    found = summarise(trades)
    assert found.trades == len(closed)
    assert found.net == pytest.approx(found.gains - found.losses)
    assert found.net == pytest.approx(math.fsum(part.net for part in closed))
    assert found.fees == len(closed)
    assert found.funding == pytest.approx(0.25 * len(closed))
    assert found.losses >= 0 <= found.gains
    if closed:
        assert found.best is not None
        assert found.worst is not None
        assert found.best.net >= found.worst.net
        assert found.win_rate == sum(part.net > 0 for part in closed) / len(closed)


def test_what_no_trade_can_say_is_nothing_and_not_zero() -> None:
    none = summarise([trade(5.0, None)])
    assert (none.win_rate, none.profit_factor, none.average_hold_h, none.best, none.worst) == (None,) * 5
    won = summarise([trade(5.0, 2), trade(1.0, 4)])
    assert (won.profit_factor, won.win_rate, won.average_hold_h) == (None, 1.0, 3.0)
    both = summarise([trade(6.0, 1), trade(-2.0, 1), trade(0.0, 1)])
    assert (both.profit_factor, both.win_rate) == (3.0, pytest.approx(1 / 3))


@given(bars=st.integers(1, 80), skip=st.integers(0, 30))
def test_coarser_candles_hold_all_that_the_finer_ones_held(bars: int, skip: int) -> None:
    fine = np.delete(walk(bars + skip), slice(3, 3 + skip), axis=0)
    coarse = merged(fine, Timeframe.D1)
    assert (coarse[:, 0] % DAY_MS == 0).all()
    assert (np.diff(coarse[:, 0]) > 0).all()
    assert coarse[:, 5].sum() == pytest.approx(fine[:, 5].sum())
    for day in coarse:
        inside = fine[(fine[:, 0] >= day[0]) & (fine[:, 0] < day[0] + DAY_MS)]
        expected = [inside[0, 1], inside[:, 2].max(), inside[:, 3].min(), inside[-1, 4]]
        assert day[1:5].tolist() == expected
    assert np.array_equal(merged(coarse, Timeframe.D1), coarse)
    assert not len(merged(fine[:0], Timeframe.D1))
