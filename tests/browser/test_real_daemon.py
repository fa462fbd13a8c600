"""The dashboard of a real `sigma run`: opened by a link, live, and live again after a kill and a restart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.stage import DESK, SCREENSHOTS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
START_S = 90
LOOK_S = 0.1  # between two looks at what the daemon has printed


class Daemon:
    """`sigma run` on the demo market in a folder of its own, without a training; `settings` come on top."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._settings = settings
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: Process | None = None

    async def start(self) -> str:
        """Start it and return the link that signs in."""
        settings = {
            "SIGMA_WEB__PORT": str(self.port),
            "SIGMA_EXCHANGE__SPEED": "600",
            "SIGMA_EXCHANGE__SYMBOLS": "BTCUSDT,ETHUSDT,SOLUSDT",
            "SIGMA_SCHEDULE__RETRAIN": "false",
            "SIGMA_SCHEDULE__RETRAIN_ON_DRIFT": "false",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        } | self._settings
        output = self.folder / "output.txt"  # a file: a pipe that nobody empties would stop the daemon when it is full
        with output.open("wb") as file:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot.cli", "run"),
                cwd=self.folder,
                env=os.environ | settings,
                stdout=file,
                stderr=asyncio.subprocess.STDOUT,
            )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                while self._process.returncode is None:
                    if "\nsign in" in output.read_text(encoding="utf-8"):
                        return await self._sign_in_link()
                    await asyncio.sleep(LOOK_S)
        raise AssertionError(output.read_text(encoding="utf-8"))

    async def _sign_in_link(self) -> str:
        """Ask as `sigma sign-in` does: what is not read by a person is printed no link."""
        token = (self.folder / "state" / "api.token").read_text().strip()
        address = f"http://127.0.0.1:{self.port}"
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as asking,
            asking.post(f"{address}/api/session/ticket", headers=headers) as said,
        ):
            return address + str((await said.json())["path"])

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """End it and wait until it has gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(15):
                    await self._process.wait()
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()


@pytest_asyncio.fixture(loop_scope="session")
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    """A daemon that is ended with the test."""
    made = Daemon(tmp_path)
    yield made
    await made.stop()


async def test_a_real_daemon_is_followed_through_a_kill_and_a_restart(browser: Browser, daemon: Daemon) -> None:
    link = await daemon.start()
    context = await browser.new_context(viewport=DESK)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(link)
    live = page.locator("#live")
    await expect(live).to_have_attribute("data-state", "live", timeout=30_000)
    await expect(page.locator("#place")).to_contain_text("Demo market")
    await expect(page.locator("#session")).to_have_text("Sign out")
    await page.goto(f"{link.split('/login')[0]}/markets/BTCUSDT")
    await expect(page.locator("#price-chart")).to_have_attribute("data-ready", "BTCUSDT:1h", timeout=30_000)
    await expect(page.locator("#price-chart")).to_have_attribute("aria-label", re.compile(r"^BTCUSDT: \d+ candles"))
    before = await live.inner_text()
    await expect(live).not_to_have_text(before)
    await daemon.stop(signal.SIGKILL)
    await expect(live).to_have_attribute("data-state", "disconnected")
    await daemon.start()
    await expect(live).to_have_attribute("data-state", "live", timeout=30_000)
    await expect(page.locator("#session")).to_have_text("Sign out")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / "real-daemon.png", full_page=True)
    assert errors == []
    await context.close()


async def test_the_chosen_account_is_the_one_that_is_shown_and_commanded(browser: Browser, daemon: Daemon) -> None:
    (daemon.folder / "config.toml").write_text('[accounts.second]\nsymbols = ["SOLUSDT", "XRPUSDT"]\n')
    link = await daemon.start()
    context = await browser.new_context(viewport=DESK)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(link)
    live, address = page.locator("#live"), link.split("/login")[0]
    await expect(live).to_have_attribute("data-state", "live", timeout=30_000)
    await expect(page.locator("#account option")).to_have_text(["main", "second"])
    await page.locator("[data-room=markets]").click()
    await page.locator("#account").select_option("second")
    await expect(page).to_have_url(f"{address}/accounts/second/markets")
    await expect(live).to_have_attribute("data-state", "live", timeout=30_000)
    await expect(page.locator("[data-row=XRPUSDT]")).to_be_visible()
    await expect(page.locator("[data-row=BTCUSDT]")).to_have_count(0)
    await page.locator("[data-row=XRPUSDT] a.lead").click()
    await expect(page).to_have_url(f"{address}/accounts/second/markets/XRPUSDT")
    await expect(page.locator("#price-chart")).to_have_attribute("data-ready", "XRPUSDT:1h", timeout=30_000)
    await page.locator("#pause").click()
    await page.locator("#confirm-yes").click()
    await expect(page.locator(".notice:not(.waiting)").first).to_be_visible(timeout=30_000)
    paused = "async (path) => (await (await fetch(path)).json()).paused"
    assert await page.evaluate(paused, "/accounts/second/api/status")
    assert not await page.evaluate(paused, "/api/status")
    await page.keyboard.press("1")
    await expect(page).to_have_url(f"{address}/accounts/second/")
    await expect(page.locator("#pause")).to_have_text("Resume")
    rows = page.locator(".card.accounts tbody tr")
    await expect(rows.filter(has_text="this one")).to_contain_text("second")
    await page.screenshot(path=SCREENSHOTS / "accounts.png", full_page=True)
    await rows.filter(has_text="main").locator("a").click()
    await expect(page).to_have_url(f"{address}/")
    await expect(page.locator("#pause")).to_have_text("Pause", timeout=30_000)
    await page.go_back()
    await expect(page.locator("#pause")).to_have_text("Resume", timeout=30_000)
    assert errors == []
    await context.close()
