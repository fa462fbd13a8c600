"""Many markets at once: within the exchange's weight limit, one bad market apart, and chosen by what is traded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.feed import weights as gauge
from bot.feed.candidates import exchange_candidates
from bot.feed.download import Downloaded, Wanted
from bot.feed.download_all import Failed, download_all
from bot.simulator.market.instruments import some_symbols
from bot.simulator.protocol.weights import Weights
from storage.candles.store import CandleStore
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from strategies.universe.selection import select
from strategies.universe.settings import UniverseSettings
from tests.bot.feed.stage import START_MS, stage

SYMBOLS = some_symbols(12)
DAYS = 20


def wanted(symbols: tuple[str, ...]) -> list[Wanted]:
    return [
        Wanted(
            exchange="builtin",
            symbol=symbol,
            timeframe=Timeframe.H1,
            kind="futures",
            since_ms=START_MS - DAYS * DAY_MS,
            until_ms=START_MS,
        )
        for symbol in symbols
    ]


async def test_many_markets_keep_within_the_weights_and_one_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(gauge.LIMITS, "builtin", 30)
    monkeypatch.setattr(gauge, "PROBE_S", 0.05)
    shares: list[float] = []
    async with stage(symbols=SYMBOLS) as there:
        there.server.weights = Weights(30, window_s=1.0)
        source = there.source()
        try:
            await source.markets(SYMBOLS)
            store = CandleStore(tmp_path)
            brought, failed = await download_all(
                source, store, wanted((*SYMBOLS, "NOPEUSDT")), on_progress=shares.append
            )
        finally:
            await source.close()
        assert there.server.weights.refused == 0
    assert [type(part) for part in (brought[0], failed[0])] == [Downloaded, Failed]
    assert (len(brought), [part.symbol for part in failed]) == (len(SYMBOLS), ["NOPEUSDT"])
    assert "does not list NOPEUSDT" in failed[0].why
    assert shares[-1] == 1.0
    assert (np.diff(shares) >= -1e-12).all()
    spans = [store.coverage("builtin", symbol, "1h") for symbol in SYMBOLS]
    assert {span.rows for span in spans} == {DAYS * 24}
    assert {span.last_ms for span in spans} == {START_MS - HOUR_MS}


async def test_the_largest_markets_of_an_exchange_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(symbols=SYMBOLS) as there:
        source = there.source()
        try:
            rules = UniverseSettings(mode="top", size=3, min_age_d=30, min_quote_volume=1e6)
            candidates = await exchange_candidates(source, rules, START_MS)
        finally:
            await source.close()
    assert {candidate.symbol for candidate in candidates} == set(SYMBOLS)
    assert all(candidate.quote_volume > 0 for candidate in candidates)
    assert set(select(candidates, rules).members) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}


async def test_a_gauge_lets_one_request_through_when_the_minute_is_full() -> None:
    held = gauge.WeightGauge("binanceusdm", probe_s=0.001)
    await held.passed()
    held.answered({"X-MBX-USED-WEIGHT-1M": "2399"})
    await held.passed()  # the probe
    assert held.waits == 1
    held.answered({"X-MBX-USED-WEIGHT-1M": "3"})  # a new minute
    for _ in range(50):
        await held.passed()
    assert held.waits == 1


async def test_a_gauge_of_an_exchange_that_says_nothing_never_waits() -> None:
    free = gauge.WeightGauge("kraken")
    for _ in range(1000):
        await free.passed()
    assert free.waits == 0
