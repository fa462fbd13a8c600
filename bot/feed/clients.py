"""ccxt.pro clients that keep the exchange's *closed* flag.

ccxt drops the flag (binance `k.x`, bybit `confirm`, okx element 8), mutates the rows it hands out, and loses bursts
when many markets are watched together. These subclasses hook the handler that sees every frame, copy what it says at
once, and subscribe with one list per socket under a sentinel that never resolves: the await raises exactly when the
socket is lost. They lean on ccxt internals, hence on the pinned version; the feed's tests run against it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Protocol

import ccxt
from ccxt import pro

from bot.clock import steady_ms
from bot.feed.steady import Steady

NEVER = "__never__"  # a message hash no frame has
MESSAGE_FRAME = 200  # bytes of a SUBSCRIBE message beside its topics, generously
DATE_STEP_MS = 1_000  # a Date header counts whole seconds
LONGEST_BODY = 2_000
MOST_DECIMALS = 40
LONGEST_AGE = 9  # digits of an Age header: seconds, and RFC 9111 ends it at 2^31
LATEST_STAMP_MS = 10**14  # year 5138; what is later is no time
FRAME_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, ccxt.BaseError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One kline update as the exchange sent it, not validated.

    Attributes:
        socket: URL of the connection it came through.
        market_id: the exchange's own name of the market.
        interval: the exchange's own name of the timeframe.
        row: open_ms, open, high, low, close, volume; numbers or texts.
        is_closed: the exchange says that the candle is final.
        event_ms: the exchange's time when it sent it; None where it does not say.
    """

    socket: str
    market_id: str
    interval: str
    row: Sequence[object]
    is_closed: bool
    event_ms: int | None = None


class OnStamp(Protocol):
    """Told every time that the exchange states: see `SystemClock.observe`."""

    def __call__(self, stamp_ms: int, *, until_ms: int | None = None, asked_ms: int | None = None) -> None: ...


_asked_ms: ContextVar[int] = ContextVar("asked_ms")  # of the request that this task waits for


def note_asked() -> None:
    """Note that this task sends a request now; an answer's time is judged by it."""
    _asked_ms.set(steady_ms())


class WatchedClient(Steady):
    """Mixin of every client: reads the times and the status of answers, and survives frames its handlers choke on."""

    last_status = 0
    last_body = ""

    def __init__(self, config: dict[str, Any]) -> None:
        self.on_frame: Callable[[Frame], None] = lambda frame: None
        self.on_garbage: Callable[[str], None] = lambda url: None
        self.on_stamp: OnStamp | None = None
        super().__init__(config)

    async def fetch(self, *args: Any, **kwargs: Any) -> Any:
        self.last_status, self.last_body = 0, ""
        note_asked()
        return await super().fetch(*args, **kwargs)  # type: ignore[misc]

    def asked_ms(self) -> int | None:
        """Return the steady time at which this task's latest request was sent."""
        return _asked_ms.get(None)

    def on_rest_response(
        self, code: int, reason: Any, url: Any, method: Any, headers: Any, body: Any, *rest: Any
    ) -> Any:
        self.last_status, self.last_body = code, str(body)[:LONGEST_BODY]
        stamp_ms = date_ms(headers or {})
        if stamp_ms is not None and self.on_stamp is not None:
            self.on_stamp(stamp_ms, until_ms=stamp_ms + DATE_STEP_MS, asked_ms=_asked_ms.get(None))
        return super().on_rest_response(code, reason, url, method, headers, body, *rest)  # type: ignore[misc]

    def parse_precision(self, precision: Any) -> Any:
        """Refuse a number of decimals that nobody has: ccxt counts up to it, digit by digit."""
        if precision is not None and abs(int(precision)) > MOST_DECIMALS:
            raise ccxt.BadResponse(f"{precision} decimals are stated for a price or an amount")
        return super().parse_precision(precision)  # type: ignore[misc]

    def client(self, url: str) -> Any:
        client = super().client(url)  # type: ignore[misc]
        if "handle_message" not in vars(client):
            client.handle_message = partial(self._guard, url, client.handle_message)
        return client

    def drop(self, url: str, why: str) -> None:
        """Break a socket off, so that whoever waits on it gets an error and the next call dials anew."""
        client = self.clients.pop(url, None)  # type: ignore[attr-defined]
        if client is not None:
            client.on_error(ccxt.RequestTimeout(why))

    def _guard(self, url: str, handle: Callable[[Any], None], message: Any) -> None:
        # ccxt's receive loop ends without a word when a handler raises
        try:
            handle(message)
        except FRAME_ERRORS:
            self.on_garbage(url)


