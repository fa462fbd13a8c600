"""What people and strangers send to a running daemon by HTTP: whatever it is, it is answered, and never with 500."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from benchmarks.fuzz.cases import Attack, Broken, Together
from benchmarks.fuzz.mutations import TEXTS, spoilt_bytes, spoilt_json, wild
from strategies.minute import AccountMinute
from tests.bot.trading.daemon_world import DaemonWorld
from tests.bot.trading.world import minutes
from tests.bot.web.serving import bearer, served

COMMAND_S: Final = 0.05  # a request that takes longer waits for an account minute
MINUTES: Final = 20_000
REQUESTS: Final = 16  # at once
RAW_EVERY: Final = 10  # requests that are not even HTTP


@asynccontextmanager
async def api(folder: Path) -> AsyncIterator[Attack | Together]:
    """Spoilt requests to every operation, with a token, without one, and bytes that are no request."""
    async with served(folder, requests_per_minute=1_000_000) as here:
        document = await (await here.session.get("/api/openapi.json", headers=bearer())).json()
        operations = [(path, method, told) for path, of in document["paths"].items() for method, told in of.items()]
        host, port = here.address.removeprefix("http://").split(":")
        left = iter(minutes(MINUTES))
        await here.world.hand(next(left))  # compiles what a minute needs

        async def asked(rng: random.Random) -> None:
            if rng.randrange(RAW_EVERY) == 0:
                await _raw(rng, host, int(port), operations)
                return
            path, method, told = rng.choice(operations)
            headers = bearer() if rng.random() < 0.8 else {"Authorization": f"Bearer {_header(rng)}"}
            for name in rng.sample(("Origin", "Host", "Content-Type", "Range", "If-None-Match", "Cookie"), 1):
                if rng.random() < 0.2:
                    headers[name] = _header(rng)
            query = {name: _short(wild(rng)) for name in _parameters(told) if rng.random() < 0.6}
            body = _body(rng, told, document)
            headers = {"Content-Type": "application/json", **headers}
            async with here.session.request(method, f"{path}?{_query(query)}", data=body, headers=headers) as answer:
                status, text = answer.status, (await answer.content.read(200)).decode(errors="replace")
            if status >= 500 and status != 503:
                raise Broken(f"{method} {path} was answered {status}: {text[:80]}")

        async def many(rngs: Sequence[random.Random]) -> int:
            await _with_minutes(here.world, left, [asked(rng) for rng in rngs])
            return 0

        async def one(rng: random.Random) -> None:
            await many([rng])

        yield Together(one=one, many=many, size=REQUESTS)


async def _with_minutes(
    world: DaemonWorld, left: Iterator[AccountMinute], asked: Sequence[Coroutine[Any, Any, None]]
) -> None:
    """Ask at once; commands are answered when a minute takes them."""
    asking = [asyncio.ensure_future(part) for part in asked]
    try:
        while not all(part.done() for part in asking):
            await asyncio.wait(asking, timeout=COMMAND_S)
            minute = None if all(part.done() for part in asking) else next(left, None)
            if minute is not None:
                await world.hand(minute)
        for part in asking:
            part.result()
    finally:
        for part in asking:
            part.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _raw(rng: random.Random, host: str, port: int, operations: list[tuple[str, str, Any]]) -> None:
    """Send bytes that are nearly a request; the next whole one must be answered."""
    path, method, _told = rng.choice(operations)
    text = f"{method.upper()} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 4\r\nAccept: */*\r\n\r\nabcd"
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(spoilt_bytes(rng, text.encode()))
    writer.write_eof()
    try:
        async with asyncio.timeout(0.5):
            answer = await reader.read(200)
    except (TimeoutError, ConnectionError):
        answer = b""
    writer.close()
    if answer.startswith((b"HTTP/1.1 500", b"HTTP/1.0 500")):
        raise Broken("bytes that are no request were answered 500")


def _parameters(told: dict[str, Any]) -> list[str]:
    return [part["name"] for part in told.get("parameters", ()) if part.get("in") == "query"]


def _query(query: dict[str, str]) -> str:
    try:
        return urlencode(query)
    except UnicodeEncodeError:
        return "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name, value in query.items())


def _short(value: Any) -> str:
    return str(value)[:300]


def _header(rng: random.Random) -> str:
    text = rng.choice(TEXTS)[:200]
    return "".join(letter for letter in text if 32 <= ord(letter) < 256)


def _body(rng: random.Random, told: dict[str, Any], document: dict[str, Any]) -> bytes | None:
    """Return a body for an operation that takes one: its own fields with odd values, or no JSON at all."""
    content = told.get("requestBody", {}).get("content", {})
    if not content or rng.random() < 0.1:
        return rng.choice((None, b"", b"{", b"[]", b"null", b"\xff\xfe"))
    schema = next(iter(content.values())).get("schema", {})
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    usual = {"symbol": "BTCUSDT", "timeframe": "1h", "model": "ensemble", "why": "fuzz", "bundle": "b-0"}
    fields = {name: usual.get(name, wild(rng)) for name in schema.get("properties", {})}
    return spoilt_json(rng, fields) if fields else json.dumps(wild(rng), default=str).encode("utf-8", "surrogatepass")
