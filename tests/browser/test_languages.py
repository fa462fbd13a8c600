"""The dashboard in Turkish: the browser's language or a chosen one, every room without a word left in English."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.stage import Scene

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

ROOMS = ("/", "/markets", "/markets/BTCUSDT", "/trades", "/models", "/runs", "/calendar", "/logs", "/settings")
# What every room says by itself: no names of files, settings, features, figures or logged events.
SAID = (
    "() => [...document.querySelectorAll("
    "'h1, h2, h3, th, dt, button, nav a, label, .hint, .empty, .tag:not(.side), footer p, #place, #live')]"
    ".flatMap((element) => [...element.childNodes])"
    ".filter((node) => node.nodeType === 3).map((node) => node.data.trim())"
    ".filter(Boolean)"
)
ENGLISH = re.compile(
    r"\b(the|of|and|no|not|yet|open|closed|since|who|last|trades?|market|loading|runs?|settings)\b", re.I
)
NAMES = re.compile(r"TradingView|small world|^[A-Z]{2,}|^[a-z_]+_\d+$")


async def test_a_turkish_browser_sees_turkish_in_every_room(unopened: Scene) -> None:
    scene = unopened
    await scene.until_held()
    while not scene.snapshot.trades:
        await scene.pass_minutes(20)
    page = await scene.open(locale="tr-TR")
    await expect(page.locator("html")).to_have_attribute("lang", "tr")
    await expect(page.locator("#pause")).to_have_text("Duraklat")
    trade = scene.world.control.ledger.trades(limit=1)[0].id
    for path in (*ROOMS, f"/trades/{trade}"):
        await scene.go(path)
        await expect(page.locator(".empty", has_text="Yükleniyor")).to_have_count(0)
        left = [text for text in await page.evaluate(SAID) if ENGLISH.search(text) and not NAMES.search(text)]
        assert (path, left) == (path, [])
        if path != "/logs":  # this daemon writes none
            assert (path, await scene.broken_rules()) == (path, [])
        await scene.picture(f"tr-{path.strip('/').replace('/', '-') or 'overview'}")


async def test_a_language_is_chosen_in_the_settings_and_kept(scene: Scene) -> None:
    page = scene.page
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await scene.go("/settings")
    await page.locator("[data-pref=language]").select_option("tr")
    await expect(page.locator("[data-room=settings] span")).to_have_text("Ayarlar")
    await scene.go("/")
    await expect(page.locator("[data-room=overview] span")).to_have_text("Genel bakış")
    await scene.go("/settings")
    await page.locator("[data-pref=language]").select_option("en")
    await expect(page.locator("[data-room=settings] span")).to_have_text("Settings")
    assert await page.evaluate("document.documentElement.lang") == "en"


async def test_refusals_of_the_daemon_are_told_in_the_language_of_the_page(unopened: Scene) -> None:
    scene = unopened
    page = await scene.open(locale="tr-TR", signed_in=True)
    answer = await page.evaluate(
        "async () => (await fetch('/api/decisions?limit=20', { headers: { 'Accept-Language': 'tr' } })).status"
    )
    assert answer == 200
    await expect(page.locator("#signals li").first).to_be_visible()
    reasons = await page.locator("#signals .refused .why").all_inner_texts()
    assert reasons
    assert not [text for text in reasons if "threshold" in text]
