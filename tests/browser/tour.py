"""A tour of the demo in 60 seconds, recorded frame by frame: `make tour`.

Starts `sigma run` in a folder of its own, walks through the rooms as a newcomer would, and writes the frames and one
animated picture under build/tour. Needs chromium; nothing of it is committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.browser.conftest import ARGUMENTS
from tests.browser.test_real_daemon import Daemon

if TYPE_CHECKING:
    from playwright.async_api import Page

FOLDER: Final = Path(__file__).parents[2] / "build" / "tour"
FRAME_S: Final = 0.5
SECONDS: Final = 60
TRADES: Final = (
    "async () => { try { return (await (await fetch('/api/status')).json()).trades ?? 0 } catch { return 0 } }"
)
LEAST_TRADES: Final = 3
PATIENCE_S: Final = 180  # for so many closed trades; then the tour begins with what there is
MARKETS: Final = "BTCUSDT,ETHUSDT,SOLUSDT,XRPUSDT,LINKUSDT,LTCUSDT,DOGEUSDT,SUIUSDT"
STOPS: Final = (  # address, what to wait for, seconds
    ("/", "#equity-chart[data-ready]", 12),
    ("/markets", "#market-search", 6),
    ("/markets/BTCUSDT", "#price-chart[data-ready]", 12),
    ("/trades", "#trade-search", 6),
    ("/models", ".card.champion", 8),
    ("/runs", "#run-form", 5),
    ("/calendar", "td.day", 6),
    ("/settings", "#setting-search", 5),
)


async def record() -> int:
    """Walk through the rooms and return how many frames were taken."""
    from playwright.async_api import async_playwright

    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    taken = 0
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), SIGMA_EXCHANGE__SPEED="7200", SIGMA_EXCHANGE__SYMBOLS=MARKETS)
        link = await daemon.start()
        try:
            async with async_playwright() as started:
                path = shutil.which("chromium") or shutil.which("google-chrome")
                browser = await started.chromium.launch(executable_path=path, args=ARGUMENTS)
                page = await browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
                await page.goto(link)
                await _traded(page)
                for address, wanted, seconds in STOPS:
                    await page.goto(link.split("/login")[0] + address)
                    await page.locator(wanted).first.wait_for(timeout=60_000)
                    taken = await _frames(page, taken, seconds)
                await browser.close()
        finally:
            await daemon.stop()
    return taken


async def _traded(page: Page) -> None:
    """Wait until there is something to see: some trades have closed, or this machine is too slow to wait for them."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while await page.evaluate(TRADES) < LEAST_TRADES:
                await page.wait_for_timeout(1_000)


async def _frames(page: Page, taken: int, seconds: float) -> int:
    """Take so many seconds of frames, scrolling down slowly in the second half."""
    count = round(seconds / FRAME_S)
    for number in range(count):
        if number > count // 2:
            await page.mouse.wheel(0, 60)
        await page.screenshot(path=FOLDER / f"frame-{taken:03}.jpg", type="jpeg", quality=80)
        taken += 1
        await asyncio.sleep(FRAME_S)
    return taken


def film() -> Path:
    """Put the frames together as one animated picture."""
    frames = [Image.open(path).resize((960, 600)) for path in sorted(FOLDER.glob("frame-*.jpg"))]
    target = FOLDER / "tour.webp"
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=round(1000 * FRAME_S), loop=0, quality=60)
    return target


if __name__ == "__main__":
    print(f"{asyncio.run(record())} frames of {SECONDS} s, {film()}")
