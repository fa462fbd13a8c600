"""What an exchange answers by REST: spoilt in body, status and headers, to everything that the feed asks for."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
from aiohttp import web
from multidict import CIMultiDict

from benchmarks.fuzz.cases import Attack, Broken
from benchmarks.fuzz.mutations import spoilt_json
from benchmarks.fuzz.soundness import require_sound
from bot.clock import SystemClock
from bot.feed import listing, tickers
from bot.feed.connect import client_for
from bot.feed.gate import Gate
from bot.feed.listing import describe_markets, list_markets
from bot.feed.rest import Rest
from bot.feed.tickers import listing_of
from bot.feed.time_keeper import measure
from bot.simulator.market.generated import DEMO_SYMBOLS, GeneratedMarket
from bot.simulator.protocol.frames import exchange_info, kline_row
from strategies.market import MINUTE_MS, Timeframe

START_MS: Final = 1_735_689_600_000
HTTP_SHARE: Final = 0.02  # of cases that go over a socket; the others are handed to the client where that would come
STATUSES: Final = (200, 200, 200, 200, 200, 400, 403, 404, 418, 429, 451, 500, 503)
HEADERS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Date", ("Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", "Mon, 31 Feb 2025 25:61:61 GMT", "", "9" * 40)),
    ("Age", ("-1", "²", "9" * 40, "1e9", "")),
    ("Retry-After", ("-5", "nan", "inf", "1e400", "Wed, 21 Oct 2515 07:28:00 GMT", "soon", "²")),
    ("X-MBX-USED-WEIGHT-1M", ("²", "-1", "NaN", "12")),
    ("X-BAPI-LIMIT-STATUS", ("²", "0")),
)

Answered = tuple[int, Mapping[str, str], bytes]


class Exchange:
    """Gives an answer to every request: a good one, or one that a generator spoils."""

    def __init__(self) -> None:
        self._documents = _documents()
        self._good = {name: json.dumps(document).encode() for name, document in self._documents.items()}
        self._rng: random.Random | None = None
        self._seed, self._odd = 0.0, ""
        self._given: dict[str, Answered] = {}

    def spoil(self, rng: random.Random) -> None:
        """Answer as a generator wants from now on; the same to the same question."""
        self._rng, self._seed, self._given = rng, rng.random(), {}
        self._odd = rng.choice(list(self._documents)) if rng.random() < 0.3 else ""

    def answer(self, path: str) -> Answered:
        """Return status, headers and body."""
        name = path.rsplit("/", 1)[1]
        name = name if name in self._documents else "*"
        if self._rng is None:
            return 200, {}, self._good[name]
        if name not in self._given:
            rng = random.Random(f"{self._seed}/{name}")
            status, headers = 200, {}
            if name == self._odd:
                header, values = rng.choice(HEADERS)
                status, headers = rng.choice(STATUSES), {header: rng.choice(values)}
            self._given[name] = (status, headers, spoilt_json(rng, self._documents[name]))
        return self._given[name]


class Wire:
    """Stands where the client's session does, and answers without a socket."""

    closed = False

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @asynccontextmanager
    async def get(self, url: Any, **_options: Any) -> AsyncIterator[Any]:
        """Answer as `aiohttp` would."""
        yield _Response(self._exchange.answer(url.path))

    post = get


class _Response:
    reason = "so"

    def __init__(self, answered: Answered) -> None:
        self.status, headers, self._body = answered
        self.headers = CIMultiDict({"Content-Type": "application/json; charset=utf-8", **headers})

    async def text(self, errors: str) -> str:
        return self._body.decode("utf-8", errors)


@asynccontextmanager
async def rest(folder: Path) -> AsyncIterator[Attack]:
    """Spoilt REST answers to everything the feed asks for."""
    exchange = Exchange()

    async def answer(request: web.Request) -> web.Response:
        status, headers, body = exchange.answer(request.path)
        return web.Response(status=status, headers=headers, body=body, content_type="application/json")

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = client_for("builtin", "futures", url=f"http://127.0.0.1:{runner.addresses[0][1]}", timeout_s=5.0)
    client.enableRateLimit = False
    listed = await client.fetch_markets()
    first = Rest(client, exchange="builtin", clock=SystemClock(), counters=Counter(), gate=Gate("builtin"))
    await list_markets(first, DEMO_SYMBOLS, "futures")
    session, wire = client.session, Wire(exchange)
    is_spoilt = [False]

    async def take(rng: random.Random) -> None:
        clock = SystemClock()
        clock.observe(START_MS + 30 * MINUTE_MS, until_ms=START_MS + 30 * MINUTE_MS)
        asked = Rest(client, exchange="builtin", clock=clock, counters=Counter(), gate=Gate("builtin"), page=20)
        if is_spoilt[0]:
            client.set_markets(listed)
        asked.names.update(first.names)
        client.session = session if rng.random() < HTTP_SHARE else wire
        exchange.spoil(rng)
        try:
            is_spoilt[0] = await _ask(rng, asked, clock)
        except Exception:
            is_spoilt[0] = True
            raise

    try:
        with patch.object(listing, "START_ATTEMPTS", 1), patch.object(tickers, "START_ATTEMPTS", 1):
            yield take  # without the pauses between attempts, which are not what is tried here
    finally:
        client.session = session
        await client.close()
        await runner.cleanup()


async def _ask(rng: random.Random, asked: Rest, clock: SystemClock) -> bool:
    """Ask for something; return whether markets were listed by it."""
    symbol = rng.choice(DEMO_SYMBOLS)
    match rng.randrange(8):
        case 0 | 1:
            page = await asked.candles(symbol, Timeframe.M1, START_MS, START_MS + 20 * MINUTE_MS)
            values = np.array([candle.values for candle in page.candles]).reshape(-1, 5)
            require_sound(values, np.ones(len(values), bool))
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
