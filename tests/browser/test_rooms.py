"""The rooms of the dashboard: addresses, charts that can be explored, filters, runs; all against a real server."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import expect

from strategies.bundle.files import RECORD
from tests.bot.retraining.swappable import ridge_files
from tests.browser.stage import Scene

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

CHART_READY_MS = 1_500


async def traded(scene: Scene) -> None:
    while scene.snapshot.trades < 2:
        await scene.pass_minutes(20)


async def test_every_room_and_thing_has_an_address_and_back_leads_back(scene: Scene) -> None:
    page = scene.page
    await traded(scene)
    await page.locator("[data-room=trades]").click()
    await expect(page).to_have_url(f"{scene.address}/trades")
    await expect(page.locator("#trade-search")).to_be_visible()  # the address changes before the room is drawn
    row = page.locator("#main tbody tr").first
    name = await row.get_attribute("data-row")
    await row.locator("a.lead").click()
    await expect(page).to_have_url(f"{scene.address}/trades/{name}")
    await expect(page.locator("h1")).to_have_text(name or "")
    await page.reload()
    await expect(page.locator("h1")).to_have_text(name or "")
    await page.go_back()
    await expect(page.locator("#trade-search")).to_be_visible()
    await page.go_back()
    await expect(page.locator("[data-figure=equity]")).to_be_visible()
    assert (await page.title()).endswith("Sigma Analyst")


async def test_a_trades_page_shows_where_its_stop_lay_and_when_it_moved(scene: Scene) -> None:
    symbol = await scene.until_held()
    held = next(part for part in scene.snapshot.positions if part.symbol == symbol)
    await scene.go(f"/trades/{symbol}-{held.trade}")
    await scene.charted("trade")
    rows = scene.page.locator(".card.moves tbody tr")
    await expect(rows.first).to_contain_text("set at the fill")
    stop = await rows.last.locator("td[data-label=stop]").inner_text()
    assert float(stop.replace(",", "")) == pytest.approx(held.stop_loss, rel=1e-3)
    assert await scene.broken_rules() == []
    await scene.picture("trade-levels")


async def test_a_market_is_explored_by_timeframe_panes_and_features(scene: Scene) -> None:
    page, chart = scene.page, scene.page.locator("#price-chart")
    began = await page.evaluate("performance.now()")
    await page.locator("[data-room=markets]").click()
    await page.locator("[data-row=ETHUSDT] a.lead").click()
    await expect(chart).to_have_attribute("data-ready", "ETHUSDT:1h")
    assert await page.evaluate("performance.now()") - began < 10 * CHART_READY_MS  # measured by itself elsewhere
    await expect(chart).to_have_attribute("aria-label", re.compile(r"^ETHUSDT: 50\d candles of 1h"))
    for timeframe in ("1m", "4h"):
        await page.locator(f"[data-choice=timeframe][data-value='{timeframe}']").click()
        await expect(chart).to_have_attribute("data-ready", f"ETHUSDT:{timeframe}")
    await expect(page).to_have_url(re.compile("tf=4h"))
    await page.locator("[data-choice=timeframe][data-value='1h']").click()
    await page.locator("[data-choice=pane][data-value=votes]").click()
    await page.locator("#feature-add").select_option("ema_24")
    await expect(page).to_have_url(re.compile("f=ema_24"))
    await expect(page.locator("[data-feature=ema_24]")).to_be_visible()
    await page.reload()
    await expect(page.locator("[data-feature=ema_24]")).to_be_visible()
    await expect(chart).to_have_attribute("data-ready", "ETHUSDT:1h")


async def test_older_candles_come_when_one_scrolls_to_them(scene: Scene) -> None:
    page, chart = scene.page, scene.page.locator("#price-chart")
    await scene.go("/markets/BTCUSDT")
    await expect(chart).to_have_attribute("data-ready", "BTCUSDT:1h")
    box = await chart.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    for _ in range(25):
        await page.mouse.wheel(0, 600)  # zooms out
        await scene.pass_minutes(1)
        label = await chart.get_attribute("aria-label") or ""
        found = re.search(r": ([\d,]+) candles", label)
        if found and int(found[1].replace(",", "")) >= 900:
            break
    await expect(chart).to_have_attribute("aria-label", re.compile(r": (9|1\d)\d\d candles"))


async def test_trades_are_filtered_sorted_and_exported(scene: Scene) -> None:
    page = scene.page
    while len({trade.side for trade in scene.world.control.ledger.trades()}) < 2:
        await scene.pass_minutes(30)
    all_trades = scene.world.control.ledger.trades()
    await scene.go("/trades?side=LONG")
    longs = [trade for trade in all_trades if trade.side == "LONG"]
    await expect(page.locator("#main tbody tr")).to_have_count(len(longs))
    await scene.go("/trades")
    await page.locator("[data-sort=net]").click()
    best = max(all_trades, key=lambda trade: trade.net)
    await expect(page.locator("#main tbody tr").first).to_have_attribute("data-row", best.id)
    await expect(page.locator("th[aria-sort=descending]")).to_contain_text("Net")
    async with page.expect_download() as download:
        await page.locator("#export").click()
    content = (await (await download.value).path()).read_text().splitlines()
    assert len(content) == 1 + len(all_trades)
    assert content[0].startswith("id,symbol,side")


async def test_a_trades_page_tells_how_far_it_went_and_what_it_cost(scene: Scene) -> None:
    await traded(scene)
    trade = scene.world.control.ledger.trades(limit=1)[0]
    await scene.go(f"/trades/{trade.id}")
    page = scene.page
    await expect(page.locator("[data-figure=net]")).to_contain_text(f"{abs(trade.net):,.2f}")
    await expect(page.locator("[data-figure=mae]")).to_contain_text("%")
    await expect(page.locator("[data-figure=mfe]")).to_contain_text("%")
    await expect(page.locator(".reasons")).to_contain_text("Closed")
    await expect(page.locator(".events tbody tr")).not_to_have_count(0)
    await page.locator("#trade-chart[data-ready]").wait_for()
    assert await page.locator(".events tbody tr").count() >= 2  # it was opened and it was closed


async def test_a_run_is_started_followed_and_another_cancelled(scene: Scene) -> None:
    page = scene.page
    await scene.go("/runs")
    await page.locator("[name=symbols]").fill("BTCUSDT")
    await page.locator("#run-form button[type=submit]").click()
    await expect(page).to_have_url(re.compile(r"/runs/r-00001$"))
    await expect(page.locator("span[data-run]")).to_have_attribute("data-run", "done")
    await expect(page.locator("[data-outcome]")).to_contain_text("no edge found")
    await page.locator("[data-room=runs]").click()
    await page.locator("#run-kind").select_option("walk-forward")
    await page.locator("#run-form button[type=submit]").click()
    await expect(page.locator("span[data-run]")).to_have_attribute("data-run", "running")
    await page.locator("[data-action=cancel-run]").click()
    await page.locator("#confirm-yes").click()
    await expect(page.locator("span[data-run]")).to_have_attribute("data-run", "cancelled")
    await expect(page.locator("[data-outcome]")).to_contain_text("cancelled on the dashboard")
    assert page.url.endswith("/runs/r-00002")


async def test_runs_stand_side_by_side_and_stay_there(scene: Scene) -> None:
    page = scene.page
    for symbols in ("BTCUSDT", "ETHUSDT"):
        await scene.go("/runs")
        await page.locator("[name=symbols]").fill(symbols)
        await page.locator("#run-form button[type=submit]").click()
        await expect(page.locator("span[data-run]")).to_have_attribute("data-run", "done")
    await scene.go("/runs")
    boxes = page.locator("[data-compare]")
    await expect(boxes).to_have_count(2)
    for number in range(2):
        await boxes.nth(number).check()
    side_by_side = page.locator(".card.compare")
    await expect(side_by_side.locator("thead th")).to_have_count(3)
    await expect(side_by_side.locator("tbody tr")).not_to_have_count(0)
    await expect(page).to_have_url(re.compile(r"compare=r-0000\d\.r-0000\d"))
    await page.reload()
    await expect(page.locator(".card.compare thead th")).to_have_count(3)
    assert await scene.broken_rules() == []
    await scene.picture("runs-compared")
    await page.locator("[data-compare]").first.uncheck()
    await expect(page.locator(".card.compare")).to_have_count(0)


async def test_the_calendar_colours_the_days_that_were_traded(scene: Scene) -> None:
    await traded(scene)
    await scene.go("/calendar")
    await expect(scene.page.locator("#main")).to_contain_text("2025-01")
    day = scene.page.locator("td.day").first
    await expect(day).to_be_visible()
    assert f"{scene.snapshot.trades} trade" in await day.inner_text()


async def test_settings_say_what_differs_and_what_a_change_needs(scene: Scene) -> None:
    await scene.go("/settings?q=exchange.name")
    row = scene.page.locator("#main tbody tr")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("a new account")
    assert "exchange.name" in await row.inner_text()


async def test_models_show_how_they_learn_while_they_train(scene: Scene) -> None:
    trainer = scene.world.training
    for epoch in range(1, 9):
        trainer.learn("lstm", epoch, 8, {"training loss": 2.8 / epoch, "validation loss": 3.0 / epoch})
    await scene.go("/models")
    plot = scene.page.locator("[data-plot=lstm]")
    await expect(plot.locator("polyline")).to_have_count(2)
    await expect(plot).to_have_attribute("aria-label", re.compile("training loss from .2.8.* to .0.35"))
    trainer.learn("walk forward", 1, 4, {"lstm IC": 0.05})
    await expect(scene.page.locator("[data-plot='walk forward'] svg")).to_be_visible()
    assert await scene.broken_rules() == []
    await scene.picture("models-learning")


async def test_a_bundle_tells_its_skill_by_market_its_calibration_and_what_it_looks_at(scene: Scene) -> None:
    explained = {
        "coins": [{"symbol": "BTCUSDT", "ic": 0.061, "rows": 4000}, {"symbol": "ETHUSDT", "ic": -0.01, "rows": 4000}],
        "calibration": [{"probability": 0.4 + 0.02 * n, "seen": 0.39 + 0.02 * n, "rows": 400} for n in range(10)],
        "importance": {"xgboost": [{"feature": "momentum_24", "share": 0.3}, {"feature": "ema_24", "share": 0.1}]},
        "why": ["ridge votes from the start: IC +0.0500 alone"],
    }
    files = ridge_files() | {RECORD: json.dumps({"duration_s": 12.5, "explained": explained}).encode()}
    bundle = scene.world.control.registry.add_files(files)
    await scene.go(f"/models/{bundle}")
    page = scene.page
    await expect(page.locator(".card.coins .bars > div")).to_have_count(2)
    await expect(page.locator("#calibration-plot polyline")).to_have_count(2)
    await expect(page.locator(".card.importance-xgboost")).to_contain_text("momentum_24")
    await expect(page.locator(".card.weights")).to_contain_text("votes from the start")
    assert await scene.broken_rules() == []
    await scene.picture("bundle-inside")
