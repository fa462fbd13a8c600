"""Recorded hours whose minutes are drawn, and lives of recorded markets."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.simulator.market.expanded import expanded, hours_without_minutes
from bot.simulator.market.life_files import read_lives
from bot.simulator.market.lives import Life, LivingMarket
from bot.simulator.market.replay import ReplayMarket
from bot.simulator.market.source import aggregate
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS
from tests.builders import START_MS, candles, market

XRP = market("XRPUSDT")
HOURS = candles(72, seed=4)


def write(folder: Path, symbol: str, timeframe: str, rows: np.ndarray) -> None:
    names = ("timestamp", "open", "high", "low", "close", "volume")
    table = pa.table({name: rows[:, at] for at, name in enumerate(names)})
    pq.write_table(table, folder / f"{symbol}_{timeframe}_futures.parquet")


def test_drawn_minutes_add_up_to_their_hours_exactly() -> None:
    minutes = expanded(HOURS, XRP, seed=7)
    assert len(minutes) == 72 * 60
    assert (np.diff(minutes[:, 0]) == MINUTE_MS).all()
    assert (aggregate(minutes, HOUR_MS, 3) == HOURS).all()


def test_a_minute_is_the_same_whatever_was_asked_for_and_another_with_another_seed() -> None:
    assert (expanded(HOURS[30:50], XRP, seed=7) == expanded(HOURS, XRP, seed=7)[30 * 60 : 50 * 60]).all()
    assert not (expanded(HOURS, XRP, seed=8) == expanded(HOURS, XRP, seed=7)).all()


def test_hours_inside_recorded_minutes_are_left_alone_even_where_those_have_gaps() -> None:
    recorded = expanded(HOURS[24:48], XRP, seed=1)
    recorded = np.concatenate([recorded[:120], recorded[300:]])
    bare = hours_without_minutes(HOURS, recorded, START_MS, START_MS + 60 * HOUR_MS)
    assert (bare[:, 0] == np.concatenate([HOURS[:24, 0], HOURS[48:60, 0]])).all()


def test_a_replay_expands_where_it_is_asked_to_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, "XRPUSDT", "1h", HOURS)
    write(tmp_path, "BTCUSDT", "1h", HOURS)
    write(tmp_path, "BTCUSDT", "1m", expanded(HOURS, XRP, seed=3))
    with pytest.raises(BadInput, match="XRPUSDT_1m"):
        ReplayMarket(tmp_path, ["BTCUSDT", "XRPUSDT"])
    source = ReplayMarket(tmp_path, ["BTCUSDT", "XRPUSDT"], None, START_MS + DAY_MS, expand=True)
    assert "minutes of 1 of 2 markets drawn inside their hours" in source.description.name
    assert source.instruments["XRPUSDT"].market.tick == Decimal("0.01")
    drawn = source.minutes("XRPUSDT", START_MS + DAY_MS, START_MS + 2 * DAY_MS)
    assert (aggregate(drawn, HOUR_MS, 3) == HOURS[24:48]).all()
    assert not len(source.minutes("XRPUSDT", START_MS, START_MS + DAY_MS))


def test_lives_are_read_from_a_file_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lives.json"
    told = {"ticks": [["", "0.1"], ["2025-01-02T09:00", "0.01"]], "ends": "2025-01-03", "notice_h": 0}
    path.write_text(json.dumps({"XRPUSDT": told}))
    life = read_lives(path)["XRPUSDT"]
    assert life.ticks == ((0, Decimal("0.1")), (START_MS + DAY_MS + 9 * HOUR_MS, Decimal("0.01")))
    assert (life.ends_ms, life.notice_ms) == (START_MS + 2 * DAY_MS, 0)
    for wrong in ('{"XRPUSDT": {"tick": 1}}', '{"XRPUSDT": {"ends": "soon"}}', "[]", "no json"):
        path.write_text(wrong)
        with pytest.raises(BadInput, match="holds no lives of markets"):
            read_lives(path)


def test_rates_of_eight_hours_are_paid_every_four_and_every_hour_when_that_is_a_market_s_life(tmp_path: Path) -> None:
    write(tmp_path, "XRPUSDT", "1h", HOURS)
    times = START_MS + np.arange(0, 72, 8) * HOUR_MS + 3  # some milliseconds late, as they really are
    table = pa.table({"timestamp": times, "funding_rate": np.linspace(1e-4, 9e-4, len(times))})
    pq.write_table(table, tmp_path / "XRPUSDT_funding_futures.parquet")
    source = ReplayMarket(tmp_path, ["XRPUSDT"], tmp_path, START_MS, expand=True)
    life = Life(funding=((0, 8 * HOUR_MS), (START_MS + DAY_MS, 4 * HOUR_MS), (START_MS + 2 * DAY_MS, HOUR_MS)))
    living = LivingMarket(source, {"XRPUSDT": life})
    settled, rates = living.funding("XRPUSDT", START_MS, START_MS + 3 * DAY_MS)
    assert len(settled) == 3 + 6 + 24
    assert (settled[:3] == times[:3]).all()
    assert rates[4] == rates[3]  # between two of the exchange's own the latest goes on
    assert living.funding("XRPUSDT", START_MS + 47 * HOUR_MS, START_MS + 50 * HOUR_MS)[0].tolist() == [
        int(times[6]),
        START_MS + 49 * HOUR_MS,
    ]


def test_a_young_market_has_no_past_before_its_listing(tmp_path: Path) -> None:
    write(tmp_path, "XRPUSDT", "1h", HOURS)
    source = ReplayMarket(tmp_path, ["XRPUSDT"], None, START_MS + DAY_MS, expand=True)
    living = LivingMarket(source, {"XRPUSDT": Life(begins_ms=START_MS + 20 * HOUR_MS)})
    assert living.instrument_at("XRPUSDT", START_MS + 19 * HOUR_MS) is None
    assert living.instruments["XRPUSDT"].onboard_ms == START_MS + 20 * HOUR_MS
    assert living.hours("XRPUSDT", START_MS, START_MS + DAY_MS)[0, 0] == START_MS + 20 * HOUR_MS
