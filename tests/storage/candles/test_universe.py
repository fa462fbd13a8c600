"""The universe out of stored candles, on real ones with delisted markets where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from storage.candles.store import CandleStore
from storage.candles.universe import read_turnovers, stored_members, stored_symbols
from storage.cron import cron_times
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from strategies.universe.settings import UniverseSettings
from tests.builders import ROOT

RECORDED = ROOT.parent / "shared" / "data" / "universe" / "h1"
START_MS = 1_704_067_200_000  # 2024-01-01, a Monday


def put(store: CandleStore, symbol: str, first_day: int, days: int, worth: float, step: str = "1h") -> None:
    step_ms = Timeframe(step).ms
    count = days * DAY_MS // step_ms
    open_ms = START_MS + first_day * DAY_MS + step_ms * np.arange(count)
    flat = np.full(count, 10.0)
    volume = np.full(count, worth * step_ms / DAY_MS / 10.0)
    store.append("binanceusdm", symbol, step, "futures", np.column_stack([open_ms, flat, flat, flat, flat, volume]))


def test_the_universe_of_a_day_is_what_was_large_by_then(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    put(store, "OLDUSDT", 0, 120, 6e6)
    put(store, "ENDSUSDT", 0, 70, 9e6)
    put(store, "NEWUSDT", 40, 80, 50e6, "4h")
    put(store, "USDCUSDT", 0, 120, 900e6)
    rules = UniverseSettings(mode="top", size=2, min_age_d=30, refresh_cron="0 0 * * mon")
    found = stored_members(store, "binanceusdm", "futures", rules, START_MS + 35 * DAY_MS, START_MS + 110 * DAY_MS)
    assert found.at(START_MS + 36 * DAY_MS).members == ("ENDSUSDT", "OLDUSDT")  # type: ignore[union-attr]
    assert found.at(START_MS + 109 * DAY_MS).members == ("NEWUSDT", "OLDUSDT")  # type: ignore[union-attr]
    left = [verdict for _, verdict in found.changes if verdict.step == "leaves"]
    assert [(verdict.symbol, verdict.why) for verdict in left] == [
        ("ENDSUSDT", "the exchange does not trade it now"),
    ]
    assert stored_symbols(store, "binanceusdm", "futures")["NEWUSDT"] is Timeframe.H4


def test_a_cron_line_gives_every_time_between_two() -> None:
    times = cron_times("10 0 * * mon", START_MS, START_MS + 15 * DAY_MS)
    assert [(ms - START_MS) / HOUR_MS for ms in times] == [1 / 6, 168 + 1 / 6, 336 + 1 / 6]


@pytest.mark.skipif(not RECORDED.is_dir(), reason="../shared/data/universe is absent")
def test_a_delisted_coin_was_a_member_while_it_was_large(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    for symbol in ("FTTUSDT", "AVAXUSDT", "LTCUSDT", "ZECUSDT"):
        table = pq.read_table(RECORDED / f"{symbol}_1h_futures.parquet")
        candles = np.column_stack([table[name].to_numpy() for name in table.column_names[:6]]).astype(np.float64)
        store.append("binanceusdm", symbol, "1h", "futures", candles)
    turnovers = {part.symbol: part for part in read_turnovers(store, "binanceusdm", "futures")}
    gone = turnovers["FTTUSDT"]
    rules = UniverseSettings(mode="top", size=4, min_age_d=30, min_quote_volume=1e5)
    end_ms = max(part.end_ms for part in turnovers.values())
    found = stored_members(store, "binanceusdm", "futures", rules, gone.first_ms + 60 * DAY_MS, end_ms)
    assert "FTTUSDT" in found.ever
    assert "FTTUSDT" not in found.selections[-1].members
