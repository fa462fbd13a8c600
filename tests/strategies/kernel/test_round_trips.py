"""Round trips and the canonical export, from facts written by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from storage.ledger.export import COLUMNS, csv_bytes, write_export
from strategies.errors import BadInput
from strategies.kernel.round_trips import round_trips, slippage_paid
from strategies.kernel.state import Reason
from strategies.market import HOUR_MS
from tests.fact_rows import MARKETS, facts_of, fill, funding
from training.evidence.performance import trade_figures

MARKS = np.array([600_000, 300_000])
START = 1_746_403_200_000  # 2025-05-05 00:00 UTC


def long_then_short() -> np.ndarray:
    """A long of 0.1 BTC from 60,000.0 to 61,000.0 that paid funding, then a short of 1 ETH still open at 3,000.00."""
    return facts_of(
        fill(START, 100, 600_000, 100, fee=300_000_000),
        funding(START + 8 * HOUR_MS, 100, 605_000, 60_500_000),
        fill(START + 12 * HOUR_MS, -100, 610_000, 0, fee=305_000_000, reason=Reason.FADED),
        fill(START + 12 * HOUR_MS, -1000, 310_000, -1000, market=1, fee=155_000_000),
    )


def test_a_round_trip_nets_fees_and_funding() -> None:
    first = round_trips(long_then_short(), MARKETS, MARKS)[0]
    assert first.net == pytest.approx(100.0 - 3.0 - 3.05 - 0.605)
    assert (first.fees, first.funding) == (pytest.approx(6.05), pytest.approx(0.605))
    assert (first.side, first.entry, first.exit, first.quantity) == (1, 60_000.0, 61_000.0, 0.1)
    assert first.duration_h == 12.0
    assert (first.opened_by, first.closed_by) == (Reason.SIGNAL, Reason.FADED)


def test_an_open_trade_is_valued_at_the_last_mark_and_not_counted() -> None:
    second = round_trips(long_then_short(), MARKETS, MARKS)[1]
    assert not second.is_closed
    assert second.net == pytest.approx(3_100.0 - 3_000.0 - 1.55)
    assert math.isnan(second.duration_h)
    assert trade_figures([second]).trades == 0


def test_a_trade_held_when_the_run_began_is_left_out() -> None:
    facts = facts_of(fill(START, -100, 600_000, 0, reason=Reason.STOP))
    assert round_trips(facts, MARKETS, MARKS) == []


def test_two_round_trips_of_one_market_stay_apart() -> None:
    facts = facts_of(
        fill(START, 10, 600_000, 10, trade=1),
        fill(START + HOUR_MS, -10, 590_000, 0, trade=1, reason=Reason.STOP),
        fill(START + 2 * HOUR_MS, -10, 590_000, -10, trade=2),
        fill(START + 3 * HOUR_MS, 10, 580_000, 0, trade=2, reason=Reason.TAKE),
    )
    trades = round_trips(facts, MARKETS, MARKS)
    assert [(trade.side, round(trade.net, 6)) for trade in trades] == [(1, -10.0), (-1, 10.0)]
    figures = trade_figures(trades)
    assert (figures.trades, figures.win_rate, figures.profit_factor) == (2, 0.5, 1.0)


def test_slippage_is_recomputed_from_fills_and_targets_slip_nothing() -> None:
    facts = facts_of(
        fill(START, 1000, 1_000_200, 1000),  # 100,000.0 slipped by 2 bp to 100,020.0: 20 a coin, 1 coin
        fill(START + HOUR_MS, -1000, 1_100_000, 0, reason=Reason.TAKE),
    )
    assert slippage_paid(facts, MARKETS, np.array([20_000, 20_000])) == pytest.approx(20.0)


def test_the_export_spells_exact_decimals() -> None:
    lines = csv_bytes(long_then_short(), MARKETS).decode().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1] == (
        "1746403200000,2025-05-05T00:00:00Z,binanceusdm:BTCUSDT:futures,fill,buy,60000.0,0.100,3.00000000,0.00000000,signal"
    )
    assert lines[2].endswith("funding,long,60500.0,0.100,0.00000000,0.60500000,settled")
    assert lines[4].endswith("ETHUSDT:futures,fill,sell,3100.00,1.000,1.55000000,0.00000000,signal")


def test_the_export_does_not_depend_on_the_order_in_which_markets_were_settled() -> None:
    facts = long_then_short()
    assert csv_bytes(facts[[0, 1, 3, 2]], MARKETS) == csv_bytes(facts, MARKETS)


def test_csv_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    write_export(tmp_path / "fills.csv", long_then_short(), MARKETS)
    write_export(tmp_path / "fills.parquet", long_then_short(), MARKETS)
    rows = pq.read_table(tmp_path / "fills.parquet").to_pylist()
    text = (tmp_path / "fills.csv").read_text().splitlines()[1:]
    assert [",".join(str(value) for value in row.values()) for row in rows] == text


def test_an_export_to_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"fills\.xlsx"):
        write_export(tmp_path / "fills.xlsx", long_then_short(), MARKETS)


def test_an_export_of_nothing_is_a_header(tmp_path: Path) -> None:
    write_export(tmp_path / "fills.parquet", facts_of(), MARKETS)
    assert csv_bytes(facts_of(), MARKETS).decode() == ",".join(COLUMNS) + "\n"
    assert pq.read_table(tmp_path / "fills.parquet").column_names == list(COLUMNS)
