"""Others look: a link that only looks, several accounts of one database, notifications of the browser."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect
from sqlalchemy import insert, select

from storage.ledger.database import writing
from storage.ledger.tables import account
from tests.browser.stage import Scene

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def test_a_shared_link_shows_everything_and_commands_nothing_until_it_is_ended(scene: Scene) -> None:
    page = scene.page
    await scene.go("/settings")
    await page.locator("#share").click()
    link = await page.locator("#shared-link").input_value()
    assert link.startswith(f"{scene.address}/shared?pass=")
    owner = scene.context
    scene.context = None  # it stays open: the link is ended from it
    other = await scene.open()
    await other.goto(link)
    await expect(other).to_have_url(f"{scene.address}/")
    await expect(other.locator("#banners")).to_contain_text("nothing can be commanded")
    await expect(other.locator("#pause")).to_be_disabled()
    await expect(other.locator("[data-figure=equity]")).to_be_visible()
    assert await scene.broken_rules() == []
    refused = await other.evaluate(
        "async () => { const { csrf } = await (await fetch('/api/session')).json();"
        " const headers = { 'Content-Type': 'application/json', 'X-Sigma-CSRF': csrf };"
        " return (await fetch('/api/pause', { method: 'POST', body: '{}', headers })).status }"
    )
    assert refused == 403
    scene.complaints.clear()  # the browser notes the refusal
    await page.locator("#share-end").click()
    await expect(page.locator("#shared-link")).to_have_count(0)
    assert (await other.evaluate("async () => (await fetch('/api/session')).json()"))["signed_in"] is False
    assert owner is not None
    await owner.close()


async def test_all_accounts_of_the_database_stand_on_one_page(scene: Scene) -> None:
    database = scene.world.control.ledger.database
    with writing(database) as connection:
        row = dict(connection.execute(select(account)).mappings().first() or {})
        connection.execute(insert(account).values(**{**row, "id": row["id"] + 1, "name": "second"}))
    await scene.pass_minutes(1)
    await scene.go("/")
    rows = scene.page.locator(".card.accounts tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("this one")
    await expect(rows.last).to_contain_text("second")
    assert await scene.broken_rules() == []


async def test_notifications_are_asked_for_and_told_in_the_background(scene: Scene) -> None:
    page = scene.page
    assert scene.context is not None
    await scene.context.grant_permissions(["notifications"], origin=scene.address)
    await page.add_init_script(
        "window.told = []; window.Notification = class { constructor(title, options) { told.push(options.body) } "
        "static permission = 'granted'; static requestPermission = async () => 'granted' };"
        "Object.defineProperty(document, 'hidden', { get: () => window.away === true });"
        "navigator.serviceWorker.register = async () => {};"
        "navigator.serviceWorker.getRegistration = async () => undefined;"
    )
    await scene.go("/settings")
    await page.locator("#notify").click()
    await expect(page.locator("#notify")).to_have_attribute("aria-pressed", "true")
    await page.evaluate("window.away = true")
    while not await page.evaluate("told.length"):
        await scene.pass_minutes(10)
        await asyncio.sleep(0.05)
    assert await page.evaluate("told[0].length") > 0
