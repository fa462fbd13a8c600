"""For whom the dashboard works: phone, dark, keyboard, screen reader."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.stage import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 360, "height": 740}
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "() => getComputedStyle(document.body).backgroundColor"
FOCUSED = (
    "() => { const at = document.activeElement; const style = getComputedStyle(at);"
    " return { name: at.id || at.textContent.trim(), outline: style.outlineStyle } }"
)
LIGHT, DARK = "rgb(243, 244, 247)", "rgb(13, 16, 22)"


async def with_everything(scene: Scene) -> None:
    """Let a trade close and another position open, so that no section is empty."""
    await scene.until_held()
    while not scene.snapshot.trades or not scene.snapshot.positions:
        await scene.pass_minutes(20)
    await scene.page.locator("#trades tbody tr").first.wait_for()
    await scene.page.locator("#positions tbody tr").first.wait_for()
    await scene.charted()


async def test_a_phone_shows_everything_without_scrolling_sideways(unopened: Scene) -> None:
    scene = unopened
    await scene.open(viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    await with_everything(scene)
    assert await scene.page.evaluate(OVERFLOW) <= 0
    assert await scene.broken_rules() == []
    for section in await scene.page.locator("main section").all():
        box = await section.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
    await scene.picture("phone-light")
    await scene.page.locator("#stop").click()
    await expect(scene.page.locator("#confirm")).to_be_visible()
    assert await scene.page.evaluate(OVERFLOW) <= 0


async def test_the_system_decides_between_dark_and_light_until_a_person_does(unopened: Scene) -> None:
    scene = unopened
    page = await scene.open(color_scheme="dark")
    assert await page.evaluate(GROUND) == DARK
    await with_everything(scene)
    await scene.picture("desk-dark")
    assert await scene.broken_rules() == []
    await page.locator("#theme").click()
    assert await page.evaluate(GROUND) == LIGHT
    await page.reload()
    await page.locator("#live[data-state=live]").wait_for()
    assert await page.evaluate(GROUND) == LIGHT
    await page.evaluate("localStorage.clear()")
    await page.reload()
    assert await page.evaluate(GROUND) == DARK


async def test_no_accessibility_rule_is_broken(scene: Scene) -> None:
    await with_everything(scene)
    assert await scene.broken_rules() == []
    await scene.page.locator("#stop").click()
    assert await scene.broken_rules() == []
    await scene.page.keyboard.press("Escape")
    await scene.page.locator("#session").click()
    await scene.pass_minutes(1)
    assert await scene.broken_rules() == []


async def test_the_accessibility_check_finds_what_is_planted(scene: Scene) -> None:
    await scene.page.evaluate(
        "() => document.getElementById('main').insertAdjacentHTML('beforeend', `<section aria-label='planted'>"
        "<button></button><h4>too deep</h4><input><p style='color:#aaa;background:#fff'>faint</p>"
        "<div id='main' role='nonsense' aria-labelledby='nobody' tabindex='3'>twice</div></section>`)"
    )
    rules = {line.split(":")[0] for line in await scene.broken_rules()}
    planted = {"button-name", "heading-order", "label", "color-contrast", "duplicate-id", "aria-roles", "tabindex"}
    assert planted | {"aria-valid-attr-value"} <= rules


async def test_everything_can_be_done_by_keyboard(scene: Scene) -> None:
    page = scene.page
    await page.locator("#tab-BTCUSDT").wait_for()
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Tab")
    assert (await page.evaluate(FOCUSED))["name"] == "Skip to the account"
    seen = []
    for _ in range(12):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate(FOCUSED))
    assert [part["name"] for part in seen][:5] == ["pause", "stop", "theme", "session", "tab-BTCUSDT"]
    assert all(part["outline"] != "none" for part in seen)
    await page.locator("#tab-BTCUSDT").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#tab-ETHUSDT")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("End")
    await expect(page.locator("#tab-SOLUSDT")).to_be_focused()
    await page.locator("#stop").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#confirm-no")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#stop")).to_be_focused()


async def test_focus_and_scrolling_survive_the_updates_of_a_live_page(scene: Scene) -> None:
    await scene.pass_minutes(360)
    symbol = await scene.until_held()
    await expect(scene.page.locator("#signals li")).not_to_have_count(3)
    button = scene.page.locator(f"[data-action=close][data-symbol={symbol}]")
    await button.focus()
    await scene.page.locator("#signals").evaluate("element => { element.scrollTop = 40 }")
    before = await scene.page.locator("[data-figure=equity]").inner_text()
    await scene.pass_minutes(5)
    await expect(scene.page.locator("[data-figure=equity]")).not_to_have_text(before)
    await expect(button).to_be_focused()
    assert await scene.page.locator("#signals").evaluate("element => element.scrollTop") >= 40


async def test_a_new_signal_is_announced_to_screen_readers(scene: Scene) -> None:
    announcer = scene.page.locator("#announcer")
    await expect(announcer).to_have_attribute("aria-live", "polite")
    before = {view.symbol: view.signal for view in scene.snapshot.markets}
    while {view.symbol: view.signal for view in scene.snapshot.markets} == before:
        await scene.pass_minutes(10)
    newest = max((view.signal for view in scene.snapshot.markets if view.signal), key=lambda found: found.decision_ms)
    if any(before.values()):
        await expect(announcer).to_contain_text(newest.symbol)
    await expect(scene.page.locator("#signals li[data-decision=signal]").first).to_contain_text(newest.symbol)
