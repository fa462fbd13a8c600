"""For whom the dashboard works: phone, dark, keyboard, screen reader; how every room looks at three widths."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.stage import Scene

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

PHONE = {"width": 390, "height": 844}
DESK, WALL = {"width": 1440, "height": 900}, {"width": 2560, "height": 1440}
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "() => getComputedStyle(document.body).backgroundColor"
FOCUSED = (
    "() => { const at = document.activeElement; const style = getComputedStyle(at);"
    " return { name: at.id || at.textContent.trim(), outline: style.outlineStyle } }"
)
LIGHT, DARK = "rgb(244, 245, 248)", "rgb(11, 14, 19)"
ROOMS = ("/", "/markets", "/markets/BTCUSDT", "/trades", "/models", "/runs", "/calendar", "/settings")


async def with_trades(scene: Scene) -> None:
    """Let a trade close and another position open, so that no room is empty."""
    await scene.until_held()
    while not scene.snapshot.trades or not scene.snapshot.positions:
        await scene.pass_minutes(20)


def named(path: str) -> str:
    return path.strip("/").replace("/", "-") or "overview"


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESK, "light"), (DESK, "dark"), (WALL, "dark"), (PHONE, "light"), (PHONE, "dark")]
)
async def test_every_room_breaks_no_accessibility_rule_and_never_scrolls_sideways(
    unopened: Scene, viewport: dict[str, int], scheme: str
) -> None:
    scene = unopened
    await with_trades(scene)
    is_phone = viewport is PHONE
    await scene.open(viewport=viewport, color_scheme=scheme, has_touch=is_phone, is_mobile=is_phone)
    trade = scene.world.control.ledger.trades(limit=1)[0].id
    for path in (*ROOMS, f"/trades/{trade}"):
        await scene.go(path)
        await expect(scene.page.locator(".empty", has_text="Loading")).to_have_count(0)
        if path in ("/", "/markets/BTCUSDT", f"/trades/{trade}"):
            await scene.page.locator("[data-ready]").first.wait_for()
        assert await scene.page.evaluate(OVERFLOW) <= 0, path
        assert (path, await scene.broken_rules()) == (path, [])
        await scene.picture(f"{'trade' if trade in path else named(path)}-{viewport['width']}-{scheme}")


async def test_the_system_decides_between_dark_and_light_until_a_person_does(unopened: Scene) -> None:
    scene = unopened
    page = await scene.open(color_scheme="dark")
    assert await page.evaluate(GROUND) == DARK
    await page.locator("#theme").click()  # as the system -> light
    assert await page.evaluate(GROUND) == LIGHT
    await page.reload()
    await page.locator("#live[data-state=live]").wait_for()
    assert await page.evaluate(GROUND) == LIGHT
    await page.evaluate("localStorage.clear()")
    await page.reload()
    assert await page.evaluate(GROUND) == DARK


async def test_colours_density_width_and_zone_are_chosen_and_kept(scene: Scene) -> None:
    page = scene.page
    await scene.go("/settings")
    await page.locator("[data-pref=colours]").select_option("blue-orange")
    await page.locator("[data-pref=density]").select_option("dense")
    await page.locator("[data-pref=zone]").select_option("local")
    await scene.go("/")
    assert await page.evaluate("({ ...document.documentElement.dataset })") == {
        "colours": "blue-orange",
        "density": "dense",
        "width": "fitted",
    }
    await expect(page.locator("#zone-note")).to_contain_text("in your zone")
    assert await scene.broken_rules() == []
    await page.keyboard.press("z")
    await expect(page.locator("#zone-note")).to_contain_text("UTC")


async def test_dialogs_break_no_accessibility_rule(scene: Scene) -> None:
    await scene.page.locator("#stop").click()
    assert await scene.broken_rules() == []
    await scene.page.keyboard.press("Escape")
    await scene.page.keyboard.press("?")
    await expect(scene.page.locator("#keys")).to_be_visible()
    assert await scene.broken_rules() == []


async def test_the_accessibility_check_finds_what_is_planted(scene: Scene) -> None:
    await scene.page.evaluate(
        "() => document.body.insertAdjacentHTML('beforeend', `<section aria-label='planted'>"
        "<button></button><h4>too deep</h4><input><p style='color:#aaa;background:#fff'>faint</p>"
        "<div id='main' role='nonsense' aria-labelledby='nobody' tabindex='3'>twice</div></section>`)"
    )
    rules = {line.split(":")[0] for line in await scene.broken_rules()}
    planted = {"button-name", "heading-order", "label", "color-contrast", "duplicate-id", "aria-roles", "tabindex"}
    assert planted | {"aria-valid-attr-value"} <= rules


async def test_everything_can_be_done_by_keyboard(scene: Scene) -> None:
    page = scene.page
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Tab")
    assert (await page.evaluate(FOCUSED))["name"] == "Skip to the content"
    seen = []
    for _ in range(8):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate(FOCUSED))
    assert [part["name"] for part in seen] == [
        "Sigma Analyst", "pause", "stop", "theme", "session", "Overview", "Markets", "Trades",
    ]  # fmt: skip
    assert all(part["outline"] != "none" for part in seen)
    await page.evaluate("document.activeElement.blur()")
    for key, path in (("2", "/markets"), ("3", "/trades"), ("6", "/calendar"), ("1", "/")):
        await page.keyboard.press(key)
        await expect(page).to_have_url(scene.address + path)
    await page.keyboard.press("2")
    await page.locator("#market-search").wait_for()
    await page.keyboard.press("/")
    await expect(page.locator("#market-search")).to_be_focused()
    await page.keyboard.type("eth")
    await expect(page.locator("#main tbody tr")).to_have_count(1)
    await page.locator("#stop").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#confirm-no")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#stop")).to_be_focused()


async def test_focus_and_scrolling_survive_the_updates_of_a_live_page(scene: Scene) -> None:
    await scene.pass_minutes(360)
    symbol = await scene.until_held()
    button = scene.page.locator(f"[data-action=close][data-symbol={symbol}]")
    await button.focus()
    await expect(scene.page.locator("#signals li")).not_to_have_count(3)
    await scene.page.locator("#signals").evaluate("element => { element.scrollTop = 40 }")
    before = await scene.page.locator("[data-figure=equity]").inner_text()
    await scene.pass_minutes(5)
    await expect(scene.page.locator("[data-figure=equity]")).not_to_have_text(before)
    await expect(button).to_be_focused()
    assert await scene.page.locator("#signals").evaluate("element => element.scrollTop") >= 40


async def test_it_can_be_installed_as_an_app(scene: Scene) -> None:
    manifest = await scene.page.evaluate(
        "async () => (await fetch(document.querySelector('link[rel=manifest]').href)).json()"
    )
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        kind = await scene.page.evaluate("async src => (await fetch(src)).headers.get('content-type')", icon["src"])
        assert kind == icon["type"]
