"""What the dashboard costs: bytes of the first load, first paint, charts ready, and, left open at the demo's speed, the
browser's processor time and megabytes a minute. A real `sigma run`, a real headless Chromium.

The page's own work is read from the browser (`Performance.getMetrics`, TaskDuration); bytes are what came over the wire
by HTTP, and the websocket's frames before their compression. The daemon runs on the same cores.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.figures import Figure, parser, show
from benchmarks.startup import Installation
from strategies.errors import BadInput

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession, Page

SPEED: Final = 7200.0
SETTLE_S: Final = 10.0  # of trading before anybody looks
READY_MS: Final = 30_000
REPEATS: Final = 3
ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


class Wire:
    """Counts what comes to a page."""

    def __init__(self) -> None:
        self.http = 0
        self.frames = 0

    async def listen(self, session: CDPSession) -> None:
        """Count from here on."""
        session.on("Network.loadingFinished", self._on_finished)
        session.on("Network.webSocketFrameReceived", self._on_frame)
        await session.send("Network.enable")

    def _on_finished(self, event: dict[str, Any]) -> None:
        self.http += int(event["encodedDataLength"])

    def _on_frame(self, event: dict[str, Any]) -> None:
        self.frames += len(event["response"]["payloadData"])


async def measure(address: str, seconds: float) -> list[Figure]:
    """Return the figures of a dashboard."""
    from playwright.async_api import async_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise BadInput("no chromium on this machine: apt-get install chromium")
    async with async_playwright() as started:
        browser = await started.chromium.launch(executable_path=path, args=ARGUMENTS)
        figures = await _first_load(browser, address)
        figures += [
            Figure(
                name="market_chart_ready_s",
                value=await _median(lambda: _ready(browser, f"{address}/markets/BTCUSDT", "#price-chart")),
                unit="s",
                goal="<= 1.5",
            )
        ]
        figures += await _left_open(browser, address, seconds)
        await browser.close()
    return figures


async def _first_load(browser: Browser, address: str) -> list[Figure]:
    page, wire = await _page(browser)
    await page.goto(address)
    await page.locator("#equity-chart[data-ready]").wait_for(timeout=READY_MS)
    paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
    await page.context.close()
    return [
        Figure(name="first_load_kb", value=round(wire.http / 1e3, 1), unit="kB over the wire"),
        Figure(name="first_paint_s", value=None if paint is None else round(paint / 1e3, 3), unit="s", goal="<= 1.0"),
        Figure(
            name="equity_chart_ready_s",
            value=await _median(lambda: _ready(browser, address, "#equity-chart")),
            unit="s",
            goal="<= 1.5",
        ),
    ]


async def _left_open(browser: Browser, address: str, seconds: float) -> list[Figure]:
    """Leave the overview open, its profile new, everything loaded."""
    page, wire = await _page(browser)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    await page.goto(address)
    await page.locator("#equity-chart[data-ready]").wait_for(timeout=READY_MS)
    await asyncio.sleep(3.0)
    http, frames, busy, begun = wire.http, wire.frames, await _busy_s(session), time.perf_counter()
    await asyncio.sleep(seconds)
    lasted = time.perf_counter() - begun
    share = (await _busy_s(session) - busy) / lasted
    minutes = lasted / 60
    came = ((wire.http - http) + (wire.frames - frames)) / 1e6 / minutes
    await page.context.close()
    return [
        Figure(name="browser_cpu_percent", value=round(100 * share, 2), unit="% of a core", goal="<= 5"),
        Figure(name="mb_a_minute", value=round(came, 3), unit="MB a minute, frames uncompressed", goal="<= 1"),
    ]


async def _ready(browser: Browser, url: str, chart: str) -> float:
    """Return how long a new profile needs from the address to the drawn chart, s."""
    page, _wire = await _page(browser)
    begun = time.perf_counter()
    await page.goto(url, wait_until="commit")
    await page.locator(f"{chart}[data-ready]").wait_for(timeout=READY_MS)
    lasted = time.perf_counter() - begun
    await page.context.close()
    return lasted


async def _median(measured: Callable[[], Awaitable[float]]) -> float:
    found = sorted([await measured() for _ in range(REPEATS)])
    return round(found[REPEATS // 2], 3)


async def _page(browser: Browser) -> tuple[Page, Wire]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page, wire = await context.new_page(), Wire()
    await wire.listen(await context.new_cdp_session(page))
    return page, wire


async def _busy_s(session: CDPSession) -> float:
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return float(next(part["value"] for part in metrics if part["name"] == "TaskDuration"))


def main() -> None:
    """Start a daemon, look at it, print the figures."""
    arguments = parser("dashboard", "cost of the dashboard at the demo's speed")
    arguments.add_argument("--seconds", type=float, default=60.0, help="how long the page is left open")
    arguments.add_argument("--address", default="", help="of a daemon that runs already; empty: start one")
    options = arguments.parse_args()
    if options.address:
        figures = asyncio.run(measure(options.address, options.seconds))
    else:
        with tempfile.TemporaryDirectory() as folder:
            installation = Installation(Path(folder), 3)
            installation.start(SPEED)
            time.sleep(SETTLE_S)
            try:
                figures = asyncio.run(measure(f"http://127.0.0.1:{installation.port}", options.seconds))
            finally:
                installation.stop()
    show("dashboard", figures, as_json=options.json)


if __name__ == "__main__":
    main()
