"""The stream: rising ids, nothing lost over a break, nobody waited for."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from bot.values.training import TrainingProgress
from bot.web import socket as web_socket
from bot.web.stream import Hub
from tests.bot.trading.world import minutes
from tests.bot.web.serving import Served, served

MINUTES = minutes(200)


async def received(socket: aiohttp.ClientWebSocketResponse, until_ms: int) -> list[dict[str, Any]]:
    """Return messages up to the status of the minute that closed at `until_ms`."""
    found = []
    async with asyncio.timeout(60):
        while not found or (found[-1]["type"], found[-1].get("ms")) != ("status", until_ms):
            found.append(await socket.receive_json())
    return found


def closed_ms(number: int) -> int:
    return MINUTES[number].open_ms + 60_000


async def test_every_account_minute_is_told_with_rising_ids(tmp_path: Path) -> None:
    async with served(tmp_path) as parts, parts.session.ws_connect("/api/stream") as socket:
        assert (await socket.receive_json())["type"] == "hello"
        await parts.world.hand(*MINUTES[:130])
        events = await received(socket, closed_ms(129))
        async with parts.session.get("/api/status") as response:
            status = await response.json()
    ids = [event["id"] for event in events]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert [event["ms"] for event in events if event["type"] == "status"] == [closed_ms(k) for k in range(130)]
    assert events[-1]["payload"] | {"wall_ms": 0} == status | {"wall_ms": 0}
    decided = [(event["ms"], event["payload"]["symbol"]) for event in events if event["type"] == "decision"]
    symbols = [market.symbol for market in parts.world.control.markets]
    assert decided == [(closed_ms(k), symbol) for k in (59, 119) for symbol in symbols]
    closed = [row for event in events if event["type"] == "candles" for row in event["payload"] if row["is_closed"]]
    assert len(closed) == 6


async def test_fills_and_positions_are_those_of_the_ledger(tmp_path: Path) -> None:
    async with served(tmp_path) as parts, parts.session.ws_connect("/api/stream") as socket:
        await parts.world.hand(*MINUTES)
        events = await received(socket, closed_ms(len(MINUTES) - 1))
        facts = parts.world.control.ledger.facts()
    fills = [event["payload"] for event in events if event["type"] == "fill"]
    assert len(fills) == (facts["kind"] == 1).sum() > 0
    held = {}
    for event in events:
        if event["type"] == "position":
            held[event["payload"]["symbol"]] = event["payload"]["position"]
    now = {part.symbol: part.quantity for part in parts.world.snapshots[-1].positions}
    assert {symbol: part["quantity"] for symbol, part in held.items() if part} == now
    assert all(event["payload"]["text"] for event in events if event["type"] == "alert")


async def test_a_reader_that_was_away_goes_on_where_it_was(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        async with parts.session.ws_connect("/api/stream") as socket:
            await parts.world.hand(*MINUTES[:3])
            seen = await received(socket, closed_ms(1))
        await parts.world.hand(*MINUTES[3:70])
        async with parts.session.ws_connect("/api/stream", params={"after": str(seen[-1]["id"])}) as socket:
            first = await socket.receive_json()
            missed = await received(socket, closed_ms(69))
    assert first == {"type": "resumed", "id": seen[-1]["id"]}
    assert missed[0]["id"] == seen[-1]["id"] + 1
    assert [event["id"] for event in missed] == list(range(missed[0]["id"], missed[-1]["id"] + 1))


@pytest.mark.parametrize("after", ["1", "999999999999999999"])
async def test_a_reader_from_another_life_is_told_to_begin_anew(tmp_path: Path, after: str) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(*MINUTES[:2])
        async with parts.session.ws_connect("/api/stream", params={"after": after}) as socket:
            assert (await socket.receive_json())["type"] == "reset"
            await parts.world.hand(MINUTES[2])
            assert (await socket.receive_json())["ms"] == closed_ms(2)


def test_the_hub_resumes_from_all_it_keeps_and_from_nothing_else() -> None:
    hub = Hub(5, kept=10)
    for number in range(30):
        hub.publish("status", number, {})
    newest = hub.last_id
    for after, kind, count in ((newest, "resumed", 0), (newest - 10, "resumed", 10), (newest - 11, "reset", 0)):
        queue = hub.subscribe(after).queue
        messages = [json.loads(queue.get_nowait()) for _ in range(queue.qsize())]
        assert (messages[0]["type"], len(messages) - 1) == (kind, count)
    assert Hub(6).last_id > newest


async def test_a_slow_reader_is_dropped_with_a_reason_and_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_socket, "GOODBYE_S", 0.5)
    async with served(tmp_path) as parts:
        slow = await _asleep(parts)
        async with parts.session.ws_connect("/api/stream") as quick:
            hub = parts.server._pages.hub
            async with asyncio.timeout(60):
                while not hub.dropped:
                    hub.publish("status", 1, "x" * 200_000)
                    await quick.receive()
            assert len(hub) == 1
            await parts.world.hand(MINUTES[0])
            await received(quick, closed_ms(0))
        slow.close()


async def test_a_dropped_reader_is_told_why(tmp_path: Path) -> None:
    async with served(tmp_path) as parts, parts.session.ws_connect("/api/stream") as socket:
        await socket.receive_json()
        hub = parts.server._pages.hub
        for number in range(300):  # faster than the loop can send
            hub.publish("status", number, {})
        async with asyncio.timeout(60):
            while (message := await socket.receive()).type is WSMsgType.TEXT:
                pass
    assert message.type is WSMsgType.CLOSE
    assert message.data == 4008
    assert "too slow" in str(message.extra)


async def test_readers_are_told_when_the_daemon_stops(tmp_path: Path) -> None:
    async with served(tmp_path) as parts, parts.session.ws_connect("/api/stream") as socket:
        await socket.receive_json()
        stopping = asyncio.create_task(parts.server.stop())
        async with asyncio.timeout(60):
            message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)
        await socket.close()
        await stopping


async def test_silence_is_broken_by_a_heartbeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_socket, "HEARTBEAT_S", 0.05)
    async with served(tmp_path) as parts, parts.session.ws_connect("/api/stream") as socket:
        async with asyncio.timeout(60):
            types = [(await socket.receive_json())["type"] for _ in range(3)]
    assert types == ["hello", "heartbeat", "heartbeat"]


async def test_training_is_told_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path) as parts, parts.session.ws_connect("/api/stream") as socket:
        await socket.receive_json()
        progress = TrainingProgress(state="training", line="epoch 3")
        monkeypatch.setattr(parts.world.training, "progress", lambda: progress)
        async with asyncio.timeout(60):
            event = await socket.receive_json()
    assert event["type"] == "training"
    assert event["payload"]["line"] == "epoch 3"


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
async def test_a_foreign_page_cannot_listen(tmp_path: Path, headers: dict[str, str]) -> None:
    async with served(tmp_path) as parts:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await parts.session.ws_connect("/api/stream", headers=headers)
    assert refused.value.status in (403, 421)


async def test_a_talkative_reader_is_sent_away(tmp_path: Path) -> None:
    async with served(tmp_path) as parts, parts.session.ws_connect("/api/stream") as socket:
        await socket.receive_json()
        await socket.send_str("x" * 5_000)
        async with asyncio.timeout(60):
            message = await socket.receive()
        assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        assert len(parts.server._pages.hub) == 0 or await _left(parts)


async def _left(parts: Served) -> bool:
    async with asyncio.timeout(60):
        while len(parts.server._pages.hub):  # noqa: ASYNC110 — the server forgets it on its own time
            await asyncio.sleep(0.01)
    return True


async def _asleep(parts: Served) -> asyncio.StreamWriter:
    """Return a reader that connected and then reads nothing."""
    host, port = parts.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.write(
        f"GET /api/stream HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    await writer.drain()
    assert b"101" in await reader.readexactly(12)
    async with asyncio.timeout(60):
        while not len(parts.server._pages.hub):  # noqa: ASYNC110 — the server counts it on its own time
            await asyncio.sleep(0.01)
    return writer


def test_what_is_kept_for_those_who_were_away_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.web.stream.KEPT_BYTES", 10_000)
    hub = Hub(1)
    for number in range(50):
        hub.publish("status", number, {"text": "x" * 1_000})
    assert hub._kept_bytes <= 10_000
    newest = hub.last_id
    assert json.loads(hub.subscribe(newest - 5).queue.get_nowait())["type"] == "resumed"
    assert json.loads(hub.subscribe(newest - 20).queue.get_nowait())["type"] == "reset"
    hub.publish("status", 51, {"text": "x" * 20_000})
    assert json.loads(hub.subscribe(hub.last_id - 1).queue.get_nowait())["type"] == "resumed"
