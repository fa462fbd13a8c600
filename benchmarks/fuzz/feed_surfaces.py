"""What an exchange sends: websocket frames through the real ccxt.pro clients, REST answers through real requests.

Whatever was sent, a candle that is let in has finite positive prices in their order on the grid, and not one of
the feed's own parts raises.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import numpy as np
from aiohttp import WSMessage, WSMsgType, web

from benchmarks.fuzz.cases import Attack, Broken
from benchmarks.fuzz.mutations import spoilt_bytes, spoilt_json, spoilt_value
from bot.clock import SystemClock
from bot.feed import listing, tickers
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.clients import FastKlines
from bot.feed.connect import client_for
from bot.feed.connection import Connection
from bot.feed.gate import Gate
from bot.feed.listing import describe_markets, list_markets
from bot.feed.live import LiveFeed
from bot.feed.rest import Rest
from bot.feed.streams import Streams
from bot.feed.tickers import listing_of
from bot.feed.time_keeper import measure
from bot.simulator.market.generated import DEMO_SYMBOLS, GeneratedMarket
from bot.simulator.protocol.frames import exchange_info, kline_row
from storage.config.market import FeedSettings
from strategies.market import MINUTE_MS, Market, Timeframe

START_MS: Final = 1_735_689_600_000
RENEW_EVERY: Final = 400  # cases after which the buffer is new: a wild candle must not hold all later ones up
STATUSES: Final = (200, 200, 200, 200, 200, 400, 403, 404, 418, 429, 451, 500, 503)
HEADERS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Date", ("Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", "Mon, 31 Feb 2025 25:61:61 GMT", "", "9" * 40)),
    ("Age", ("-1", "²", "9" * 40, "1e9", "")),
    ("Retry-After", ("-5", "nan", "inf", "1e400", "Wed, 21 Oct 2515 07:28:00 GMT", "soon", "²")),
    ("X-MBX-USED-WEIGHT-1M", ("²", "-1", "NaN", "12")),
    ("X-BAPI-LIMIT-STATUS", ("²", "0")),
)


class Frames:
    """One exchange's client with the feed behind it, fed by raw messages."""

    def __init__(self, client: Any, name: str, markets: list[Market], names: dict[str, str]) -> None:
        self.client, self._name, self._markets, self._names = client, name, markets, names
        self.garbage = 0
        self.renew()

    def renew(self) -> None:
        """Begin anew behind the same minute."""
        self.clock = SystemClock()
        self.clock.observe(START_MS + 30 * MINUTE_MS, until_ms=START_MS + 30 * MINUTE_MS)
        counters: Counter[str] = Counter()
        self.buffer = CandleBuffer(
            self._markets,
            after_ms=START_MS - MINUTE_MS,
            settled_ms=None,
            counters=counters,
            revisions=deque(maxlen=100),
            wild_move=FeedSettings().wild_move,
        )
        rest = Rest(self.client, exchange=self._name, clock=self.clock, counters=counters, gate=Gate(self._name))
        rest.names.update(self._names)
        streams = Streams(
            rest, self.clock, FeedSettings(), counters, lambda _name, job: job.close()
        )  # nothing is dialled
        connection = SimpleNamespace(
            rest=rest, streams=streams, counters=counters, slots=asyncio.Semaphore(), keeper=None
        )
        self.live = LiveFeed(
            candle_buffer=self.buffer,
            clock=self.clock,
            settings=FeedSettings(),
            connection=cast(Connection, connection),
            on_time=None,
            on_health=lambda _ready, _last: None,
        )
        streams.join(self.live, [*self._names.values()])

    def take(self, raw: bytes, *, is_binary: bool) -> None:
        """Hand a message to the socket, as the library does, and let whatever minutes are whole leave."""
        url = "ws://fuzz/0"
        socket = self.client.client(url)
        kind, data = (WSMsgType.BINARY, raw) if is_binary else (WSMsgType.TEXT, raw.decode("utf-8", "replace"))
        socket.handle_message(WSMessage(kind, data, None))
        barrier = self.buffer.barrier
        while not barrier.waiting().any() and barrier.has_any():
            minute = barrier.release()
            self.buffer.left()
            _require_sound(minute.bars, minute.present)

    def take_row(self, name: str, row: Any) -> None:
        """Hand a row of the generic path over."""
        self.live.on_row(name, row)


