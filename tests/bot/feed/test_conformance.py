"""The table of exchanges is what running their classes shows; a few are run again here."""

from __future__ import annotations

import ccxt
import orjson
import pytest
from ccxt import pro

from bot.feed.conformance import TABLE, probe, stored_table


def test_the_table_was_made_with_the_ccxt_that_is_installed() -> None:
    assert orjson.loads(TABLE.read_bytes())["ccxt"] == ccxt.__version__


def test_every_exchange_that_watches_candles_is_in_it() -> None:
    in_table = {one.exchange for one in stored_table()}
    assert len(in_table) > 50
    assert in_table <= set(pro.exchanges)


@pytest.mark.parametrize("name", ["cryptocom", "kraken", "upbit"])
async def test_running_a_class_shows_what_the_table_says(name: str) -> None:
    kept = {(one.exchange, one.market): one for one in stored_table()}
    found = await probe(name, "spot")
    assert found == kept[(name, "spot")]


def test_exchanges_without_a_time_of_their_own_are_usable() -> None:
    without = {one.exchange for one in stored_table() if one.time == "Date header" and one.usable}
    assert without >= {"upbit", "cryptocom", "phemex", "gemini", "hitbtc", "bitfinex"}
