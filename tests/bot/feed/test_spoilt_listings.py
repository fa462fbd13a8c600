"""Rules of a market that cannot be reckoned with leave that market out, in words, and no other."""

from __future__ import annotations

from collections import Counter
from typing import Any

import ccxt
import pytest

from bot.clock import ManualClock
from bot.feed.connect import client_for
from bot.feed.listing import DEFAULT_FUNDING_MS, _interval_ms, market_of
from bot.feed.rest import Rest
from bot.feed.validate import Refused, check
from bot.feed.weights import WeightGauge
from strategies.errors import ExchangeFailed
from strategies.market import HOUR_MS, MINUTE_MS, UnsupportedMarket

LISTED: dict[str, Any] = {
    "precision": {"price": 0.01, "amount": 0.001},
    "contractSize": 1.0,
    "limits": {"amount": {"min": 0.001}, "cost": {"min": 5.0}, "leverage": {"max": 125}},
}


async def rest_of() -> Rest:
    return Rest(client_for("bybit", "futures"), exchange="bybit", clock=ManualClock(), counters=Counter())


@pytest.mark.parametrize(
    "spoilt",
    [
        {"limits": {"amount": {"min": number}, "cost": {"min": 5.0}}}
        for number in (float("nan"), float("inf"), -1.0, 1e300, "many", [1])
    ]
    + [{"limits": {"amount": {"min": 0.001}, "cost": {"min": number}}} for number in (float("inf"), 1e30, -5.0)]
    + [{"limits": {"amount": {"min": 1.0}, "leverage": {"max": float("inf")}}}, {"limits": None}, {"precision": {}}]
    + [{"precision": {"price": number, "amount": 0.001}} for number in (float("nan"), float("inf"), -0.01, 1e300)]
    + [{"contractSize": number} for number in (float("nan"), float("inf"), -1.0)],
)
async def test_rules_that_cannot_be_reckoned_with_are_refused_in_words(spoilt: dict[str, Any]) -> None:
    rest = await rest_of()
    try:
        assert market_of(rest, "BTCUSDT", LISTED, "futures", 0).min_lots == 1
        with pytest.raises(UnsupportedMarket):
            market_of(rest, "BTCUSDT", {**LISTED, **spoilt}, "futures", 0)
    finally:
        await rest.client.close()


@pytest.mark.parametrize("stated", ["0h", "-1h", "²h", "9" * 30 + "h", "", "h", "never"])
def test_a_funding_interval_that_is_none_is_the_usual_one(stated: str) -> None:
    assert _interval_ms({"interval": "1h"}, {}) == HOUR_MS
    assert _interval_ms({"interval": stated}, {}) == DEFAULT_FUNDING_MS
    assert _interval_ms(None, {"info": {"fundingInterval": stated.removesuffix("h")}}) == DEFAULT_FUNDING_MS


async def test_decimals_that_nobody_has_are_refused_at_once() -> None:
    rest = await rest_of()
    for decimals in ("10000000000000000", "-1000000000"):
        with pytest.raises(ccxt.BadResponse, match="decimals"):
            rest.client.parse_precision(decimals)
    assert rest.client.parse_precision("3") == "0.001"
    await rest.client.close()


def test_an_integer_beyond_all_floats_is_no_price() -> None:
    row = [MINUTE_MS, 100, 101, 99, 100, 10**400]
    assert check("BTCUSDT", row, step_ms=MINUTE_MS, newest_ms=MINUTE_MS) is Refused.NOT_FINITE


async def test_a_number_that_the_client_cannot_make_whole_is_an_answer_that_failed() -> None:
    rest = await rest_of()

    async def fetch_anything() -> int:
        return int(float("inf"))  # what ccxt does with a time of 1e999

    rest.client.fetch_anything = fetch_anything
    try:
        with pytest.raises(ExchangeFailed):
            await rest.ask("fetch_anything")
    finally:
        await rest.client.close()


def test_a_count_in_a_header_that_is_none_is_passed_over() -> None:
    gauge = WeightGauge("binanceusdm")
    for count in ("²", "-1", "9" * 40, "NaN", ""):
        gauge.answered({"X-MBX-USED-WEIGHT-1M": count, "X-BAPI-LIMIT-STATUS": count, "X-BAPI-LIMIT": count})
    assert not gauge._is_full()