@asynccontextmanager
async def frames(folder: Path) -> AsyncIterator[Attack]:
    """Spoilt websocket messages of Binance, Bybit and OKX, and rows of the generic path."""
    desks = [await _desk(name) for name in ("binanceusdm", "bybit", "okx")]
    others = [raw for desk in desks for raw in (json.dumps(_message(desk, random.Random(1))).encode(),)]
    played = [0]

    def take(rng: random.Random) -> None:
        desk = rng.choice(desks)
        played[0] += 1
        if played[0] % RENEW_EVERY == 0:
            for part in desks:
                part.renew()
        message = _message(desk, rng)
        if rng.random() < 0.1:
            row = spoilt_value(rng, [START_MS + MINUTE_MS, 100.0, 101.0, 99.0, 100.5, 3.0])
            desk.take_row(next(iter(desk.live._canonical)), row)
            return
        raw = spoilt_json(rng, message)
        if rng.random() < 0.05:
            raw = spoilt_bytes(rng, raw, others)
        desk.take(raw, is_binary=rng.random() < 0.05)

    try:
        yield take
    finally:
        for desk in desks:
            await desk.client.close()


@asynccontextmanager
async def rest(folder: Path) -> AsyncIterator[Attack]:
    """Spoilt REST answers, over HTTP, to everything the feed asks for."""
    prepared: dict[str, tuple[int, dict[str, str], bytes]] = {}

    async def answer(request: web.Request) -> web.Response:
        tail = request.path.rsplit("/", 1)[1]
        status, headers, body = prepared.get(tail) or prepared["*"]
        return web.Response(status=status, headers=headers, body=body, content_type="application/json")

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = client_for("builtin", "futures", url=f"http://127.0.0.1:{runner.addresses[0][1]}", timeout_s=5.0)
    client.enableRateLimit = False
    for module in (listing, tickers):
        vars(module)["START_ATTEMPTS"] = 1  # the pauses between attempts are not what is tried here
    good = _documents()
    names: dict[str, str] = {}
    listed: list[Any] = []
    is_spoilt = [False]

    def prepare(rng: random.Random | None) -> None:
        for name, document in good.items():
            body = json.dumps(document).encode() if rng is None else spoilt_json(rng, document)
            prepared[name] = (200, {}, body)
        if rng is not None and rng.random() < 0.3:
            header, values = rng.choice(HEADERS)
            name = rng.choice(list(good))
            prepared[name] = (rng.choice(STATUSES), {header: rng.choice(values)}, prepared[name][2])

    async def take(rng: random.Random) -> None:
        clock = SystemClock()
        clock.observe(START_MS + 30 * MINUTE_MS, until_ms=START_MS + 30 * MINUTE_MS)
        asked = Rest(client, exchange="builtin", clock=clock, counters=Counter(), gate=Gate("builtin"), page=20)
        if is_spoilt[0]:
            client.set_markets(listed)
        asked.names.update(names)
        prepare(rng)
        try:
            is_spoilt[0] = await _ask(rng, asked, clock)
        except Exception:
            is_spoilt[0] = True
            raise

    prepare(None)
    listed += await client.fetch_markets()
    first = Rest(client, exchange="builtin", clock=SystemClock(), counters=Counter(), gate=Gate("builtin"))
    await list_markets(first, DEMO_SYMBOLS, "futures")
    names.update(first.names)
    try:
        yield take
    finally:
        await client.close()
        await runner.cleanup()


async def _ask(rng: random.Random, asked: Rest, clock: SystemClock) -> bool:
    """Ask for something; return whether markets were listed by it."""
    symbol = rng.choice(DEMO_SYMBOLS)
    match rng.randrange(8):
        case 0 | 1:
            page = await asked.candles(symbol, Timeframe.M1, START_MS, START_MS + 20 * MINUTE_MS)
            values = np.array([candle.values for candle in page.candles]).reshape(-1, 5)
            _require_sound(values, np.ones(len(values), bool))
            if any(candle.open_ms % MINUTE_MS for candle in page.candles):
                raise Broken("a candle off the minute's grid was let in")
        case 2:
            for _settled_ms, rate_e8 in await asked.funding(symbol, START_MS):
                if not abs(rate_e8) < 10**8:
                    raise Broken(f"a funding rate of {rate_e8} was let in")
        case 3:
            await asked.funding_of_all(START_MS)
        case 4:
            await describe_markets(asked, DEMO_SYMBOLS, "futures")
            return True
        case 5:
            await listing_of(asked, "futures")
            return True
        case 6:
            for _stamp_ms, price, amount, _id in await asked.trades(symbol, START_MS, 20):
                if not (0 < price < math.inf and 0 < amount < math.inf):
                    raise Broken(f"a trade of {amount} at {price} was let in")
        case 7:
            before_ms = clock.now_ms()
            try:
                await asked.mark_candle(symbol, START_MS)
                if not asked.gate.left_s():  # else the exchange wants to be left alone, and is
                    await measure(asked, clock)
            finally:
                if abs(clock.now_ms() - before_ms) > 10_000:
                    raise Broken(f"one answer moved the exchange's time by {clock.now_ms() - before_ms} ms")
    return False


