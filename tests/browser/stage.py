"""The small world, its web server, and a browser's page that looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.retraining.child_process import Limits
from bot.retraining.run_kinds import COMMANDS, Command
from bot.retraining.run_queue import RunQueue
from bot.trading.snapshot import Snapshot
from bot.web.account_pages import AccountPages
from bot.web.server import WebServer
from storage.config.services import WebSettings
from storage.config.tree import Config
from strategies.minute import AccountMinute
from tests.bot.retraining.children import child
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import minutes

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Locator, Page

TOKEN = "a-token-of-the-browser-tests"
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
ACCESSIBILITY = Path(__file__).with_name("accessibility.js").read_text()
DESK = {"width": 1440, "height": 900}
PATIENCE_S = 10


@cache
def all_minutes() -> list[AccountMinute]:
    """Return the minutes of the small world: 20 hours."""
    return minutes(1_200)


@dataclass
class Scene:
    """The parts a test may touch."""

    browser: Browser
    world: DaemonWorld
    server: WebServer
    address: str
    context: BrowserContext | None = None
    complaints: list[str] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    passed: int = 0
    _page: Page | None = None

    @property
    def page(self) -> Page:
        """The page that was opened last."""
        assert self._page is not None
        return self._page

    @property
    def snapshot(self) -> Snapshot:
        """The account after its last minute."""
        assert self.world.control.snapshot is not None
        return self.world.control.snapshot

    async def pass_minutes(self, count: int) -> None:
        """Let the market move on."""
        following = all_minutes()[self.passed : self.passed + count]
        self.passed += count
        await self.world.hand(*following)

    async def until_held(self) -> str:
        """Let the market move on until a position is open, and return its market."""
        while not self.snapshot.positions:
            await self.pass_minutes(10)
        return self.snapshot.positions[0].symbol

    async def open(self, *, signed_in: bool = False, **options: Any) -> Page:
        """Open the dashboard in a fresh browser profile and wait until it is live."""
        if self.context is not None:
            await self.context.close()
        self.context = await self.browser.new_context(**{"viewport": DESK, "color_scheme": "light", **options})
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self._page = page = await self.context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"pageerror: {error}"))
        page.on("request", lambda request: self.visited.add(request.url))
        await page.goto(self.server.sign_in_link() if signed_in else self.address)
        await page.locator("#live[data-state=live]").wait_for()
        return page

    async def charted(self, name: str = "equity") -> None:
        """Wait until a chart is drawn."""
        await self.page.locator(f"#{name}-chart[data-ready]").wait_for()

    async def go(self, path: str) -> None:
        """Go to another room by its address, as a reload or a shared link does."""
        await self.page.goto(self.address + path)
        await self.page.locator("#live[data-state=live]").wait_for()
        await self.page.locator("#main .card").first.wait_for()

    async def confirm(self, button: Locator) -> str:
        """Press a button, say yes, let minutes pass until the daemon has answered, and return the notice."""
        await button.click()
        await self.page.locator("#confirm-yes").click()
        return await self.noticed()

    async def noticed(self) -> str:
        """Let minutes pass until a notice appears; return it and take it away."""
        notice = self.page.locator(".notice:not(.waiting)").first
        async with asyncio.timeout(PATIENCE_S):
            while not await notice.count():
                await self.pass_minutes(1)
                await asyncio.sleep(0.05)
        text = await notice.inner_text()
        await notice.evaluate("element => element.remove()")
        return text

    async def broken_rules(self) -> list[str]:
        """Return the accessibility rules that the page breaks as it stands."""
        found: list[str] = await self.page.evaluate(ACCESSIBILITY)
        return found

    async def picture(self, name: str) -> None:
        """Keep a screenshot of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    async def restart_server(self) -> None:
        """Serve again on the same port, as a daemon does that has been started again."""
        port = int(self.address.rsplit(":", 1)[1])
        self.world.listeners.remove(self.server.on_snapshot)
        self.server = WebServer(AccountPages(self.world.control), self.world.metrics, WebSettings(port=port), TOKEN)
        self.world.listeners.append(self.server.on_snapshot)
        await self.server.start()

    def assert_quiet(self) -> None:
        """Fail where the page has complained, or has asked anybody but its own daemon."""
        assert self.complaints == [], self.complaints
        assert [url for url in self.visited if not url.startswith((self.address, "data:", "blob:"))] == []

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")


def commands_of(folder: Path) -> dict[str, Command]:
    """Return the runs with small children in place of the real programs: a backtest succeeds, a walk never ends."""
    habits = {"backtest": "good", "walk-forward": "hanging"}
    return {
        kind: replace(COMMANDS[kind], program=tuple(child(folder, habit)), has_report=False)
        for kind, habit in habits.items()
    }


@asynccontextmanager
async def staged(browser: Browser, folder: Path) -> AsyncIterator[Scene]:
    """Serve the small world on a free port until the block ends."""
    async with daemon_world(folder) as world:
        settings = WebSettings(port=0, requests_per_minute=5_000)
        runs = RunQueue(folder / "runs", Limits(memory_gb=1.0), asyncio.Lock(), commands=commands_of(folder))
        server = WebServer(AccountPages(world.control, config=Config(), run_queue=runs), world.metrics, settings, TOKEN)
        serving = asyncio.create_task(runs.run(), name="runs")
        world.listeners.append(server.on_snapshot)
        scene = Scene(browser=browser, world=world, server=server, address=await server.start())
        try:
            yield scene
        finally:
            if scene.context is not None:
                await scene.context.close()
            await scene.server.stop()
            serving.cancel()
            await asyncio.wait([serving])
