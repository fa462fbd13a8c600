"""A market that joins while minutes run brings no past that a start would not have believed."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from bot.feed.source import FeedSource
from strategies.market import HOUR_MS, MINUTE_MS, Timeframe
from strategies.minute import Command
from tests.bot.feed.stage import START_MS, Stage, stage
from tests.bot.feed.test_past import Row, stated

TAIL_MS = START_MS  # the hour in which it is asked for: fetched by itself, at the boundary
OLD_MS = START_MS - 30 * HOUR_MS


def hours(*opens_ms: int, column: int, value: object) -> Callable[[str, Row], Row]:
    """Other numbers in hours, and in a minute of each."""
    places = {("1h", open_ms) for open_ms in opens_ms} | {("1m", open_ms + 30 * MINUTE_MS) for open_ms in opens_ms}

    def change(timeframe: str, row: Row) -> Row:
        known = (timeframe, row[0]) in places
        new = value(row[column]) if callable(value) else value
        return [*row[:column], new, *row[column + 1 :]] if known else row

    return change


def twice(timeframe: str, row: Row) -> Row:
    """The hour before states the time of the one after it."""
    return [row[0] + HOUR_MS, *row[1:]] if (timeframe, row[0]) == ("1h", OLD_MS) else row


def gap(timeframe: str, row: Row) -> Row | None:
    return None if row[0] // HOUR_MS == OLD_MS // HOUR_MS else row


WILD = {
    "a high of 900 times": hours(OLD_MS, TAIL_MS, column=2, value=lambda price: price * 900),
    "a price of 1e300": hours(OLD_MS, TAIL_MS, column=2, value=1e300),
    "a volume of 1e300": hours(OLD_MS, TAIL_MS, column=5, value=1e300),
    "a volume of 1e17": hours(OLD_MS, TAIL_MS, column=5, value=1e17),
    "a volume that is none": hours(OLD_MS, TAIL_MS, column=5, value=math.nan),
    "a negative volume": hours(OLD_MS, TAIL_MS, column=5, value=-5.0),
    "a low of zero": hours(OLD_MS, TAIL_MS, column=3, value=0.0),
    "a low under every tick": hours(OLD_MS, TAIL_MS, column=3, value=1e-9),
    "times twice": twice,
    "a gap": gap,
}


async def joined(here: Stage, change: Callable[[str, Row], Any]) -> tuple[Command, FeedSource]:
    """Let ETHUSDT join and return the command as it came with its minute."""
    async with here.source() as source:
        markets = await source.markets(("BTCUSDT", "ETHUSDT"))
        await source.markets(("BTCUSDT",))
        stated(source, change)
        async with aclosing(source.minutes(START_MS - MINUTE_MS)) as stream:
            async for minute in stream:
                if minute.open_ms == START_MS:
                    source.change(Command(kind="join", spec=markets[1], why="asked"), Timeframe.H1)
                await source.processed(minute.open_ms)
                joins = [command for command in minute.commands if command.kind == "join"]
                if joins:
                    return joins[0], source
    raise AssertionError("it did not join")


@pytest.mark.parametrize("what", WILD)
async def test_what_a_market_brings_along_is_judged(what: str) -> None:
    async with stage(symbols=("BTCUSDT", "ETHUSDT")) as here:
        command, source = await joined(here, WILD[what])
        given, spec = command.given, command.spec
        assert given is not None
        assert spec is not None
        true = here.market.minutes("ETHUSDT", int(given[0, 0]), int(given[-1, 0]) + HOUR_MS)
    assert np.isfinite(given).all()
    assert (np.diff(given[:, 0]) >= HOUR_MS).all()
    assert given[:, 2].max() <= true[:, 2].max()
    assert given[:, 3].min() >= true[:, 3].min()
    assert 0 <= given[:, 5].min() <= given[:, 5].max() <= 1e9
    spec.bars(given)  # integers hold it
    is_named = any(note.symbol == "ETHUSDT" for note in source.notes)
    assert is_named == (what not in ("times twice", "a gap"))  # what is not stated at all is no candle to name
