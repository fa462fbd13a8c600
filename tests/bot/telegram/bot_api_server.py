"""A Bot API server of our own: long polling, messages, edits, callbacks, files, and the ways in which Telegram fails.

Speaks to the unmodified python-telegram-bot over loopback. What the bot said is in `said`, `files` and `menu`; people
speak through `write` and `press`; `fail_next` and `mood` decide how it misbehaves. Texts are checked as Telegram does.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "123456:a-secret-that-must-never-be-logged"
PERSON = 7
USERNAME = "sigma_test_bot"
BOT = {"id": 1, "is_bot": True, "first_name": "Sigma", "username": USERNAME, "can_join_groups": True}
NOW_S = 1_735_689_600


@dataclass(slots=True, kw_only=True)
class Said:
    """A message of the bot as it stands now."""

    message_id: int
    chat_id: int
    text: str
    is_silent: bool
    buttons: list[dict[str, str]]
    kind: str  # sendMessage, sendPhoto, sendDocument
    topic: int | None = None
    answers: int | None = None  # the message it replies to
    keys: list[list[str]] = field(default_factory=list)  # of the keyboard below the chat
    is_deleted: bool = False
    texts: list[str] = field(default_factory=list)  # every text it ever had

    @property
    def plain(self) -> str:
        """Return the text as people see it."""
        bare = re.sub(r"<[^>]+>", "", self.text)
        return bare.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An answer that is none: a status with a description; status 0: the connection ends without an answer."""

    status: int
    description: str = "failed"
    retry_after: int | None = None
    migrate_to: int | None = None
    is_done_first: bool = False  # the message is taken, only the answer is lost


