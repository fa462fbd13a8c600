"""What ccxt times by the machine's clock is timed by one that nobody can set."""

from __future__ import annotations

from typing import Any

import ccxt.pro
import pytest
from ccxt import Exchange
from ccxt.async_support.base.ws.client import Client

from bot import clock
from bot.feed.steady import Steady

DAY_MS = 86_400_000


class Watching(Steady, ccxt.pro.binanceusdm):
    """A client of ours."""


@pytest.fixture
async def socket() -> Client:
    """A socket that is not dialled, as ccxt makes one."""
    exchange: Any = Watching({})
    made: Client = exchange.client("ws://127.0.0.1:1/ws")
    await exchange.close()
    return made


def is_dead(socket: Client) -> bool:
    """What `Client.ping_loop` asks."""
    return bool(socket.lastPong + socket.keepAlive * socket.maxPingPongMisses < Exchange.milliseconds())


@pytest.mark.parametrize("step_ms", [DAY_MS, -DAY_MS, 3_600_000, 0], ids=["+24 h", "-24 h", "+1 h", "set right"])
async def test_a_clock_that_is_set_cuts_no_socket_off_and_hides_no_dead_one(
    socket: Client, monkeypatch: pytest.MonkeyPatch, step_ms: int
) -> None:
    assert socket.lastPong is None
    socket.lastPong = Exchange.milliseconds()
    wall_ms, steady_ms = Exchange.milliseconds(), clock.steady_ms()
    monkeypatch.setattr(clock, "steady_ms", lambda: steady_ms)
    monkeypatch.setattr(Exchange, "milliseconds", staticmethod(lambda: wall_ms + step_ms))
    assert not is_dead(socket)
    unanswered_ms = socket.keepAlive * socket.maxPingPongMisses + 1
    monkeypatch.setattr(clock, "steady_ms", lambda: steady_ms + unanswered_ms)
    assert is_dead(socket)


async def test_a_pong_that_states_the_exchanges_time_is_as_old_as_its_arrival(socket: Client) -> None:
    socket.lastPong = Exchange.milliseconds() - DAY_MS
    assert not is_dead(socket)
