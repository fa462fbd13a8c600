"""What Telegram hands over: whatever an update looks like, nothing is raised, and the next command is answered."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from benchmarks.fuzz.cases import Attack, Broken, Together, place_of
from benchmarks.fuzz.mutations import spoilt_json, spoilt_value, wild, written
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
from tests.bot.alerts.stage import telegram_settings
from tests.bot.telegram.bot_api_server import BOT, PERSON, TOKEN
from tests.bot.trading.daemon_world import daemon_world

NOW_S: Final = 1_735_689_600
NOW_MS: Final = NOW_S * 1000
ANSWER_S: Final = 10.0
UPDATES: Final = 20  # handed over at once: a chat may give thirty commands a minute
COMMANDS: Final = tuple(entry.name for entry in MENU)


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
        library = logging.getLogger("telegram")  # it prints whatever it cannot read, whole
        level = library.level
        library.setLevel(logging.CRITICAL + 1)
        bot._log = bot._poller._log = _Recorder(raised)  # what is caught at the task's border was not foreseen
        task = asyncio.create_task(bot.run())

        async def many(rngs: Sequence[random.Random]) -> int:
            seconds[0] += 120.0
            raised.clear()
            await server.hand(rngs, task)
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
            library.setLevel(level)
            await server.stop()
            database.dispose()


class _Recorder:
    """A log that keeps what was logged with a traceback."""

    def __init__(self, raised: deque[str]) -> None:
        self._raised = raised

    def exception(self, message: str, **_fields: Any) -> None:
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

    async def hand(self, rngs: Sequence[random.Random], bot: asyncio.Task[None]) -> None:
        """Hand over spoilt updates and a good command behind them; return when the command was answered."""
        for rng in rngs:
            self._number += 1
            spoilt = spoilt_value(rng, _made(rng, self._number))
            fields = spoilt if isinstance(spoilt, dict) else {"message": spoilt}
            self._pending.append({**fields, "update_id": self._number})
        self._number += 1
        self._pending.append(_update(self._number, "/version"))
        if rngs[0].random() < 0.1:
            self._spoilt = spoilt_json(rngs[0], {"ok": True, "result": self._pending})
        self._answered.clear()
        self._asked.set()
        answered = asyncio.ensure_future(self._answered.wait())
        done, _ = await asyncio.wait((answered, bot), timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        answered.cancel()
        if bot in done:
            raise Broken(f"the bot ended: {bot.exception()!r}")
        if answered not in done:
            raise Broken("the command behind a spoilt update was not answered")

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


def _short(value: Any) -> str:
    return str(value)[:300]
