"""What people and strangers send to a running daemon: HTTP requests, and updates that Telegram hands over.

A request is answered, and never with 500; whatever an update looks like, the next command is answered.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import web

from benchmarks.fuzz.cases import Attack, Broken, Together
from benchmarks.fuzz.mutations import TEXTS, spoilt_bytes, spoilt_json, spoilt_value, wild, written
from bot.alerts.alerts import Alerts
from bot.telegram.access import Access
from bot.telegram.bot import TelegramBot
from bot.telegram.chats import KnownChats
from bot.telegram.connection import connect
from bot.telegram.context import Context
from bot.telegram.menu import MENU
from bot.telegram.pairing import Pairing
from bot.telegram.quiet import Quiet
from storage.config.services import AlertSettings
from storage.config.tree import parse
from storage.ledger.chats import Chats
from storage.ledger.database import connect as connect_database
from strategies.minute import AccountMinute
from tests.bot.alerts.stage import telegram_settings
from tests.bot.telegram.bot_api_server import BOT, PERSON, TOKEN
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import minutes
from tests.bot.web.serving import bearer, served

NOW_S: Final = 1_735_689_600
NOW_MS: Final = NOW_S * 1000
ANSWER_S: Final = 10.0
COMMAND_S: Final = 0.05  # a request that takes longer waits for an account minute
MINUTES: Final = 20_000
UPDATES: Final = 20  # handed over at once: a chat may give thirty commands a minute
REQUESTS: Final = 16  # at once
RAW_EVERY: Final = 10  # requests that are not even HTTP
COMMANDS: Final = tuple(entry.name for entry in MENU)


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


@asynccontextmanager
async def telegram(folder: Path) -> AsyncIterator[Attack | Together]:
    """Spoilt updates in front of a good command: the command is answered, and nothing was raised on the way."""
    server = _Updates()
    settings = telegram_settings(await server.start())
    async with daemon_world(folder) as world:
        database = connect_database(f"sqlite:///{folder / 'ledger.db'}")
        account = world.control.ledger.account.id
        alerts, seconds = Alerts(database, account, AlertSettings()), [0.0]
        access = Access([PERSON], lambda: seconds[0], world.metrics.on_ignored)
        chats = KnownChats(Chats(database, account), settings, access, alerts.ask)
        await chats.load()
        context = Context(
            control=world.control,
            alerts=alerts,
            quiet=Quiet("", "", lambda: NOW_MS, {}),
            settings=parse("", {"SIGMA_TELEGRAM__TOKEN": TOKEN}).shown(),
            started_ms=NOW_MS,
            now_ms=lambda: NOW_MS,
            refused=access.refused,
            chats=chats,
            pairing=Pairing(lambda: seconds[0], folder),
            log_file=folder / "sigma.log",
        )
        bot = TelegramBot(connect(settings, timeout_s=5.0), settings, context, access, lambda: seconds[0])
        raised: deque[str] = deque()
        logging.getLogger("telegram").setLevel(logging.CRITICAL)  # the library prints what it cannot read
        bot._log = bot._poller._log = _Recorder(raised)  # what is caught at the task's border was not foreseen
        task = asyncio.create_task(bot.run())

        async def many(rngs: Sequence[random.Random]) -> int:
            seconds[0] += 120.0
            raised.clear()
            await server.hand(rngs)
            if raised:
                raise Broken(raised[0])
            return 0

        async def one(rng: random.Random) -> None:
            await many([rng])

        try:
            yield Together(one=one, many=many, size=UPDATES)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await server.stop()
            database.dispose()


class _Recorder:
    """A log that keeps what was logged with a traceback."""

    def __init__(self, raised: deque[str]) -> None:
        self._raised = raised

    def exception(self, message: str, **_fields: Any) -> None:
        import sys

        from benchmarks.fuzz.cases import place_of

        error = sys.exc_info()[1]
        self._raised.append(message if error is None else f"{message}: {place_of(error)}")

    def __getattr__(self, _name: str) -> Any:
        return lambda *_words, **_fields: None


class _Updates:
    """A Bot API server that hands updates over until they are confirmed, as Telegram does, and takes everything."""

    def __init__(self) -> None:
        self._pending: list[dict[str, Any]] = []
        self._spoilt: bytes | None = None  # an answer that is given once instead
        self._asked, self._answered = asyncio.Event(), asyncio.Event()
        self._number = 0

    async def start(self) -> str:
        application = web.Application(client_max_size=20 << 20)
        application.router.add_route("*", "/bot{token}/{method}", self._api)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def hand(self, rngs: Sequence[random.Random]) -> None:
        """Hand over spoilt updates and a good command behind them; return when the command was answered."""
        for rng in rngs:
            self._number += 1
            self._pending.append({**spoilt_value(rng, _made(rng, self._number)), "update_id": self._number})
        self._number += 1
        self._pending.append(_update(self._number, "/version"))
        if rngs[0].random() < 0.1:
            self._spoilt = spoilt_json(rngs[0], {"ok": True, "result": self._pending})
        self._answered.clear()
        self._asked.set()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._answered.wait()
        except TimeoutError:
            raise Broken("the command behind a spoilt update was not answered") from None

    async def _api(self, request: web.Request) -> web.Response:
        method, fields = request.match_info["method"], await request.post()
        if method == "getUpdates":
            return await self._updates(int(str(fields.get("offset") or 0)), int(str(fields.get("timeout") or 0)))
        if "sigma-analyst" in str(fields.get("text", "")):
            self._answered.set()
        return web.json_response({"ok": True, "result": _result(method)})

    async def _updates(self, offset: int, timeout_s: int) -> web.Response:
        if offset <= self._number + 1:  # a number that was never given confirms nothing
            self._pending = [update for update in self._pending if update["update_id"] >= offset]
        if not self._pending and timeout_s:
            self._asked.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), timeout_s)
        text = written({"ok": True, "result": self._pending}).encode("utf-8", "surrogatepass")
        body, self._spoilt = self._spoilt or text, None
        return web.Response(body=body, content_type="application/json")


def _result(method: str) -> Any:
    if method == "getMe":
        return BOT
    if method.startswith(("send", "edit")):
        chat = {"id": PERSON, "type": "private", "first_name": "P"}
        return {"message_id": 1, "date": NOW_S, "chat": chat, "text": "x"}
    return True


def _update(number: int, text: str) -> dict[str, Any]:
    person = {"id": PERSON, "is_bot": False, "first_name": "P"}
    chat = {"id": PERSON, "type": "private", "first_name": "P"}
    message = {"message_id": number, "date": NOW_S, "chat": chat, "from": person, "text": text}
    return {"update_id": number, "message": message}


def _made(rng: random.Random, number: int) -> dict[str, Any]:
    """Return an update as Telegram makes them: a command with words, a button, a group that moves."""
    words = " ".join(str(_short(wild(rng))) for _ in range(rng.randrange(3)))
    made = _update(number, f"/{rng.choice(COMMANDS)} {words}")
    match rng.randrange(5):
        case 0:
            message = made.pop("message")
            data = rng.choice(("show:status", "run:trades 5", "do:abc", "no:x", f"show:{words}"[:64]))
            made["callback_query"] = {"id": "1", "from": message["from"], "chat_instance": "1", "data": data}
            made["callback_query"]["message"] = message
        case 1:
            made["message"] |= {"migrate_to_chat_id": -100_123, "is_topic_message": True, "message_thread_id": 4}
    return made


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