class BotApiServer:
    """The server. `mood` is "well", "hangs" (takes requests, answers none) or "conflict" (another poller)."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.files: list[bytes] = []
        self.menu: list[dict[str, str]] = []
        self.menus: dict[str, list[dict[str, str]]] = {}  # by language; "" is everybody's
        self.migrated: dict[int, int] = {}  # groups that became supergroups
        self.answered_callbacks: list[str] = []
        self.calls: list[str] = []
        self.failures: dict[str, deque[Failure]] = {}
        self.mood = "well"
        self.lose_every = 0  # every n-th sendMessage is taken and not answered
        self.address = ""
        self._port = 0
        self._updates: list[dict[str, Any]] = []
        self._update_ids = itertools.count(1)
        self._message_ids = itertools.count(1)
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._sends = 0

    async def start(self) -> str:
        """Listen on a port that stays the same over restarts; return the base address."""
        application = web.Application(client_max_size=20 << 20)
        application.router.add_route("*", "/bot{token}/{method}", self._api)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]
        self.address = f"http://127.0.0.1:{self._port}"
        return self.address

    async def stop(self) -> None:
        """Refuse connections from now on."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def fail_next(self, method: str, *failures: Failure) -> None:
        """Let the next calls of a method fail, in this order."""
        self.failures.setdefault(method, deque()).extend(failures)

    async def write(self, text: str, chat_id: int = PERSON, topic: int | None = None) -> None:
        """Let a person write to the bot, perhaps in a topic of a group."""
        chat = {"id": chat_id, "type": "private", "first_name": "P"}
        person = {"id": chat_id, "is_bot": False, "first_name": "P"}
        message = {"message_id": next(self._message_ids), "date": NOW_S, "chat": chat, "from": person, "text": text}
        if topic is not None:
            message |= {"message_thread_id": topic, "is_topic_message": True}
        await self._push({"message": message})

    async def migrate(self, chat_id: int, new_id: int) -> None:
        """Let a group become a supergroup, as Telegram tells the bot of it."""
        self.migrated[chat_id] = new_id
        chat = {"id": chat_id, "type": "group", "title": "G"}
        message = {"message_id": next(self._message_ids), "date": NOW_S, "chat": chat, "migrate_to_chat_id": new_id}
        await self._push({"message": message})

    async def press(self, said: Said, label: str, chat_id: int | None = None) -> None:
        """Let a person press the button with a label (or the beginning of one)."""
        button = next(button for button in said.buttons if button["text"].startswith(label))
        await self.press_data(said, button["callback_data"], chat_id)

    async def press_data(self, said: Said, data: str, chat_id: int | None = None) -> None:
        """Let a person send a callback, whether there is such a button or not."""
        sender = said.chat_id if chat_id is None else chat_id
        chat = {"id": sender, "type": "private", "first_name": "P"}
        message = {"message_id": said.message_id, "date": NOW_S, "chat": chat, "from": BOT, "text": said.text}
        person = {"id": sender, "is_bot": False, "first_name": "P"}
        callback = {"id": str(next(self._update_ids)), "from": person, "chat_instance": "1", "data": data}
        await self._push({"callback_query": callback | {"message": message}})

    async def wait_for(self, holds: Any, timeout_s: float = 60.0) -> None:
        """Return when `holds()` is true after something was said or changed."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(holds)

    async def ask(self, text: str, chat_id: int = PERSON) -> Said:
        """Let a person write, and return the bot's next new message."""
        count = len(self.said)
        await self.write(text, chat_id)
        await self.wait_for(lambda: len(self.said) > count)
        return self.said[count]

    async def _tell(self) -> None:
        """Let whoever waits for something look again."""
        async with self._changed:
            self._changed.notify_all()

    async def _push(self, update: dict[str, Any]) -> None:
        async with self._changed:
            self._updates.append({"update_id": next(self._update_ids)} | update)
            self._changed.notify_all()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given, files = await _parameters(request)
        self.calls.append(method)
        if request.match_info["token"] != TOKEN:
            return _refused(401, "Unauthorized")
        if self.mood == "hangs":
            await asyncio.sleep(3_600)
        if self.mood == "conflict" and method == "getUpdates":
            return _refused(409, "Conflict: terminated by other getUpdates request")
        planned = self.failures.get(method)
        if planned:
            return await self._fail(planned.popleft(), request, method, given, files)
        moved = self.migrated.get(int(given.get("chat_id") or 0))
        if moved is not None:
            return _refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to=moved)
        wrong = self._wrong_with(method, given)
        if wrong:
            return _refused(400, f"Bad Request: {wrong}")
        result = await self._do(method, given, files)
        if method != "getUpdates":
            await self._tell()
        if method == "sendMessage" and self.lose_every:
            self._sends += 1
            if self._sends % self.lose_every == 0:
                return _hang_up(request)
        return web.json_response({"ok": True, "result": result})

    async def _fail(
        self, failure: Failure, request: web.Request, method: str, given: dict[str, str], files: list[bytes]
    ) -> web.StreamResponse:
        if failure.is_done_first:
            await self._do(method, given, files)
            await self._tell()
        if not failure.status:
            return _hang_up(request)
        return _refused(failure.status, failure.description, failure.retry_after, failure.migrate_to)

    def _wrong_with(self, method: str, given: dict[str, str]) -> str:
        text, limit = given.get("text", ""), 4096
        if method in ("sendPhoto", "sendDocument", "editMessageCaption"):
            text, limit = given.get("caption", ""), 1024
        if method == "sendMessage" and not text:
            return "message text is empty"
        if len(text) > limit:
            return "message is too long"
        if any(len(button["callback_data"].encode()) > 64 for button in _buttons(given)):
            return "BUTTON_DATA_INVALID"
        if method == "editMessageText" and any(
            said.message_id == int(given["message_id"]) and said.text == text and said.buttons == _buttons(given)
            for said in self.said
        ):
            return "message is not modified"
        return _wrong_with_tags(text) if given.get("parse_mode") == "HTML" else ""

    async def _do(self, method: str, given: dict[str, str], files: list[bytes]) -> Any:
        match method:
            case "getMe":
                return BOT
            case "getUpdates":
                return await self._poll(int(given.get("offset") or 0), float(given.get("timeout") or 0))
            case "sendMessage" | "sendPhoto" | "sendDocument":
                return self._say(method, given, files)
            case "editMessageText" | "editMessageReplyMarkup" | "editMessageCaption":
                return self._edit(given)
            case "deleteMessage":
                self._named(given).is_deleted = True
            case "answerCallbackQuery":
                self.answered_callbacks.append(given.get("text", ""))
            case "setMyCommands":
                self.menus[given.get("language_code", "")] = json.loads(given["commands"])
                self.menu = self.menus.get("", self.menu)
        return True

    async def _poll(self, offset: int, timeout_s: float) -> list[dict[str, Any]]:
        async with self._changed:
            self._updates = [update for update in self._updates if update["update_id"] >= offset]
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self._updates), timeout_s)
            except TimeoutError:
                return []
            return list(self._updates)

    def _say(self, method: str, given: dict[str, str], files: list[bytes]) -> dict[str, Any]:
        text = given.get("text") or given.get("caption") or ""
        said = Said(
            message_id=next(self._message_ids),
            chat_id=int(given["chat_id"]),
            text=text,
            is_silent=given.get("disable_notification", "").lower() == "true",
            buttons=_buttons(given),
            kind=method,
            texts=[text],
            topic=int(given["message_thread_id"]) if given.get("message_thread_id") else None,
            answers=json.loads(given.get("reply_parameters") or "{}").get("message_id"),
            keys=[
                [_label(key) for key in row]
                for row in json.loads(given.get("reply_markup") or "{}").get("keyboard", [])
            ],
        )
        self.said.append(said)
        self.files.extend(files)
        return _message(said)

    def _edit(self, given: dict[str, str]) -> dict[str, Any]:
        said = self._named(given)
        said.text = given.get("text") or given.get("caption") or said.text
        said.texts.append(said.text)
        said.buttons = _buttons(given)
        return _message(said) | {"edit_date": NOW_S}

    def _named(self, given: dict[str, str]) -> Said:
        return next(part for part in self.said if part.message_id == int(given["message_id"]))


