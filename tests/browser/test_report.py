"""A report in a real browser: opened from a file, without a network, its charts drawn, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.stage import ACCESSIBILITY, SCREENSHOTS, Scene
from training.report.ledger import ledger_report
from training.report.page import write_page

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
DRAWN = "() => [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('canvas'))"
GROUND = "() => getComputedStyle(document.body).backgroundColor"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_report_draws_its_charts_from_a_file_and_asks_nobody(
    unopened: Scene, tmp_path: Path, scheme: str
) -> None:
    scene = unopened
    while scene.snapshot.trades < 2:
        await scene.pass_minutes(20)
    path = tmp_path / "report.html"
    write_page(path, ledger_report(scene.world.control.ledger))
    assert path.stat().st_size < 1_000_000
    context = await scene.browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(path.as_uri())
    await page.wait_for_function(DRAWN)
    assert "Demo market" in await page.locator(".warning").inner_text()
    assert await page.evaluate(ACCESSIBILITY) == []
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"report-1440-{scheme}.png", full_page=True)
    before = await page.evaluate(GROUND)
    await page.locator("#theme").click()
    assert await page.evaluate(GROUND) != before
    assert (complaints, [url for url in asked if not url.startswith("file:")]) == ([], [])
    await context.close()