class FastKlines(WatchedClient):
    """Mixin of the clients with the closed-flag fast path."""

    chunk = 200  # topics per SUBSCRIBE message
    longest_message = 4_000  # bytes; Binance falls silent above 4,096
    linear = True

    def hold(self, symbols: Sequence[str], timeframe: str, socket: int) -> tuple[str, asyncio.Future[Any]]:
        """Subscribe to the klines of `symbols` (ccxt's names) on socket number `socket`.

        Returns:
            The socket's URL and a future that never resolves; it raises when the socket is lost.
        """
        url = self._socket_url(socket)
        waits = []
        for ids in self._messages([self.market(symbol)["id"] for symbol in symbols], timeframe):  # type: ignore[attr-defined]
            topics, request, request_id = self._request(url, ids, timeframe)
            subscription = {"id": request_id}
            waits.append(self.watch_multiple(url, [NEVER], request, topics, subscription))  # type: ignore[attr-defined]
        return url, asyncio.gather(*waits)

    def _messages(self, ids: Sequence[str], timeframe: str) -> Iterator[list[str]]:
        """Cut the markets so that no message has more topics or bytes than the exchange reads."""
        cost = {market_id: _bytes(self._topic(market_id, timeframe)) for market_id in ids}
        chosen: list[str] = []
        room = self.longest_message - MESSAGE_FRAME
        for market_id in ids:
            if chosen and (len(chosen) >= self.chunk or cost[market_id] > room):
                yield chosen
                chosen, room = [], self.longest_message - MESSAGE_FRAME
            chosen.append(market_id)
            room -= cost[market_id]
        if chosen:
            yield chosen

    def _topic(self, market_id: str, timeframe: str) -> Any:
        raise TypeError(f"{type(self).__name__} does not say how it names a stream")

    def _socket_url(self, socket: int) -> str:
        raise TypeError(f"{type(self).__name__} does not say where its sockets are")

    def _request(self, url: str, ids: Sequence[str], timeframe: str) -> tuple[list[str], dict[str, Any], Any]:
        raise TypeError(f"{type(self).__name__} does not say how it subscribes")


class _Binance(FastKlines):
    def handle_ohlcv(self, client: Any, message: dict[str, Any]) -> None:
        kline = message["k"]
        row = (kline["t"], kline["o"], kline["h"], kline["l"], kline["c"], kline["v"])
        self.on_frame(
            Frame(
                socket=client.url,
                market_id=kline["s"],
                interval=kline["i"],
                row=row,
                is_closed=kline["x"] is True,
                event_ms=_stamp(message.get("E")),
            )
        )

    def _topic(self, market_id: str, timeframe: str) -> Any:
        return f"{market_id.lower()}@kline_{timeframe}"

    def _socket_url(self, socket: int) -> str:
        return f"{self.get_ws_url('linear' if self.linear else 'spot', 'market')}/{socket}"  # type: ignore[attr-defined]

    def _request(self, url: str, ids: Sequence[str], timeframe: str) -> tuple[list[str], dict[str, Any], Any]:
        topics = [self._topic(market_id, timeframe) for market_id in ids]
        request_id = self.request_id(url)  # type: ignore[attr-defined]
        return topics, {"method": "SUBSCRIBE", "params": topics, "id": request_id}, request_id


class BinanceFutures(_Binance, pro.binanceusdm):  # type: ignore[misc]
    """USDT-M futures of Binance, and the built-in exchange, which speaks the same."""


