"""The past that decisions begin with: wild, nonsensical and impossible candles in it are judged as live ones are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bot.feed import past
from bot.feed.source import FeedSource
from strategies.market import HOUR_MS, MINUTE_MS, CandleArray, Timeframe
from tests.bot.feed.stage import START_MS, Stage, stage

HOURS = 40
FIRST_MS = START_MS - HOURS * HOUR_MS
SPOILT_MS = FIRST_MS + 25 * HOUR_MS
MINUTE_OF_IT_MS = SPOILT_MS + 30 * MINUTE_MS
Row = list[Any]
Change = Callable[[Row], Row]


def stated(source: FeedSource, change: Callable[[str, Row], Row | None], *, with_mark: bool = False) -> None:
    """Let the exchange state other rows of a market, of every timeframe, and perhaps another mark price."""
    client = source._rest.client
    asked = client.fetch_ohlcv

    async def fetch_ohlcv(symbol: str, timeframe: str, *arguments: Any, **more: Any) -> list[Row]:
        rows: list[Row] = await asked(symbol, timeframe, *arguments, **more)
        is_mark = any("price" in word for word in arguments if isinstance(word, dict))
        if symbol != "ETH/USDT:USDT" or (is_mark and not with_mark):
            return rows
        return [row for row in (change(timeframe, row) for row in rows) if row is not None]

    client.fetch_ohlcv = fetch_ohlcv


def spike(factor: float) -> Callable[[str, Row], Row]:
    """A high of so many times the true one in one minute, and in the hour that holds it."""
    where = {"1h": SPOILT_MS, "1m": MINUTE_OF_IT_MS}

    def change(timeframe: str, row: Row) -> Row:
        return [*row[:2], row[2] * factor, *row[3:]] if row[0] == where.get(timeframe) else row

    return change


def hour(column: int, value: object) -> Callable[[str, Row], Row]:
    """Nonsense in one hour; its minutes are sound."""

    def change(timeframe: str, row: Row) -> Row:
        return [*row[:column], value, *row[column + 1 :]] if (timeframe, row[0]) == ("1h", SPOILT_MS) else row

    return change


async def past_of(
    here: Stage, change: Callable[[str, Row], Row | None] | None, *, with_mark: bool = False
) -> tuple[CandleArray, FeedSource]:
    async with here.source() as source:
        await source.markets(tuple(here.market.instruments))
        if change is not None:
            stated(source, change, with_mark=with_mark)
        return await source.past.history("ETHUSDT", Timeframe.H1, FIRST_MS, START_MS), source


@pytest.mark.parametrize("factor", [2.4, 1e300])
async def test_a_wild_minute_of_the_past_is_left_out_of_its_hour_and_named(factor: float) -> None:
    async with stage() as here:
        truth, source = await past_of(here, None)
        assert list(source.notes) == []
        found, source = await past_of(here, spike(factor))
        minutes = here.market.minutes("ETHUSDT", SPOILT_MS, SPOILT_MS + HOUR_MS)
    kinds = {note.kind: note for note in source.notes}
    assert set(kinds) == {"excluded", "rebuilt"}
    assert (kinds["excluded"].open_ms, kinds["excluded"].until_ms - MINUTE_MS) == (MINUTE_OF_IT_MS, MINUTE_OF_IT_MS)
    assert kinds["rebuilt"].open_ms == SPOILT_MS
    others = minutes[minutes[:, 0] != MINUTE_OF_IT_MS]
    row = (SPOILT_MS - FIRST_MS) // HOUR_MS
    assert found[row, :5].tolist() == [SPOILT_MS, others[0, 1], others[:, 2].max(), others[:, 3].min(), others[-1, 4]]
    assert found[row, 5] == pytest.approx(others[:, 5].sum())
    assert np.array_equal(np.delete(found, row, 0), np.delete(truth, row, 0))


@pytest.mark.parametrize(
    "change", [hour(2, 1e300), hour(5, 1e300), hour(4, math.nan), hour(3, -1.0), hour(2, 1e-9), hour(1, None)]
)
async def test_an_hour_that_is_stated_as_nonsense_is_made_of_its_minutes(change: Callable[[str, Row], Row]) -> None:
    async with stage() as here:
        truth, _ = await past_of(here, None)
        found, source = await past_of(here, change)
    assert {(note.kind, note.open_ms) for note in source.notes} == {("rebuilt", SPOILT_MS)}
    np.testing.assert_allclose(found, truth, rtol=1e-12)


async def test_an_hour_without_minutes_that_nothing_confirms_is_absent_and_named() -> None:
    def change(timeframe: str, row: Row) -> Row | None:
        return None if timeframe == "1m" else hour(2, 50_000.0)(timeframe, row)

    async with stage() as here:
        truth, _ = await past_of(here, None)
        found, source = await past_of(here, change)
    assert {(note.kind, note.open_ms) for note in source.notes} == {("excluded", SPOILT_MS)}
    assert np.array_equal(found, truth[truth[:, 0] != SPOILT_MS])


async def test_a_price_that_rose_and_stayed_is_the_past_as_it_was() -> None:
    def change(_timeframe: str, row: Row) -> Row:
        return [row[0], *(price * 3 for price in row[1:5]), row[5]] if row[0] >= SPOILT_MS else row

    async with stage() as here:
        truth, _ = await past_of(here, None)
        found, source = await past_of(here, change, with_mark=True)
    truth[truth[:, 0] >= SPOILT_MS, 1:5] *= 3
    assert [note.text for note in source.notes] == []
    np.testing.assert_allclose(found, truth, rtol=1e-12)


async def test_many_that_are_none_are_named_together() -> None:
    long_ago_ms = START_MS - 80 * HOUR_MS

    def change(timeframe: str, row: Row) -> Row | None:
        return None if timeframe == "1m" else [*row[:5], -1.0] if row[0] > long_ago_ms else row

    async with stage() as here, here.source() as source:
        await source.markets(tuple(here.market.instruments))
        stated(source, change)
        found = await source.past.history("ETHUSDT", Timeframe.H1, long_ago_ms, START_MS)
    assert found[:, 0].tolist() == [long_ago_ms]
    assert len(source.notes) == past.MOST_DOUBTS + 1
    assert "29 more candles of 1h" in source.notes[-1].text
