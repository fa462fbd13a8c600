"""What was written in other ticks and lots is read in them: prices stay where they were when a market's grid moves."""

from __future__ import annotations

import numpy as np
import pytest

from bot.scheduling.candle_check import check_day
from storage.ledger.minute_candles import minute_candles
from storage.ledger.queries import Ledger
from strategies.kernel.state import FactKind
from strategies.market import CLOSE, DAY_MS, OPEN_MS, CandleArray, Timeframe
from strategies.market_versions import MarketVersions
from tests.bot.trading.world import MARKETS
from tests.builders import START_MS, candles
from tests.storage.ledger.test_market_changes import COARSER, FINER, HOURS, lived
from training.monitors.drift_inputs import account_record_of

__all__ = ["lived"]  # the fixture
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
WALKS = {
    symbol: candles(HOURS * 60, timeframe=Timeframe.M1, seed=30 + part, start_ms=START_MS)
    for part, symbol in enumerate(SYMBOLS)
}
COARSEST = 0.05  # of a tick that a market had


class Exchange:
    """Says what really happened."""

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        walk = WALKS[symbol]
        return walk[(walk[:, OPEN_MS] >= start_ms) & (walk[:, OPEN_MS] < end_ms)]


def true_close(symbol: str, open_ms: int) -> float:
    return float(WALKS[symbol][(open_ms - START_MS) // 60_000, CLOSE])


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_minutes_of_every_grid(lived, symbol: str) -> None:
    database, account, engine = lived
    market = next(part for part in engine.markets if part.symbol == symbol)
    found = minute_candles(Ledger(database, account), market, START_MS, START_MS + HOURS * 3_600_000)
    assert len(found) > HOURS * 20
    truth = np.array([true_close(symbol, int(open_ms)) for open_ms in found[:, OPEN_MS]])
    assert np.abs(found[:, CLOSE] - truth).max() <= COARSEST


def test_decisions_of_every_grid(lived) -> None:
    database, account, _ = lived
    recorded = Ledger(database, account).decisions(symbol="BTCUSDT", limit=10_000)
    assert {part.market.tick for part in recorded} == {MARKETS[0].tick, FINER.tick, COARSER.tick}
    for part in recorded:
        price = float(part.market.price(int(part.record["price"])))
        assert abs(price - true_close("BTCUSDT", part.ms - 60_000)) <= COARSEST


def test_a_fill_is_counted_at_its_worth_of_then(lived) -> None:
    database, account, _ = lived
    record = account_record_of(database, account, 0)
    fills = (record.facts["kind"] == FactKind.FILL) & (record.facts["market"] == 0)
    assert len(set(record.unit_values[fills].tolist())) > 1
    quote = record.facts["price"][fills] * record.unit_values[fills] / 1e8 / float(MARKETS[0].lot)
    truth = [true_close("BTCUSDT", int(ms) // 60_000 * 60_000) for ms in record.facts["ms"][fills]]
    assert np.allclose(quote, truth, rtol=0.05)


async def test_the_nightly_check_finds_no_difference_where_only_the_grid_moved(lived) -> None:
    database, account, engine = lived
    for day in range(3):
        found = await check_day(
            database, account, engine.markets, Exchange(), START_MS // DAY_MS * DAY_MS + day * DAY_MS
        )
        assert found.passed, found.sentence
    assert found.document["compared"] > 0


def test_the_pieces_of_a_market_are_where_it_did_not_change() -> None:
    first, second, third = (0, MARKETS[0]), (120, FINER), (240, COARSER)
    versions = MarketVersions([[first, second, third]])
    assert versions.pieces(0, [60, 119, 120, 239, 240, 300]) == [(0, 2, MARKETS[0]), (2, 4, FINER), (4, 6, COARSER)]
    assert versions.pieces(0, [130]) == [(0, 1, FINER)]
    assert versions.pieces(0, []) == []
