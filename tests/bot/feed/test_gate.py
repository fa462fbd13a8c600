"""Bans outlive the process, messages keep to the bytes that an exchange reads, and odd names are real."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.clock import SystemClock, wall_ms
from bot.feed.connect import client_for
from bot.feed.failures import Throttled
from bot.feed.gate import Gate
from bot.feed.listing import list_markets
from bot.feed.rest import Rest
from storage.config.tree import parse
from strategies.market import DAY_MS, typed_symbol


async def test_a_ban_is_respected_after_a_restart(tmp_path: Path) -> None:
    Gate("binanceusdm", tmp_path).bar(Throttled("banned", 7_200))
    assert Gate("binanceusdm", tmp_path).left_s() == pytest.approx(7_200, abs=5)
    assert Gate("bybit", tmp_path).left_s() == 0
    assert Gate("binanceusdm").left_s() == 0


async def test_a_damaged_note_of_a_ban_bars_nobody(tmp_path: Path) -> None:
    (tmp_path / "okx-ban.json").write_text("{")
    assert Gate("okx", tmp_path).left_s() == 0


async def test_a_short_pause_leaves_no_file(tmp_path: Path) -> None:
    gate = Gate("okx", tmp_path)
    gate.bar(Throttled("slow down", 2))
    assert gate.left_s() > 1
    assert Gate("okx", tmp_path).left_s() == 0


@pytest.mark.parametrize(("name", "kind"), [("binance", "spot"), ("bybit", "futures"), ("okx", "futures")])
async def test_no_subscription_is_longer_than_the_exchange_reads(name: str, kind: Any) -> None:
    client = client_for(name, kind)
    ids = [f"币安人生{number:03d}USDT" for number in range(200)]
    chunks = list(client._messages(ids, "1m"))
    for chunk in chunks:
        topics, request, _ = client._request("wss://x", chunk, "1m")
        assert len(topics) == len(chunk) <= client.chunk
        assert len(orjson.dumps(request)) < 4_096
    assert [market_id for chunk in chunks for market_id in chunk] == ids
    await client.close()


@pytest.mark.parametrize(
    ("exchange", "symbol"),
    [
        ("binanceusdm", "币安人生USDT"),
        ("hyperliquid", "kPEPEUSDC"),
        ("kraken", "AAPLxUSD"),
        ("binanceusdm", "1000PEPEUSDT"),
        ("binanceusdm", "4USDT"),
    ],
)
def test_a_listed_market_can_be_configured(exchange: str, symbol: str) -> None:
    environment = {"SIGMA_EXCHANGE__NAME": exchange, "SIGMA_EXCHANGE__SYMBOLS": symbol}
    assert parse("", environment).exchange.symbols == (symbol,)


def test_what_a_person_types_keeps_its_capitals() -> None:
    assert [typed_symbol(text) for text in ("btcusdt", "BTCUSDT", "kPEPEUSDC", " AAPLxUSD", "币安人生usdt")] == [
        "BTCUSDT",
        "BTCUSDT",
        "kPEPEUSDC",
        "AAPLxUSD",
        "币安人生USDT",
    ]


async def test_a_market_is_found_whichever_way_its_name_is_capitalised() -> None:
    client = client_for("kraken", "spot")
    listed = {"id": "AAPLxUSD", "symbol": "AAPLX/USD", "base": "AAPLX", "quote": "USD", "type": "spot", "spot": True}
    limits = {"amount": {"min": 0.001}, "cost": {"min": 5.0}}
    listed |= {"active": True, "precision": {"price": 0.01, "amount": 0.001}, "limits": limits}
    client.set_markets([client.safe_market_structure(listed)])
    rest = Rest(client, exchange="kraken", clock=SystemClock(), counters=Counter())
    (market,) = await list_markets(rest, ["AAPLxUSD"], "spot")
    assert market.symbol == "AAPLxUSD"
    assert rest.names == {"AAPLxUSD": "AAPLX/USD"}
    await client.close()


async def test_a_clock_that_is_set_back_makes_no_ban_longer_than_it_was_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Gate("bybit", tmp_path).bar(Throttled("slow down", 120.0))
    now_ms = wall_ms()
    for step_ms, least_s, most_s in ((-DAY_MS, 100.0, 120.0), (60_000, 40.0, 60.0), (DAY_MS, 0.0, 0.0)):
        monkeypatch.setattr("bot.feed.gate.wall_ms", lambda step_ms=step_ms: now_ms + step_ms)
        assert least_s <= Gate("bybit", tmp_path).left_s() <= most_s


SPOILT = [b"", b"[]", b"7", b'{"until_ms": null}', b'{"seconds": []}']


@pytest.mark.parametrize("content", SPOILT)
async def test_a_ban_that_cannot_be_read_bars_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bybit-ban.json").write_bytes(content)
    assert Gate("bybit", tmp_path).left_s() == 0