class BinanceSpot(_Binance, pro.binance):  # type: ignore[misc]
    """Spot markets of Binance."""

    linear = False


class Bybit(FastKlines, pro.bybit):  # type: ignore[misc]
    """Linear futures of Bybit."""

    def handle_ohlcv(self, client: Any, message: dict[str, Any]) -> None:
        _, interval, market_id = message["topic"].split(".")
        sent_ms = _stamp(message.get("ts"))
        for item in message["data"]:
            row = (item["start"], item["open"], item["high"], item["low"], item["close"], item["volume"])
            closed = item["confirm"] is True
            frame = Frame(socket=client.url, market_id=market_id, interval=interval, row=row, is_closed=closed)
            self.on_frame(replace(frame, event_ms=sent_ms))

    def _topic(self, market_id: str, timeframe: str) -> Any:
        return f"kline.{self.timeframes[timeframe]}.{market_id}"

    def _socket_url(self, socket: int) -> str:
        base = self.urls["api"]["ws"]["public"]["linear" if self.linear else "spot"]
        return _numbered(self.implode_hostname(base), socket)

    def _request(self, url: str, ids: Sequence[str], timeframe: str) -> tuple[list[str], dict[str, Any], Any]:
        topics = [self._topic(market_id, timeframe) for market_id in ids]
        request_id = self.request_id()
        return topics, {"op": "subscribe", "req_id": request_id, "args": topics}, request_id


class BybitSpot(Bybit):
    """Spot markets of Bybit, which take ten topics a message."""

    chunk = 10
    linear = False


class Okx(FastKlines, pro.okx):  # type: ignore[misc]
    """Linear swaps and spot markets of OKX; its volumes are counted in base currency, as ccxt parses them."""

    chunk = 100

    def handle_ohlcv(self, client: Any, message: dict[str, Any]) -> None:
        market_id = message["arg"]["instId"]
        interval = message["arg"]["channel"].removeprefix("candle")
        market = self.safe_market(market_id)
        for item in message["data"]:
            row = self.parse_ohlcv(item, market)
            closed = item[8] == "1"
            self.on_frame(Frame(socket=client.url, market_id=market_id, interval=interval, row=row, is_closed=closed))

    def _topic(self, market_id: str, timeframe: str) -> Any:
        return {"channel": f"candle{self.timeframes[timeframe]}", "instId": market_id}

    def _socket_url(self, socket: int) -> str:
        return _numbered(self.get_url("candle", "public"), socket)

    def _request(self, url: str, ids: Sequence[str], timeframe: str) -> tuple[list[str], dict[str, Any], Any]:
        channel = f"candle{self.timeframes[timeframe]}"
        arguments = [self._topic(market_id, timeframe) for market_id in ids]
        return [f"{channel}:{market_id}" for market_id in ids], {"op": "subscribe", "args": arguments}, None


def date_ms(headers: Mapping[str, Any]) -> int | None:
    """Return the time that an answer's Date header states, its age in caches added; None where it has none."""
    lower = {str(name).lower(): str(value) for name, value in headers.items()}
    try:
        stamp_ms = round(parsedate_to_datetime(lower["date"]).timestamp() * 1000)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    age = lower.get("age", "")
    is_age = age.isascii() and age.isdecimal() and len(age) <= LONGEST_AGE
    return stamp_ms + (int(age) * 1000 if is_age else 0)


def _stamp(value: object) -> int | None:
    is_time = isinstance(value, int) and not isinstance(value, bool) and 0 < value < LATEST_STAMP_MS
    return value if is_time and isinstance(value, int) else None


def _bytes(topic: Any) -> int:
    """Return what a topic costs in a message, whichever way its letters are written."""
    return max(len(json.dumps(topic)), len(json.dumps(topic, ensure_ascii=False).encode())) + 1


def _numbered(url: str, socket: int) -> str:
    """Return an URL of its own for every socket, for ccxt keeps one connection per URL."""
    return url if socket == 0 else f"{url}{'&' if '?' in url else '?'}socket={socket}"
