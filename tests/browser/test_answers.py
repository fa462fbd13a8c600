"""Every command is answered, one that waits says so, a silent daemon is not commanded; what goes on is told once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from tests.browser.stage import DESK, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOLD = "async (rows) => (await import('/static/rooms/decisions.js')).told(rows)"
SILENCE_MS = 13_000


def decision(ms: int, symbol: str, action: str = "hold", refusal: str | None = None, **more: Any) -> dict[str, Any]:
    return {"ms": ms, "symbol": symbol, "action": action, "refusal": refusal, "signal": None} | more


async def test_a_command_that_waits_for_its_minute_says_so_and_is_answered(scene: Scene) -> None:
    page, may_go_on = scene.page, asyncio.Event()

    async def held_back(route: Route) -> None:
        await may_go_on.wait()
        await route.continue_()

    await page.route("**/api/pause", held_back)
    await page.locator("#pause").click()
    await page.locator("#confirm-yes").click()
    waiting = page.locator(".notice.waiting")
    await expect(waiting).to_contain_text("answers with its next account minute")
    assert not scene.snapshot.paused
    may_go_on.set()
    assert "Paused" in await scene.noticed()
    await expect(waiting).to_have_count(0)
    assert scene.snapshot.paused


async def test_a_daemon_that_has_fallen_silent_is_not_commanded(unopened: Scene) -> None:
    scene, is_silent = unopened, asyncio.Event()

    def listen(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if is_silent.is_set() else socket.send(message))

    scene.context = context = await scene.browser.new_context(viewport=DESK)
    scene._page = page = await context.new_page()
    await page.clock.install()
    await page.route_web_socket("**/api/stream*", listen)
    await page.goto(scene.server.sign_in_link())
    live = page.locator("#live")
    await expect(live).to_have_attribute("data-state", "live")
    await expect(page.locator("#pause")).to_be_enabled()
    is_silent.set()
    await page.clock.fast_forward(SILENCE_MS)
    await expect(live).not_to_have_attribute("data-state", "live")
    await expect(page.locator("#pause")).to_be_disabled()
    await expect(page.locator("#stop")).to_be_disabled()


async def test_a_refusal_that_goes_on_is_told_once_and_since_when(scene: Scene) -> None:
    rows = [
        decision(9, "BTCUSDT", refusal="weak"),
        decision(9, "ETHUSDT"),
        decision(8, "BTCUSDT", refusal="weak"),
        decision(8, "ETHUSDT", action="resize"),
        decision(7, "BTCUSDT", refusal="weak"),
        decision(6, "BTCUSDT", refusal="cost"),
        decision(5, "BTCUSDT", action="long", signal={"symbol": "BTCUSDT"}),
        decision(4, "BTCUSDT", refusal="weak"),
        decision(3, "BTCUSDT"),
        decision(2, "BTCUSDT", refusal="weak"),
    ]
    told = await scene.page.evaluate(TOLD, rows)
    assert [(row["ms"], row["symbol"], row["since"], row["times"]) for row in told] == [
        (9, "BTCUSDT", 7, 3),
        (8, "ETHUSDT", 8, 1),
        (6, "BTCUSDT", 6, 1),
        (5, "BTCUSDT", 5, 1),
        (4, "BTCUSDT", 4, 1),
        (2, "BTCUSDT", 2, 1),
    ]


async def test_funding_between_two_fills_is_one_row_with_its_sum(scene: Scene) -> None:
    rows = [
        {"ms": 1, "kind": "fill", "cash": -100.0, "price": 10.0},
        {"ms": 2, "kind": "funding", "cash": -0.5, "price": 10.0},
        {"ms": 3, "kind": "funding", "cash": 0.25, "price": 11.0},
        {"ms": 4, "kind": "fill", "cash": 100.0, "price": 12.0},
        {"ms": 5, "kind": "funding", "cash": -1.0, "price": 12.0},
    ]
    grouped = await scene.page.evaluate("async (rows) => (await import('/static/rooms/trade.js')).grouped(rows)", rows)
    assert [(row["ms"], row["times"], row["cash"], row["price"]) for row in grouped] == [
        (1, 1, -100.0, 10.0),
        (2, 2, -0.25, None),
        (4, 1, 100.0, 12.0),
        (5, 1, -1.0, 12.0),
    ]
