"""What the feed gives the rest of the house: markets, history, funding, paced minutes."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from bot.clock import PacedClock
from bot.feed.connect import client_for
from bot.feed.connection import Connection
from bot.feed.failures import NoSuchMarket
from bot.feed.source import FeedSource
from bot.simulator.market.generated import GeneratedMarket
from storage.config.market import ExchangeSettings
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, Timeframe
from tests.bot.feed.stage import IMPATIENT, START_MS, read, settled_rates, stage


async def test_markets_carry_the_grid_the_exchange_states() -> None:
    async with stage() as here, here.source() as source:
        markets = await source.markets(("ETHUSDT", "BTCUSDT"))
        assert markets == [here.market.instruments[symbol].market for symbol in ("ETHUSDT", "BTCUSDT")]
        assert markets[1].tick == Decimal("0.1")


async def test_an_unknown_market_is_refused_with_the_nearest_known_one() -> None:
    async with stage() as here, here.source() as source:
        with pytest.raises(NoSuchMarket, match="did you mean BTCUSDT"):
            await source.markets(("BTCUSD",))


@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.H1])
async def test_history_is_closed_contiguous_and_told_page_by_page(timeframe: Timeframe) -> None:
    told: list[int] = []
    async with stage() as here, here.source() as source:
        bars = 2_500 if timeframe is Timeframe.M1 else 1_700
        start_ms = START_MS - bars * timeframe.ms
        candles = await source.history(
            "BTCUSDT", timeframe, start_ms, START_MS + DAY_MS, progress=lambda *, candles, done_ms: told.append(candles)
        )
    assert np.array_equal(candles[:, 0], np.arange(start_ms, START_MS, timeframe.ms))
    assert told[-1] == bars
    assert len(told) > 1
    truth = here.market.minutes if timeframe is Timeframe.M1 else here.market.hours
    assert np.array_equal(candles, truth("BTCUSDT", start_ms, START_MS))


async def test_history_survives_failing_answers() -> None:
    async with stage() as here, here.source() as source:
        await source.markets(("BTCUSDT",))
        here.set_faults("503:p=0.4", "garbage:where=rest,form=nulls,p=0.2")
        start_ms = START_MS - 4_000 * MINUTE_MS
        candles = await source.history("BTCUSDT", Timeframe.M1, start_ms, START_MS)
    assert np.array_equal(candles, here.market.minutes("BTCUSDT", start_ms, START_MS))


async def test_funding_history_lies_on_the_minute() -> None:
    async with stage() as here, here.source() as source:
        times, rates = await source.funding("BTCUSDT", START_MS - 60 * DAY_MS, START_MS)
    truth = here.true_funding("BTCUSDT", START_MS - 60 * DAY_MS, 60 * 1440)
    assert dict(zip(times.tolist(), rates.tolist(), strict=True)) == truth
    assert len(times) == 180


async def test_funding_arrives_in_the_minute_at_which_it_settles() -> None:
    async with stage(start_ms=START_MS - HOUR_MS) as here, here.source() as source:
        markets = await source.markets(("BTCUSDT", "ETHUSDT"))
        first_ms = START_MS - 9 * HOUR_MS
        minutes = await read(source, first_ms - MINUTE_MS, 12 * 60)  # 15:00 missed, 00:00 live
    for index, market in enumerate(markets):
        truth = here.true_funding(market.symbol, first_ms, len(minutes))
        assert len(truth) == 2
        assert settled_rates(minutes, index) == truth


class Unfunded(GeneratedMarket):
    """A market that states an interval of ETHUSDT and never settles it."""

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
        return (
            (np.empty(0, np.int64), np.empty(0)) if symbol == "ETHUSDT" else super().funding(symbol, start_ms, end_ms)
        )


async def test_a_rate_that_never_comes_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.feed.funding_fetcher.Backoff.next_s", lambda _: 10_000.0)
    async with stage(market=Unfunded(5, ("BTCUSDT", "ETHUSDT"), start_ms=START_MS - HOUR_MS)) as here:
        async with here.source() as source:
            await source.markets(("BTCUSDT", "ETHUSDT"))
            minutes = await read(source, START_MS - HOUR_MS - MINUTE_MS, 18 * 60)
        truth = here.true_funding("BTCUSDT", START_MS - HOUR_MS, len(minutes))
    assert len(truth) == 3
    assert settled_rates(minutes, 0) == truth


async def test_a_paced_market_waits_for_what_has_been_processed() -> None:
    async with stage() as here:
        clock = PacedClock(here.server.clock.now_ms())
        exchange = ExchangeSettings(name="builtin", symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT"))
        connection = Connection(exchange, IMPATIENT, clock, url=here.server.url, on_time=clock.advance)
        async with FeedSource(connection) as source:
            await source.markets(exchange.symbols)
            minutes = await read(source, START_MS - MINUTE_MS, 500)
            assert source.builtin is not None
            told = await source.builtin.clock()
            assert (await source.builtin.market())["kind"] == "generated"
    assert all(minute.present.all() for minute in minutes)
    assert told["now_ms"] <= minutes[-1].open_ms + MINUTE_MS + here.server.pace.lead_ms
    assert START_MS < clock.now_ms() <= here.server.clock.now_ms()


async def test_of_markets_that_the_exchange_does_not_list_nothing_is_said() -> None:
    async with stage() as here, here.source() as source:
        assert await source.describe(["NOPEUSDT"]) == {}
        assert set(await source.describe(["NOPEUSDT", "BTCUSDT"])) == {"BTCUSDT"}


async def test_ready_becomes_true_once_the_stream_flows() -> None:
    async with stage() as here, here.source() as source:
        await source.markets(("BTCUSDT",))
        assert source.ready == {}
        last_ms = START_MS - MINUTE_MS
        async for minute in source.minutes(last_ms):
            await source.processed(minute.open_ms)
            if source.ready == {"BTCUSDT": True}:
                break
        assert source.last_frame_ms >= START_MS


async def test_an_error_of_the_reader_comes_out_as_it_is_and_ends_the_feed() -> None:
    async def read_and_fail(source: FeedSource) -> None:
        async with source:
            await source.markets(("BTCUSDT",))
            await read(source, START_MS - MINUTE_MS, 5)
            raise ZeroDivisionError

    async with stage() as here:
        with pytest.raises(ZeroDivisionError):
            await read_and_fail(here.source())


async def test_minutes_want_markets_and_an_open_source() -> None:
    async with stage() as here:
        source = here.source()
        with pytest.raises(RuntimeError, match="async with"):
            await anext(source.minutes(START_MS))
        await source.close()


@pytest.mark.parametrize(
    ("name", "kind", "needed"),
    [
        ("binanceusd", "futures", "did you mean binanceusdm"),
        ("builtin", "spot", "futures only"),
        ("builtin", "futures", "exchange.url"),
    ],
)
async def test_a_wrong_exchange_is_refused_in_one_line(name: str, kind: str, needed: str) -> None:
    with pytest.raises(BadInput, match=needed):
        client_for(name, kind)  # type: ignore[arg-type]
