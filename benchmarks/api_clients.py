"""Clients of a running daemon, in a process of their own: each polls the status and listens to the stream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

import aiohttp

LOOK_S = 0.02


@dataclass(slots=True)
class Load:
    """What the clients got: answers with status 200, events, and everything else."""

    answers: int = 0
    events: int = 0
    failures: int = 0


def run(address: str, count: int, poll_s: float, active: Event, leaving: Event, told: Queue[Load]) -> None:
    """Serve as `count` clients whenever `active` is set, until `leaving`; then tell what they got."""
    told.put(asyncio.run(_run(address, count, poll_s, active, leaving)))


async def _run(address: str, count: int, poll_s: float, active: Event, leaving: Event) -> Load:
    load = Load()
    async with aiohttp.ClientSession(address, connector=aiohttp.TCPConnector(limit=0)) as session:
        while not leaving.is_set():
            if active.is_set():
                await _burst(session, load, count, poll_s, active)
            await asyncio.sleep(LOOK_S)
    return load


async def _burst(session: aiohttp.ClientSession, load: Load, count: int, poll_s: float, active: Event) -> None:
    tasks = []
    for number in range(count):
        offset_s = poll_s * number / count
        tasks.append(asyncio.create_task(_poll(session, load, poll_s, offset_s), name=f"poll-{number}"))
        tasks.append(asyncio.create_task(_listen(session, load), name=f"listen-{number}"))
    while active.is_set():  # noqa: ASYNC110 — another process sets it
        await asyncio.sleep(LOOK_S)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    load.failures += sum(not isinstance(end, asyncio.CancelledError) for end in ended)


async def _poll(session: aiohttp.ClientSession, load: Load, poll_s: float, offset_s: float) -> None:
    await asyncio.sleep(offset_s)
    while True:
        async with session.get("/api/status") as response:
            await response.read()
            if response.status == 200:
                load.answers += 1
            else:
                load.failures += 1
        await asyncio.sleep(poll_s)


async def _listen(session: aiohttp.ClientSession, load: Load) -> None:
    async with session.ws_connect("/api/stream") as socket:
        async for _ in socket:
            load.events += 1