def _require_sound(bars: np.ndarray, present: np.ndarray) -> None:
    for bar in bars[present]:
        opening, high, low, close, volume = (float(value) for value in bar)
        is_sound = 0 < low <= min(opening, close) and max(opening, close) <= high < math.inf and 0 <= volume < math.inf
        if not is_sound:
            raise Broken(f"a candle that is none was let in: {bar.tolist()}")


async def _desk(name: str) -> Frames:
    client = client_for(name, "futures")
    made = GeneratedMarket(5, DEMO_SYMBOLS, start_ms=START_MS)
    markets = [made.instruments[symbol].market for symbol in DEMO_SYMBOLS]
    names = {}
    listed = []
    for symbol in DEMO_SYMBOLS:
        base = symbol.removesuffix("USDT")
        own = {"okx": f"{base}-USDT-SWAP"}.get(name, symbol)
        names[symbol] = f"{base}/USDT:USDT"
        rules = {"base": base, "quote": "USDT", "settle": "USDT", "type": "swap", "swap": True, "linear": True}
        listed.append(
            {"id": own, "symbol": names[symbol], "contractSize": 1.0, "contract": True, "spot": False, **rules}
        )
    client.set_markets(listed)
    assert isinstance(client, FastKlines)
    return Frames(client, name, markets, names)


def _message(desk: Frames, rng: random.Random) -> Any:
    """Return a good message of an exchange: the candle its market delivers next, or one nearby, closed or not."""
    symbol = rng.choice(DEMO_SYMBOLS)
    index = DEMO_SYMBOLS.index(symbol)
    open_ms = int(desk.buffer.barrier.progress_ms[index]) + MINUTE_MS * rng.choice((0, 0, 0, 1, -1, 5))
    price = 100.0 * (1 + index)
    o, h, low, c, v = (f"{price * (1 + move):.2f}" for move in (0, 0.001, -0.001, 0.0005, -0.9))
    closed = rng.random() < 0.7
    match desk._name:
        case "binanceusdm":
            kline = {"t": open_ms, "T": open_ms + 59_999, "s": symbol, "i": "1m", "o": o, "c": c, "h": h, "l": low}
            kline |= {"v": v, "n": 3, "x": closed, "q": "1", "V": "1", "Q": "1", "B": "0"}
            return {"e": "kline", "E": open_ms + MINUTE_MS + 20, "s": symbol, "k": kline}
        case "bybit":
            item = {"start": open_ms, "end": open_ms + 59_999, "interval": "1", "open": o, "close": c, "high": h}
            item |= {"low": low, "volume": v, "turnover": "1", "confirm": closed, "timestamp": open_ms + MINUTE_MS}
            return {"topic": f"kline.1.{symbol}", "type": "snapshot", "ts": open_ms + MINUTE_MS + 20, "data": [item]}
    row = [str(open_ms), o, h, low, c, v, v, "1", "1" if closed else "0"]
    own = f"{symbol.removesuffix('USDT')}-USDT-SWAP"
    return {"arg": {"channel": "candle1m", "instId": own}, "data": [row]}


def _documents() -> dict[str, Any]:
    """Return a good answer to every request, by the end of its path."""
    made = GeneratedMarket(5, DEMO_SYMBOLS, start_ms=START_MS)
    instruments = [made.instruments[symbol] for symbol in DEMO_SYMBOLS]
    first = instruments[0]
    candles = made.minutes(first.symbol, START_MS, START_MS + 21 * MINUTE_MS)
    rate = {"fundingTime": START_MS, "fundingRate": "0.0001", "markPrice": "100"}
    return {
        "exchangeInfo": exchange_info(instruments, START_MS),
        "klines": [kline_row(first, MINUTE_MS, candle) for candle in candles],
        "markPriceKlines": [kline_row(first, MINUTE_MS, candle) for candle in candles],
        "fundingRate": [{"symbol": part.symbol, **rate} for part in instruments],
        "fundingInfo": [{"symbol": part.symbol, "fundingIntervalHours": 8} for part in instruments],
        "premiumIndex": {"symbol": first.symbol, "markPrice": "100", "lastFundingRate": "0.0001", "time": START_MS},
        "aggTrades": [{"a": n, "p": "100", "q": "1", "f": n, "l": n, "T": START_MS + n, "m": True} for n in range(5)],
        "time": {"serverTime": START_MS + 30 * MINUTE_MS},
        "24hr": [{"symbol": part.symbol, "lastPrice": "1", "quoteVolume": "5", "openTime": 1} for part in instruments],
        "*": {},
    }
