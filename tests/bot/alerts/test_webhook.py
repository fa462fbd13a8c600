"""The webhook: every alert as a signed document, and what the receiver's answers come to."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.alerts.channel import NotSent
from bot.alerts.webhook import Webhook, _judge
from storage.config.secret import Secret
from storage.config.services import WebhookSettings
from storage.ledger.outbox import Outbox
from strategies.errors import BadInput
from tests.bot.alerts.stage import ACCOUNT, FastPace, alerts_for, new_account, until, write

SECRET = "a shared secret"
NOW_MS = 1_735_689_600_123
ORIGIN = {"exchange": "builtin", "account": "main", "is_demo": True}


class Receiver:
    """Remembers what it was posted and answers with the planned statuses, then 204."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 204
        if status < 300:
            self.posts.append((dict(request.headers), await request.read()))
        return web.Response(status=status, headers={"Retry-After": "41"} if status == 429 else {})

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.posts]


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


def webhook(url: str) -> Webhook:
    return Webhook(WebhookSettings(url=url, secret=Secret(SECRET), timeout_s=2.0), ORIGIN, lambda: NOW_MS)


async def deliver(database, url: str, pace: FastPace | None = None) -> None:
    alerts = alerts_for(database, pace=pace, burst=2)
    await alerts.open([webhook(url)])
    running = asyncio.create_task(alerts.run())
    await until(lambda: alerts.outbox.backlog("webhook") == 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def database(tmp_path: Path):
    made = new_account(tmp_path)
    Outbox(made, ACCOUNT).open_channel("webhook")
    return made


async def test_every_alert_is_posted_by_itself_and_signed(database) -> None:
    write(database, range(5))
    receiver = Receiver()
    async with serving(receiver) as url:
        await deliver(database, url)
    assert [document["key"] for document in receiver.documents()] == [f"fact:{number:04d}" for number in range(5)]
    assert receiver.documents()[0]["payload"]["trade"] == "BTCUSDT-0000"
    assert receiver.documents()[0]["exchange"] == "builtin"
    for headers, body in receiver.posts:
        assert headers["X-Sigma-Timestamp"] == "1735689600"
        expected = hmac.new(SECRET.encode(), b"1735689600." + body, hashlib.sha256).hexdigest()
        assert headers["X-Sigma-Signature"] == f"sha256={expected}"


async def test_server_errors_repeat_refusals_retry_and_unreadable_ones_are_given_up(database) -> None:
    write(database, range(4))
    receiver, pace = Receiver(), FastPace()
    receiver.statuses = [500, 204, 429, 204, 422]
    async with serving(receiver) as url:
        await deliver(database, url, pace)
    told = [(document["key"][-1], document["is_repeat"]) for document in receiver.documents()]
    assert told == [("0", True), ("1", False), ("3", False)]
    assert 41.0 in pace.waits


async def test_an_unreachable_receiver_loses_nothing(database) -> None:
    write(database, [1])
    receiver, pace = Receiver(), FastPace()
    async with serving(receiver) as url:
        pass
    alerts = alerts_for(database, pace=pace)
    await alerts.open([webhook(url)])
    running = asyncio.create_task(alerts.run())
    await until(lambda: len(pace.waits) >= 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [row.attempts for row in alerts.outbox.pending("webhook", 10)] in ([0], [1])
    assert pace.waits[:4] == [1.0, 2.0, 4.0, 8.0]


def test_an_address_without_a_secret_is_refused() -> None:
    with pytest.raises(BadInput, match="SIGMA_ALERTS__WEBHOOK__SECRET"):
        Webhook(WebhookSettings(url="http://127.0.0.1/hook"), ORIGIN, lambda: NOW_MS)


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [
        ("41", 41.0),
        ("99999999999", 3_600.0),
        ("²", None),
        ("-3", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
    ],
)
def test_a_pause_that_is_asked_for_is_a_number_of_seconds_or_our_own(retry_after: str, wait_s: float | None) -> None:
    with pytest.raises(NotSent) as refused:
        _judge(429, retry_after)
    assert refused.value.retry_after_s == wait_s
