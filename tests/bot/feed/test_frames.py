"""Frames as exchanges really send them: recorded captures, the three fast paths, and what is no candle."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import orjson
import pytest

from bot.feed.candle import ClosedCandle
from bot.feed.clients import Frame
from bot.feed.connect import client_for
from bot.feed.failures import GeoBlocked, NoSuchMarket, Throttled, retry_after, translate
from bot.feed.validate import Refused, check, fits
from strategies.market import MINUTE_MS, Market

NOW_MS = 1_700_000_040_000 // MINUTE_MS * MINUTE_MS
GOOD = [NOW_MS, "100", "110", "90", "105", "3.5"]


async def frames_of(name: str, messages: list[Any]) -> list[Frame]:
    """Return the frames that an exchange's client reads from raw messages."""
    client, frames = client_for(name, "futures"), list[Frame]()
    client.on_frame = frames.append
    socket = SimpleNamespace(url="wss://recorded", subscriptions={}, futures={})
    for message in messages:
        client.handle_message(socket, message)
    await client.close()
    return frames


async def test_recorded_binance_klines_parse_and_pass(shared_data: Path) -> None:
    recorded = (shared_data / "captures" / "binance_futures.ws.gz").read_bytes()
    lines = gzip.decompress(recorded).decode().splitlines()[1:]
    messages = [orjson.loads(line.split(": ", 1)[1]) for line in lines if "kline" in line]
    frames = await frames_of("binanceusdm", messages)
    assert len(frames) == len(messages)
    assert sum(frame.is_closed for frame in frames) == sum('"x":true' in line for line in lines) > 0
    for frame, message in zip(frames, messages, strict=True):
        kline = message["data"]["k"]
        candle = check(frame.market_id, frame.row, step_ms=MINUTE_MS, newest_ms=NOW_MS)
        assert isinstance(candle, ClosedCandle)
        assert (candle.symbol, candle.open_ms) == (kline["s"], kline["t"])
        assert candle.values == tuple(float(kline[name]) for name in "ohlcv")


async def test_bybit_tells_confirmed_candles() -> None:
    item = {"start": NOW_MS, "end": NOW_MS + 59_999, "interval": "1", "open": "100", "close": "105", "high": "110"}
    item |= {"low": "90", "volume": "3.5", "turnover": "360", "timestamp": NOW_MS + 60_001}
    messages = [
        {"topic": "kline.1.BTCUSDT", "type": "snapshot", "ts": 1, "data": [item | {"confirm": confirmed}]}
        for confirmed in (False, True)
    ]
    frames = await frames_of("bybit", messages)
    assert [(frame.market_id, frame.interval, frame.is_closed) for frame in frames] == [
        ("BTCUSDT", "1", False),
        ("BTCUSDT", "1", True),
    ]
    assert list(frames[1].row) == GOOD


async def test_okx_tells_confirmed_candles_in_base_volume() -> None:
    row = [str(NOW_MS), "100", "110", "90", "105", "350", "3.5", "360", "1"]
    message = {"arg": {"channel": "candle1m", "instId": "BTC-USDT-SWAP"}, "data": [row]}
    (frame,) = await frames_of("okx", [message])
    assert (frame.market_id, frame.interval, frame.is_closed) == ("BTC-USDT-SWAP", "1m", True)
    candle = check("BTCUSDT", frame.row, step_ms=MINUTE_MS, newest_ms=NOW_MS)
    assert isinstance(candle, ClosedCandle)
    assert candle.values == (100.0, 110.0, 90.0, 105.0, 3.5)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([None] * 6, Refused.NOT_A_CANDLE),
        ([NOW_MS, "<html>", "1", "1", "1", "1"], Refused.NOT_A_CANDLE),
        (GOOD[:5], Refused.NOT_A_CANDLE),
        ([], Refused.NOT_A_CANDLE),
        ([True, 1, 1, 1, 1, 1], Refused.NOT_A_CANDLE),
        ([NOW_MS, "NaN", "110", "90", "105", "1"], Refused.NOT_FINITE),
        ([NOW_MS, 100, float("inf"), 90, 105, 1], Refused.NOT_FINITE),
        ([NOW_MS, -100, 110, 90, 105, 1], Refused.NOT_POSITIVE),
        ([NOW_MS, 100, 110, 0, 105, 1], Refused.NOT_POSITIVE),
        ([NOW_MS, 100, 110, 90, 105, -1], Refused.NOT_POSITIVE),
        ([NOW_MS, 100, 104, 105, 105, 1], Refused.OUT_OF_ORDER),
        ([NOW_MS + 1, 100, 110, 90, 105, 1], Refused.OFF_GRID),
        ([NOW_MS + MINUTE_MS, 100, 110, 90, 105, 1], Refused.FUTURE),
    ],
)
def test_what_is_no_closed_candle_is_refused(row: list[Any], reason: Refused) -> None:
    assert check("BTCUSDT", row, step_ms=MINUTE_MS, newest_ms=NOW_MS) is reason


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ([9853.0, 9860.0, 9854.0, 9858.0, 12.0], (9853.0, 9860.0, 9853.0, 9858.0, 12.0)),  # BitMEX, 2018-05-05
        ([100, 104, 90, 105, 1], (100.0, 105.0, 90.0, 105.0, 1.0)),
    ],
)
def test_a_range_that_leaves_its_own_open_or_close_out_is_widened_and_marked(
    row: list[float], values: tuple[float, ...]
) -> None:
    candle = check("XBTUSDT", [NOW_MS, *row], step_ms=MINUTE_MS, newest_ms=NOW_MS)
    assert isinstance(candle, ClosedCandle)
    assert candle.values == values
    assert candle.is_repaired


