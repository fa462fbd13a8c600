"""One Chromium for all browser tests; where there is none, they are skipped and say so."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.stage import PATIENCE_S, Scene, staged

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed: it is in the extra `dev`")

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[playwright.Browser]:
    """A headless Chromium of the system, with an empty profile."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright.expect.set_options(timeout=PATIENCE_S * 1000)
    async with playwright.async_playwright() as started:
        opened = await started.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def unopened(browser: playwright.Browser, tmp_path: Path) -> AsyncIterator[Scene]:
    """The small world an hour and a half in, served, and nobody looking yet."""
    async with staged(browser, tmp_path) as made:
        await made.pass_minutes(91)
        yield made
        made.assert_quiet()


@pytest_asyncio.fixture(loop_scope="session")
async def scene(unopened: Scene) -> Scene:
    """The same with a signed-in page open on it."""
    await unopened.open(signed_in=True)
    return unopened
