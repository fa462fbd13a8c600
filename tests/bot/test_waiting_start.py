"""A start waits for an exchange that is away, says why, and ends when it is asked to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.exchange import Patience, open_exchange
from bot.feed.failures import GeoBlocked, Throttled
from bot.feed.gate import Gate
from bot.feed.waiting import Stopped
from bot.operations.systemd import ServiceManager
from bot.web.waiting_page import WaitingPage
from storage.config.services import WebSettings
from storage.config.tree import Config, parse
from strategies.errors import ExchangeFailed

TIME_MS = 1_735_689_600_000


@asynccontextmanager
async def exchange(answer: Callable[[int], web.Response]) -> AsyncIterator[str]:
    """Serve Binance's time; `answer` is told which request it is."""
    count = 0

    async def time(_request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return answer(count)

    app = web.Application()
    app.router.add_get("/fapi/v1/time", time)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def config(url: str, state: Path) -> Config:
    return parse(
        "",
        {
            "SIGMA_EXCHANGE__NAME": "binanceusdm",
            "SIGMA_EXCHANGE__URL": url,
            "SIGMA_PATHS__STATE": str(state),
        },
    )


def healthy() -> web.Response:
    return web.json_response({"serverTime": TIME_MS})


@pytest.mark.parametrize(
    ("status", "text"),
    [(503, "<html>down</html>"), (403, "<html>Request blocked by the firewall</html>"), (451, "not from here")],
)
async def test_one_bad_first_answer_does_not_end_a_start(tmp_path: Path, status: int, text: str) -> None:
    waits: list[str] = []

    def answer(count: int) -> web.Response:
        return web.Response(status=status, text=text) if count == 1 else healthy()

    async with (
        exchange(answer) as url,
        open_exchange(config(url, tmp_path), Patience(on_wait=waits.append)) as opened,
    ):
        assert abs(opened.clock.now_ms() - TIME_MS) < 60_000
    assert len(waits) == 1
    assert "refuses connections" not in waits[0] or status == 451


async def test_a_ban_is_waited_for_aloud_and_nothing_is_asked_meanwhile(tmp_path: Path) -> None:
    Gate("binanceusdm", tmp_path / "feed").bar(Throttled("banned", 3_600))
    stopping, waits, asked = asyncio.Event(), list[str](), list[int]()

    def answer(count: int) -> web.Response:
        asked.append(count)
        return healthy()

    def on_wait(why: str) -> None:
        waits.append(why)
        stopping.set()

    async with exchange(answer) as url:
        with pytest.raises(Stopped):
            async with open_exchange(config(url, tmp_path), Patience(on_wait=on_wait, stopping=stopping)):
                pass
    assert asked == []
    assert "nothing is asked before" in waits[0]


async def test_a_place_that_is_refused_again_and_again_ends_the_start(tmp_path: Path) -> None:
    async with exchange(lambda _count: web.Response(status=451)) as url:
        with pytest.raises(GeoBlocked, match="okx"):
            async with open_exchange(config(url, tmp_path), Patience(on_wait=lambda _why: None)):
                pass


async def test_a_stop_ends_the_wait(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    patience = Patience(on_wait=lambda _why: stopping.set(), stopping=stopping)
    with pytest.raises(Stopped):
        async with open_exchange(config("http://127.0.0.1:9", tmp_path), patience):
            pass


async def test_the_page_says_why_while_a_start_waits(unused_tcp_port: int) -> None:
    page = WaitingPage(WebSettings(port=unused_tcp_port), ServiceManager(address="", alive_every_s=0))
    page.on_wait("binanceusdm <cannot> be reached")
    base = f"http://127.0.0.1:{unused_tcp_port}"
    async with aiohttp.ClientSession() as session:
        text = await _soon(session, f"{base}/")
        assert "binanceusdm &lt;cannot&gt; be reached" in text
        async with session.get(f"{base}/healthz") as response:
            assert response.status == 200
        async with session.get(f"{base}/readyz") as response:
            assert response.status == 503
            assert "cannot" in (await response.json(content_type=None))["detail"]
    await page.close()
    await page.close()


async def _soon(session: aiohttp.ClientSession, url: str) -> str:
    for _ in range(6_000):
        try:
            async with session.get(url) as response:
                return await response.text()
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.01)
    raise ExchangeFailed("the page did not come")