@pytest.mark.parametrize("values", [(1e300,) * 4 + (1.0,), (100.0,) * 4 + (1e16,), (1e-4,) * 4 + (1.0,)])
def test_what_no_integer_holds_does_not_fit_a_market(values: tuple[float, float, float, float, float]) -> None:
    market = Market(exchange="x", symbol="BTCUSDT", tick=Decimal("0.01"), lot=Decimal("0.001"))
    assert not fits(market, values)
    assert fits(market, (100.0, 101.0, 99.0, 100.5, 12.0))


def test_a_flat_candle_without_trades_is_a_candle() -> None:
    candle = check("BTCUSDT", [NOW_MS, 1, 1, 1, 1, 0], step_ms=MINUTE_MS, newest_ms=NOW_MS)
    assert isinstance(candle, ClosedCandle)


async def test_a_frame_the_handlers_choke_on_does_not_end_the_stream() -> None:
    client, garbage = client_for("binanceusdm", "futures"), list[str]()
    client.on_garbage = garbage.append
    client.asyncio_loop = None
    client.open()
    socket = client.client("wss://somewhere")
    text = SimpleNamespace(type=1, data='{"e":"kline","k":{"t":1}}')
    broken = SimpleNamespace(type=1, data='{"e":"kline",')
    for message in (text, broken):
        socket.handle_message(message)
    assert garbage == ["wss://somewhere"] * 2
    await client.close()


def test_foreign_errors_become_ours() -> None:
    def ours(error: Exception, status: int = 0, **headers: str) -> Exception:
        return translate(error, exchange="binanceusdm", status=status, headers=headers)

    blocked = ours(ccxt.ExchangeNotAvailable("451"), 451)
    assert isinstance(blocked, GeoBlocked)
    assert "bybit" in str(blocked)
    assert "binanceusdm, " not in str(blocked)
    throttled = ours(ccxt.DDoSProtection("429"), 429, **{"Retry-After": "17"})
    assert isinstance(throttled, Throttled)
    assert throttled.retry_after_s == 17
    assert isinstance(ours(ccxt.BadSymbol("X")), NoSuchMarket)
    assert "in time" in str(ours(ccxt.RequestTimeout("slow")))


def test_retry_after_is_bounded_by_a_week_and_read_as_a_date_too() -> None:
    now_ms = 1_792_567_620_000  # 2026-10-21 07:27:00
    assert retry_after({"retry-after": "1e9"}) == 7 * 86_400
    assert retry_after({"Retry-After": "7200"}) == 7200
    assert retry_after({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, now_ms=now_ms) == 60
    assert retry_after({"Retry-After": "soon"}) == retry_after({}) == 5


@pytest.mark.parametrize(
    ("status", "text", "headers", "wait_s"),
    [
        (418, "IP(203.0.113.7) banned until {end}. Please use the websocket", {}, 3600),
        (429, "IP banned until {end}", {"Retry-After": "7200"}, 7200),
        (418, "IP banned until later", {}, 120),
        (418, "IP banned until later", {"Retry-After": "1"}, 1),
        (418, "banned until 1735689600000", {}, 120),  # over by our clock: which may be wrong
        (429, "too many requests", {}, 5),
    ],
)
def test_a_ban_is_waited_for_as_long_as_header_or_body_say(
    status: int, text: str, headers: dict[str, str], wait_s: float
) -> None:
    now_ms = 1_800_000_000_000
    body = text.replace("{end}", str(now_ms + 3_600_000))
    error = ccxt.DDoSProtection(f"binanceusdm {status} {body}")
    failure = translate(error, exchange="binanceusdm", status=status, headers=headers, now_ms=now_ms)
    assert isinstance(failure, Throttled)
    assert failure.retry_after_s == wait_s


def test_only_words_or_451_are_a_geo_block() -> None:
    def ours(status: int, text: str) -> Exception:
        error = ccxt.ExchangeNotAvailable(text)
        return translate(error, exchange="binance", status=status, headers={}, body=text)

    assert isinstance(ours(451, ""), GeoBlocked)
    assert isinstance(ours(403, "Service unavailable from a restricted location"), GeoBlocked)
    assert not isinstance(ours(403, "<html>403 Forbidden, Request blocked by the firewall</html>"), GeoBlocked)