def _label(key: Any) -> str:
    return str(key["text"] if isinstance(key, dict) else key)


async def _parameters(request: web.Request) -> tuple[dict[str, str], list[bytes]]:
    given: dict[str, str] = dict(request.query)
    files: list[bytes] = []
    if request.can_read_body:
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files.append(value.file.read())
            else:
                given[name] = str(value)
    return given, files


def _wrong_with_tags(text: str) -> str:
    open_tags: list[str] = []
    for closes, tag in re.findall(r"<(/?)([^<>]*)>", text):
        if tag not in ("b", "i", "pre", "code"):
            return f"can't parse entities: unsupported start tag {tag!r}"
        if not closes:
            open_tags.append(tag)
        elif not open_tags or open_tags.pop() != tag:
            return f"can't parse entities: unexpected end tag {tag!r}"
    if re.search(r"[<>]", re.sub(r"</?(?:b|i|pre|code)>", "", text)):
        return "can't parse entities: unescaped character"
    return f"can't parse entities: {open_tags[0]!r} is not closed" if open_tags else ""


def _buttons(given: dict[str, str]) -> list[dict[str, str]]:
    markup = json.loads(given.get("reply_markup") or "{}")
    return [button for row in markup.get("inline_keyboard", []) for button in row]


def _message(said: Said) -> dict[str, Any]:
    chat = {"id": said.chat_id, "type": "private", "first_name": "P"}
    message: dict[str, Any] = {"message_id": said.message_id, "date": NOW_S, "chat": chat, "from": BOT}
    if said.kind != "sendPhoto":
        return message | {"text": said.text}
    size = {"file_id": "f", "file_unique_id": "u", "width": 9, "height": 5}
    return message | {"caption": said.text, "photo": [size]}


def _refused(
    status: int, description: str, retry_after: int | None = None, migrate_to: int | None = None
) -> web.Response:
    document: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if retry_after:
        document["parameters"] = {"retry_after": retry_after}
    if migrate_to:
        document["parameters"] = {"migrate_to_chat_id": migrate_to}
    return web.json_response(document, status=status)


def _hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()
