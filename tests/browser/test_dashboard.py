"""The dashboard in a real browser: what it shows, that it is live, and what its buttons do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.async_api import expect

from bot.views.training import TrainingProgress
from bot.web.dashboard.assets import charts_asset
from storage.ledger.journal import Alert
from storage.ledger.outbox import Outbox
from storage.ledger.shadow_trials import Shadows
from tests.bot.retraining.swappable import eager, ridge_files
from tests.bot.retraining.trials import shadow_bundle
from tests.browser.stage import TOKEN, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST_PAINT_MS = 1_000
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


class ScriptedTraining:
    """A trainer whose progress the test writes."""

    def __init__(self) -> None:
        self.state = TrainingProgress()
        self.asked: list[str] = []

    def progress(self) -> TrainingProgress:
        return self.state

    async def start(self, why: str) -> None:
        self.asked.append(why)
        self.state = TrainingProgress(state="training", why=why, started_ms=1, stage="fits", done=1, total=4)


async def test_the_page_paints_within_a_second_and_fills_every_section(unopened: Scene) -> None:
    scene = unopened
    await scene.pass_minutes(150)
    page = await scene.open()
    await scene.charted()
    painted_ms = await page.evaluate(PAINT)
    if painted_ms >= FIRST_PAINT_MS:  # a busy machine: the second look decides, with a warm browser
        await page.reload()
        await scene.charted()
        painted_ms = await page.evaluate(PAINT)
    assert painted_ms < FIRST_PAINT_MS
    await expect(page.locator("#place")).to_contain_text("Demo market")
    await expect(page.locator("[data-figure=equity]")).to_contain_text(f"{scene.snapshot.equity:,.2f}")
    await expect(page.locator("#markets li")).to_have_count(3)
    await expect(page.locator("#signals li").first).to_contain_text("USDT")
    await expect(page.locator("[data-wait=BTCUSDT]")).to_contain_text(re.compile("so far|usually"))
    await expect(page.locator("#candles-chart")).to_have_attribute("aria-label", re.compile(r"^BTCUSDT: \d+ candles"))
    await scene.picture("desk-light")


async def test_candles_prices_and_positions_move_with_every_minute(scene: Scene) -> None:
    symbol = await scene.until_held()
    await scene.pass_minutes(2)
    page = scene.page
    net = page.locator(f"[data-unrealised={symbol}]")
    for _ in range(2):
        await scene.pass_minutes(1)
        held = next(part for part in scene.snapshot.positions if part.symbol == symbol)
        await expect(net).to_have_text(f"{held.unrealised:+,.2f}".replace("-", "−"))
        bar = next(candle for candle in scene.snapshot.candles if candle.symbol == "BTCUSDT" and not candle.is_closed)
        last = page.locator("[data-last-close]")
        await expect(last).to_have_attribute("data-last-close", f"{bar.close:g}")
        await expect(last).to_have_attribute("data-last-open", str(bar.open_ms))
    await page.locator(f"#tab-{symbol}").click()
    await scene.charted()
    await expect(page.locator("#candles-legend")).to_contain_text("stop")
    assert await page.evaluate("document.getElementById('candles-chart').layout.shapes.length") >= 1


async def test_a_refusal_shows_its_conviction_against_the_threshold(scene: Scene) -> None:
    refused = scene.page.locator("#signals li[data-decision=refusal]").first
    await expect(refused).to_contain_text("under the threshold")
    label = await refused.locator(".meter").get_attribute("aria-label")
    assert re.fullmatch(r"conviction [+−]?\d+\.\d\d of \+1\.25", label or "")
    await scene.page.locator("#only-signals").check()
    await expect(scene.page.locator("#signals li[data-decision=refusal]")).to_have_count(0)


async def test_pausing_asks_for_the_token_once_and_takes_effect(unopened: Scene) -> None:
    scene = unopened
    page = await scene.open(signed_in=False)
    await page.locator("#pause").click()
    await page.locator("#confirm-yes").click()
    await page.locator("#token").fill("not the token")
    await page.keyboard.press("Enter")
    await expect(page.locator("#login-problem")).to_contain_text("not the API token")
    scene.complaints.clear()  # the browser reports the 401s that were provoked
    await page.locator("#token").fill(TOKEN)
    await page.keyboard.press("Enter")
    assert "Paused" in await scene.noticed()
    assert scene.snapshot.paused
    await expect(page.locator("#pause")).to_have_text("Resume")
    await expect(page.locator("#banners")).to_contain_text("Paused")
    assert "Entries are taken again" in await scene.confirm(page.locator("#pause"))
    assert not scene.snapshot.paused
    await expect(page.locator("#session")).to_have_text("Sign out")


async def test_a_position_is_closed_from_the_page_and_becomes_a_trade(scene: Scene) -> None:
    symbol = await scene.until_held()
    page = scene.page
    assert "closes" in await scene.confirm(page.locator(f"[data-action=close][data-symbol={symbol}]"))
    await scene.pass_minutes(2)
    await expect(page.locator(f"#positions [data-row={symbol}]")).to_have_count(0)
    trade = page.locator("#trades tbody tr").first
    await expect(trade).to_contain_text(symbol)
    await expect(trade).to_contain_text("closed by a person")
    await expect(trade).to_contain_text("conviction")


async def test_the_kill_switch_does_nothing_until_it_is_confirmed(scene: Scene) -> None:
    await scene.until_held()
    page = scene.page
    await page.locator("#stop").click()
    await page.keyboard.press("Escape")
    await scene.pass_minutes(1)
    assert scene.snapshot.positions
    assert "Stopped" in await scene.confirm(page.locator("#stop"))
    await scene.pass_minutes(2)
    assert not scene.snapshot.positions
    assert scene.snapshot.paused
    await expect(page.locator("#positions")).to_contain_text("No open position")


async def test_a_retraining_shows_its_progress_and_its_outcome(scene: Scene) -> None:
    training = ScriptedTraining()
    scene.world.control.training = training  # type: ignore[assignment]
    page = scene.page
    await scene.confirm(page.locator("#retrain"))
    assert training.asked == ["asked for by dashboard"]
    await expect(page.locator("#training progress")).to_have_attribute("value", "0.25")
    await expect(page.locator("#retrain")).to_be_disabled()
    training.state = training.state.after(done=3)
    await expect(page.locator("#training progress")).to_have_attribute("value", "0.75")
    training.state = TrainingProgress(last_outcome="bundle b-1 rejected: no edge found", last_finished_ms=1)
    await expect(page.locator("[data-outcome]")).to_contain_text("no edge found")
    await expect(page.locator("#training progress")).to_have_count(0)
    await expect(page.locator("#retrain")).to_be_enabled()


async def test_a_bundle_is_promoted_and_rolled_back(unopened: Scene) -> None:
    scene = unopened
    registry = scene.world.control.registry
    first, second = registry.add_files(ridge_files()), registry.add_files(eager(ridge_files()))
    await scene.pass_minutes(1)
    page = await scene.open(signed_in=True)
    for bundle in (first, second):
        assert "decides" in await scene.confirm(page.locator(f"[data-action=promote][data-bundle={bundle}]"))
        await expect(page.locator(f".model[data-bundle={bundle}]")).to_contain_text("in production")
        assert scene.snapshot.bundle_id == bundle
    await expect(page.locator(f".model[data-bundle={second}]")).to_contain_text("IC")
    await expect(page.locator("#models .moves")).to_contain_text("promoted by hand")
    await scene.confirm(page.locator("#rollback"))
    await expect(page.locator(f".model[data-bundle={first}]")).to_contain_text("in production")
    assert registry.production("builtin") == first


async def test_a_refused_command_is_told_in_the_daemons_own_words(scene: Scene) -> None:
    class Busy(ScriptedTraining):
        async def start(self, why: str) -> None:
            from strategies.errors import AlreadyRunning

            raise AlreadyRunning("a training run is promoting; one at a time")

    scene.world.control.training = Busy()  # type: ignore[assignment]
    assert await scene.confirm(scene.page.locator("#retrain")) == "a training run is promoting; one at a time"
    scene.complaints.clear()  # the browser reports the 409 that was provoked


async def test_a_break_is_said_with_its_age_and_the_page_comes_back_by_itself(scene: Scene) -> None:
    page = scene.page
    await scene.charted()
    await scene.server.stop()
    live = page.locator("#live")
    await expect(live).to_have_attribute("data-state", "disconnected")
    await expect(page.locator("#banners")).to_contain_text("The daemon does not answer")
    await expect(live).to_contain_text(re.compile(r"for [2-9] s"))
    assert (await page.title()).startswith("Disconnected")
    await scene.pass_minutes(60)
    await scene.restart_server()
    await expect(live).to_have_attribute("data-state", "live")
    await expect(page.locator("[data-figure=equity]")).to_contain_text(f"{scene.snapshot.equity:,.2f}")
    await expect(page.locator("#signals time").first).to_have_attribute(
        "datetime", re.compile(_iso(scene.snapshot.markets[0].decided_ms))
    )
    await scene.pass_minutes(1)
    await expect(page.locator("[data-figure=equity]")).to_contain_text(f"{scene.snapshot.equity:,.2f}")
    provoked = re.compile("WebSocket connection|ERR_CONNECTION")
    assert [line for line in scene.complaints if not provoked.search(line)] == []
    scene.complaints.clear()


async def test_a_daemon_that_gets_no_candles_is_shown_as_stale(scene: Scene) -> None:
    scene.world.clock.advance(10 * 60_000)
    await expect(scene.page.locator("#live")).to_have_attribute("data-state", "stale")
    await expect(scene.page.locator("#banners")).to_contain_text("Candles have stopped coming")
    await scene.pass_minutes(11)
    await expect(scene.page.locator("#live")).to_have_attribute("data-state", "live")


async def test_scripts_from_the_page_itself_are_refused_by_its_policy(scene: Scene) -> None:
    await scene.page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'window.ran = true';"
        " document.body.append(script) }"
    )
    assert await scene.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in line for line in scene.complaints)
    scene.complaints.clear()
    assert charts_asset() is not None


def _iso(ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


async def test_alerts_apart_from_minutes_and_bundles_beside_the_champion_are_shown(scene: Scene) -> None:
    page, ledger = scene.page, scene.world.control.ledger
    note = {"type": "ended", "outcome": "b-1 rejected", "lines": ["IC +0.001", "needed +0.010"]}
    tell(scene, "training", note)
    first = page.locator("#alerts li").first
    await expect(first).to_contain_text("Training ended: b-1 rejected")
    await first.locator("summary").click()
    await expect(first.locator(".lines")).to_contain_text("needed +0.010")
    trial = shadow_bundle(Shadows(ledger.database, ledger.account.id), count=240)
    await scene.pass_minutes(1)  # answers are remembered for a minute
    promoted = {"type": "command", "kind": "swap", "bundle": "b-body", "by": "test"}
    tell(scene, "promotion", promoted)
    shown = page.locator("[data-trial=challenger]")
    await expect(shown).to_contain_text(trial.bundle_id, timeout=20_000)
    await expect(shown).to_contain_text(re.compile(r"e-value [\d.]+ of 20"))
    await expect(shown).to_contain_text("240 outcomes")
    await expect(shown.locator(".meter")).to_have_attribute("aria-label", re.compile("of the 20 that decide"))
    assert await scene.broken_rules() == []
    await scene.picture("models-beside")


def tell(scene: Scene, event: str, payload: dict[str, Any]) -> None:
    """Note an alert apart from any account minute, as `Alerts.note` does."""
    ledger = scene.world.control.ledger
    alert = Alert(key=f"{event}:1", ms=scene.snapshot.minute_ms + 60_000, event=event, payload=json.dumps(payload))
    assert Outbox(ledger.database, ledger.account.id).note(alert)
    scene.server.on_note(alert)
