"""Alerts through the real apprise to a server of ours: at least once, in words, in the language that was chosen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.alerts.apprise_channel import AppriseChannel, apprise_channels
from bot.alerts.channel import Unanswered
from storage.config.secret import Secret
from storage.config.services import AppriseSettings
from storage.ledger.outbox import Pending
from strategies.errors import BadInput
from tests.bot.alerts.stage import FastPace, alerts_for, new_account, until, write
from tests.builders import START_MS

pytest.importorskip("apprise", reason="the extra `alerts` is not installed")


class Receiver:
    """Takes what apprise posts; `status` is what it answers."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.url = ""

    async def start(self) -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/", self._take)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"json://127.0.0.1:{runner.addresses[0][1]}/"
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        if self.status == 200:
            self.got.append(await request.json())
        return web.Response(status=self.status)


@pytest.fixture
async def receiver():
    made = Receiver()
    runner = await made.start()
    yield made
    await runner.cleanup()


def exit_row(number: int = 1) -> Pending:
    payload = {"type": "fill", "trade": f"BTCUSDT-{number}", "price": 0.00001203, "reason": "take", "trade_net": 1.5}
    return Pending(id=number, key=str(number), ms=START_MS, event="exits", payload=payload, attempts=0)


@pytest.mark.parametrize(
    ("language", "title", "place"),
    [
        ("en", "✅ Closed BTCUSDT-1 at 0.00001203: take-profit, net +1.50", "demo market"),
        ("tr", "✅ BTCUSDT-1 0.00001203 fiyatından kapandı: kâr al, net +1.50", "demo piyasa"),
    ],
)
async def test_an_alert_is_told_in_the_chosen_language(
    receiver: Receiver, language: Any, title: str, place: str
) -> None:
    await AppriseChannel(receiver.url, language, is_demo=True).send([exit_row()], is_repeat=False, is_silent=False)
    assert receiver.got[0]["title"] == title
    assert receiver.got[0]["message"].endswith(f"UTC · {place}")


async def test_a_burst_is_one_message_and_a_repeat_says_so(receiver: Receiver) -> None:
    channel = AppriseChannel(receiver.url, "en", is_demo=False)
    rows = [exit_row(number) for number in range(1, 4)]
    assert channel.fit(rows) == 3
    await channel.send(rows, is_repeat=True, is_silent=False)
    assert receiver.got[0]["title"] == "(repeat) 3 alerts: 3 exits"
    assert receiver.got[0]["message"].count("Closed") == 3


async def test_what_was_not_taken_is_sent_again_and_none_is_lost(tmp_path: Path, receiver: Receiver) -> None:
    database, pace = new_account(tmp_path), FastPace()
    alerts = alerts_for(database, pace=pace, burst=1_000)
    channel = AppriseChannel(receiver.url, "en", is_demo=False)
    receiver.status = 500
    with pytest.raises(Unanswered, match="did not take it"):
        await channel.send([exit_row()], is_repeat=False, is_silent=False)
    await alerts.open([channel])
    write(database, range(5))
    running = asyncio.create_task(alerts.run())
    await until(lambda: len(pace.waits) > 2)
    receiver.status = 200
    await until(lambda: alerts.outbox.backlog(channel.name) == 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [f"BTCUSDT-{number:04d}" in part["title"] for number, part in enumerate(receiver.got)] == [True] * 5


def test_every_address_is_a_channel_whose_name_tells_no_secret() -> None:
    settings = AppriseSettings(urls=Secret("ntfy://my-secret-topic, json://user:password@localhost/"))
    names = [channel.name for channel in apprise_channels(settings, is_demo=True)]
    assert [name.split(":")[1] for name in names] == ["ntfy", "json"]
    assert not any("secret" in name or "password" in name for name in names)
    assert apprise_channels(AppriseSettings(), is_demo=True) == []


def test_an_address_that_apprise_does_not_know_is_one_line_without_it() -> None:
    with pytest.raises(BadInput, match=r"has a nonsense:// address that apprise does not know$"):
        apprise_channels(AppriseSettings(urls=Secret("nonsense://password")), is_demo=True)
