"""Candles that an exchange states wrongly for good: absent, and every one of them is named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bot.feed.source import FeedSource
from strategies.market import MINUTE_MS
from tests.bot.feed.stage import START_MS, read, settled_bars, stage

AFTER_MS = START_MS - MINUTE_MS
COUNT, SPOILT_MS = 30, START_MS + 7 * MINUTE_MS
Row = list[Any]


def rows_changed(source: FeedSource, name: str, change: Callable[[list[Row]], list[Row]]) -> None:
    """Let the exchange's REST rows of one market be other ones, every time they are asked for."""
    client = source._rest.client
    asked = client.fetch_ohlcv

    async def fetch_ohlcv(symbol: str, *arguments: Any, **more: Any) -> list[Row]:
        rows: list[Row] = await asked(symbol, *arguments, **more)
        return change(rows) if symbol == name else rows

    client.fetch_ohlcv = fetch_ohlcv


def spoilt(column: int, value: object) -> Callable[[list[Row]], list[Row]]:
    def change(rows: list[Row]) -> list[Row]:
        return [[*row[:column], value, *row[column + 1 :]] if row[0] == SPOILT_MS else row for row in rows]

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (spoilt(5, -1.0), "volume is negative"),
        (spoilt(1, math.nan), "missing or infinite"),
        (spoilt(4, None), "no numbers"),
        (spoilt(3, 0.0), "not above zero"),
        (spoilt(2, 1e-9), "high is below its low"),
    ],
)
async def test_a_candle_that_is_stated_as_nonsense_is_absent_and_named(
    change: Callable[[list[Row]], list[Row]], why: str
) -> None:
    async with stage() as here, here.source(fast=False) as source:
        markets = await source.markets(tuple(here.market.instruments))
        index = [market.symbol for market in markets].index("ETHUSDT")
        rows_changed(source, "ETH/USDT:USDT", change)
        minutes = await read(source, AFTER_MS, COUNT)
    (note,) = source.notes
    assert (note.kind, note.symbol, note.open_ms) == ("excluded", "ETHUSDT", SPOILT_MS)
    assert why in note.text
    truth = here.true_bars(markets, START_MS, COUNT)
    truth[7, index] = 0
    assert np.array_equal(settled_bars(minutes), truth)


async def test_what_one_answer_states_twice_is_taken_as_stated_last_and_the_rest_is_a_revision() -> None:
    async with stage() as here, here.source(fast=False) as source:
        markets = await source.markets(tuple(here.market.instruments))

        def twice(rows: list[Row]) -> list[Row]:
            first = [[*row[:5], row[5] / 2] for row in rows if row[0] == SPOILT_MS]
            return [*first, *rows]

        rows_changed(source, "ETH/USDT:USDT", twice)
        minutes = await read(source, AFTER_MS, COUNT)
    assert {(note.kind, note.symbol, note.open_ms) for note in source.notes} == {("revision", "ETHUSDT", SPOILT_MS)}
    assert np.array_equal(settled_bars(minutes), here.true_bars(markets, START_MS, COUNT))


async def test_pages_without_order_with_others_among_them_and_empty_ones_lose_nothing() -> None:
    async with stage() as here, here.source(fast=False) as source:
        markets = await source.markets(tuple(here.market.instruments))
        asked = iter(range(1_000))

        def shuffled(rows: list[Row]) -> list[Row]:
            older = [[row[0] - 1000 * MINUTE_MS, *row[1:]] for row in rows]
            seconds = [[row[0] // 1000, *row[1:]] for row in rows]
            later = [[row[0] + 10**9, *row[1:]] for row in rows]
            return [] if next(asked) % 2 else [*reversed(rows), *older, *seconds, *later, *rows]

        rows_changed(source, "ETH/USDT:USDT", shuffled)
        minutes = await read(source, AFTER_MS, COUNT)
    assert np.array_equal(settled_bars(minutes), here.true_bars(markets, START_MS, COUNT))
    assert list(source.notes) == []
