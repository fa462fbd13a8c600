"""What an exchange sends by websocket: frames through the real ccxt.pro clients, rows of the generic path.

Whatever was sent, a candle that is let in has finite positive prices in their order on the grid, and not one of
the feed's own parts raises.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from aiohttp import WSMessage, WSMsgType

from benchmarks.fuzz.cases import Attack
from benchmarks.fuzz.mutations import spoilt_bytes, spoilt_json, spoilt_value
from benchmarks.fuzz.soundness import require_sound
from bot.clock import SystemClock
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.clients import FastKlines
from bot.feed.connect import client_for
from bot.feed.connection import Connection
from bot.feed.gate import Gate
from bot.feed.live import LiveFeed
from bot.feed.rest import Rest
from bot.feed.streams import Streams
from bot.simulator.market.generated import DEMO_SYMBOLS, GeneratedMarket
from storage.config.market import FeedSettings
from strategies.market import MINUTE_MS, Market

START_MS: Final = 1_735_689_600_000
RENEW_EVERY: Final = 400  # cases after which the buffer is new: a wild candle must not hold all later ones up


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
            require_sound(minute.bars, minute.present)

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
