"""A thousand alerts and a Telegram that is away, slow or deaf, through the real client: once each, none lost."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bot.alerts.alerts import Alerts
from storage.ledger.outbox import Outbox
from tests.bot.alerts.stage import FastPace, alerts_for, chat, new_account, until, write
from tests.bot.telegram.bot_api_server import BotApiServer, Failure

COUNT = 1_000
OUTAGE_S = 600.0
NAME = "telegram:7"


@pytest.fixture
async def server():
    made = BotApiServer()
    await made.start()
    yield made
    await made.stop()


def numbers(server: BotApiServer) -> list[int]:
    return [int(number) for said in server.said for number in re.findall(r"BTCUSDT-(\d{4})", said.text)]


async def stop(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def live_through_outage(alerts: Alerts, database, server: BotApiServer, pace: FastPace) -> asyncio.Task[None]:
    """Write a thousand alerts while connections are refused for ten minutes; return the running deliverers."""
    await server.stop()
    running = asyncio.create_task(alerts.run())
    for first in range(0, COUNT, 100):
        write(database, range(first, first + 100))
        waited = len(pace.waits)
        await until(lambda waited=waited: len(pace.waits) > waited)
    await until(lambda: pace.passed_s >= OUTAGE_S)
    assert server.said == []
    await server.start()
    return running


@pytest.mark.parametrize("burst", [20, 1_000])
async def test_alerts_of_an_outage_arrive_once_each_in_order_after_it(
    tmp_path: Path, server: BotApiServer, burst: int
) -> None:
    database, pace = new_account(tmp_path), FastPace()
    alerts = alerts_for(database, pace=pace, burst=burst)
    await alerts.open([chat(server.address)])
    running = await live_through_outage(alerts, database, server, pace)
    await until(lambda: Outbox(database, 1).backlog(NAME) == 0, 60)
    await stop(running)
    assert numbers(server) == list(range(COUNT))
    assert not any("(repeat)" in said.text for said in server.said)
    assert len(server.said) == COUNT if burst == COUNT else len(server.said) <= 30


async def test_none_is_lost_when_answers_are_lost_and_every_repeat_is_marked(
    tmp_path: Path, server: BotApiServer
) -> None:
    database, pace = new_account(tmp_path), FastPace()
    server.lose_every = 7
    alerts = alerts_for(database, pace=pace, burst=1_000)
    await alerts.open([chat(server.address)])
    write(database, range(200))
    running = asyncio.create_task(alerts.run())
    await until(lambda: Outbox(database, 1).backlog(NAME) == 0, 60)
    await stop(running)
    first_times = [int(re.findall(r"-(\d{4})", said.text)[0]) for said in server.said if "(repeat)" not in said.text]
    assert first_times == list(range(200))
    assert len(server.said) - len(first_times) >= 200 // 7


async def test_a_restart_in_the_middle_of_an_outage_loses_and_doubles_nothing(
    tmp_path: Path, server: BotApiServer
) -> None:
    database, pace = new_account(tmp_path), FastPace()
    before = alerts_for(database, pace=pace, burst=20)
    await before.open([chat(server.address)])
    running = await live_through_outage(before, database, server, pace)
    await until(lambda: len(server.said) >= 5)
    await stop(running)
    after = alerts_for(database, pace=FastPace(), burst=20)
    await after.open([chat(server.address)])
    running = asyncio.create_task(after.run())
    await until(lambda: Outbox(database, 1).backlog(NAME) == 0, 60)
    await stop(running)
    unmarked = [said for said in server.said if "(repeat)" not in said.text]
    told = [int(number) for said in unmarked for number in re.findall(r"BTCUSDT-(\d{4})", said.text)]
    assert sorted(set(numbers(server))) == list(range(COUNT))
    assert told == sorted(set(told))


async def test_flood_control_is_obeyed(tmp_path: Path, server: BotApiServer) -> None:
    database, pace = new_account(tmp_path), FastPace()
    server.fail_next("sendMessage", Failure(status=429, description="Too Many Requests", retry_after=33))
    alerts = alerts_for(database, pace=pace)
    await alerts.open([chat(server.address)])
    write(database, [1])
    running = asyncio.create_task(alerts.run())
    await server.wait_for(lambda: server.said)
    await stop(running)
    assert 33.0 in pace.waits
    assert numbers(server) == [1]
    assert "(repeat)" not in server.said[0].text


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_failing_telegram_is_asked_again_and_the_repeat_is_marked(
    tmp_path: Path, server: BotApiServer, status: int
) -> None:
    database = new_account(tmp_path)
    server.fail_next("sendMessage", Failure(status=status, is_done_first=True))
    alerts = alerts_for(database)
    await alerts.open([chat(server.address)])
    write(database, [1])
    running = asyncio.create_task(alerts.run())
    await server.wait_for(lambda: len(server.said) == 2)
    await stop(running)
    assert ["(repeat)" in said.text for said in server.said] == [False, True]


async def test_a_chat_that_blocked_the_bot_keeps_its_alerts(tmp_path: Path, server: BotApiServer) -> None:
    database, pace = new_account(tmp_path), FastPace()
    server.fail_next("sendMessage", Failure(status=403, description="Forbidden: bot was blocked by the user"))
    alerts = alerts_for(database, pace=pace)
    await alerts.open([chat(server.address)])
    write(database, [1])
    running = asyncio.create_task(alerts.run())
    await server.wait_for(lambda: server.said)
    await stop(running)
    assert 300.0 in pace.waits
    assert numbers(server) == [1]
