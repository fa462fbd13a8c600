"""Every command against our Bot API server, through the real client, on an account that has traded for 29 hours."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio

from bot.telegram.menu import MENU
from storage.ledger.shadows import Shadows
from strategies.bundle.files import RECORD
from tests.bot.retraining.shadows import shadow_bundle
from tests.bot.telegram.bot_api_server import Said
from tests.bot.telegram.stage import PERSON, Scene, add_bundle, channel_name, scene
from tests.bot.trading.world import minutes

pytestmark = pytest.mark.asyncio(loop_scope="module")
MINUTES = minutes(1440 + 300)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory):
    async with scene(tmp_path_factory.mktemp("commands")) as made:
        await made.world.hand(*MINUTES)
        yield made


async def ask(stage: Scene, text: str) -> Said:
    """Ask as the one person does, not so fast that the gate minds."""
    stage.seconds.now += 10.0
    return await stage.ask(text)


async def test_the_menu_is_registered_and_names_every_command(stage: Scene) -> None:
    await stage.server.wait_for(lambda: stage.server.menu)
    named = [entry["command"] for entry in stage.server.menu]
    spec = (
        "start help status account positions trades profit daily weekly monthly performance stats entries exits "
        "balance markets signals why chart explain models training retrain cancel promote rollback drift pause resume "
        "stop close locks unlock mute digest export config reload_config logs health version language theme invite "
        "unpair"
    )
    assert named == spec.split()


async def test_help_lists_every_command(stage: Scene) -> None:
    text = (await ask(stage, "/help")).plain
    assert all(f"/{entry.name}" in text for entry in MENU)


async def test_start_says_that_it_is_paper_trading_on_a_demo_market(stage: Scene) -> None:
    text = (await ask(stage, "/start")).plain
    assert "paper trading only" in text
    assert "demo market: small world" in text


async def test_status_shows_the_account_of_the_snapshot(stage: Scene) -> None:
    snapshot = stage.world.control.snapshot
    assert snapshot is not None
    said = await ask(stage, "/status")
    assert f"{snapshot.equity:,.2f}" in said.plain
    assert snapshot.bundle_id in said.plain
    count = len(stage.server.said)
    await stage.server.press(said, "Signals")
    assert "enters at" in (await stage.reply_after(count)).plain


async def test_status_is_refreshed_in_place(stage: Scene) -> None:
    said = await ask(stage, "/status")
    before = [message.message_id for message in stage.server.said if "equity" in message.text]
    said.text = "something older"
    await stage.server.press(said, "Refresh")
    await stage.server.wait_for(lambda: "equity" in said.text)
    assert [message.message_id for message in stage.server.said if "equity" in message.text] == before


async def test_positions_show_entry_stop_and_target(stage: Scene) -> None:
    held = stage.world.control.ledger.positions()
    assert held, "the small world holds something by then"
    text = (await ask(stage, "/positions")).plain
    for position in held:
        assert f"{position.symbol} {position.side}" in text
        assert f"unrealised {position.unrealised:+,.2f}" in text
        assert f"net {position.net:+,.2f}" in text


async def test_trades_profit_and_performance_agree_with_the_ledger(stage: Scene) -> None:
    closed = stage.world.control.ledger.trades()
    assert len(closed) > 3
    text = (await ask(stage, "/trades 5")).plain
    assert text.count("+") + text.count("-") >= 5
    assert f"{closed[0].net:+,.2f}" in text
    text = (await ask(stage, "/profit")).plain
    assert re.search(rf"trades +{len(closed)}\n", text)
    assert f"{sum(trade.net for trade in closed):+,.2f}" in text
    text = (await ask(stage, "/performance")).plain
    assert "b-body" in text


async def test_trades_of_one_market_only(stage: Scene) -> None:
    text = (await ask(stage, "/trades 40 ETHUSDT")).plain
    assert "ETH-" in text
    assert "BTC-" not in text


async def test_daily_has_a_line_for_every_day(stage: Scene) -> None:
    text = (await ask(stage, "/daily")).plain
    assert "01-01" in text
    assert "01-02" in text


async def test_balance_adds_up(stage: Scene) -> None:
    snapshot = stage.world.control.snapshot
    assert snapshot is not None
    text = (await ask(stage, "/balance")).plain
    assert f"{snapshot.equity:,.2f}" in text
    assert f"{snapshot.equity - 10_000:+,.2f}" in text


async def test_signals_explain_the_silence_of_every_market(stage: Scene) -> None:
    text = (await ask(stage, "/signals")).plain
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
        assert symbol in text
    assert "enters at 1.25" in text
    assert re.search(r"usually [\d.]+ (h|d) between entries|too few to know", text)
    assert "refused" in text


async def test_why_tells_a_trades_votes_reasons_and_end(stage: Scene) -> None:
    closed = stage.world.control.ledger.trades()[0]
    text = (await ask(stage, f"/why {closed.id.lower()}")).plain
    assert f"{closed.id} {closed.side}" in text
    assert "because: conviction" in text
    assert re.search(r"votes body [+-]\d", text)
    assert f"net {closed.net:+,.2f}" in text


async def test_why_without_words_is_about_the_newest_trade(stage: Scene) -> None:
    newest = max(stage.world.control.ledger.positions(), key=lambda position: position.opened_ms)
    text = (await ask(stage, "/why")).plain
    assert f"{newest.symbol}-{newest.trade}" in text
    assert "still open" in text


async def test_why_of_a_market_explains_its_last_decision(stage: Scene) -> None:
    text = (await ask(stage, "/why btcusdt")).plain
    assert re.match(r"BTCUSDT at 2025-01-02 05:00 UTC: (HOLD|LONG|SHORT|CLOSE)", text)
    assert "conviction" in text


@pytest.mark.parametrize("words", ["", " ETHUSDT 48", " equity"])
async def test_charts_are_pictures(stage: Scene, words: str) -> None:
    files = len(stage.server.files)
    said = await ask(stage, f"/chart{words}")
    assert said.kind == "sendPhoto"
    assert stage.server.files[files].startswith(PNG)
    assert len(stage.server.files[files]) > 5_000


async def test_models_name_the_bundles_and_offer_the_others(stage: Scene) -> None:
    registry = stage.world.control.registry
    assert "No bundle has been trained yet" in (await ask(stage, "/models")).plain
    first = add_bundle(registry, 0)
    said = await ask(stage, "/models")
    assert first[:10] in said.plain
    assert "TEST" not in said.plain
    (registry.folder(first) / RECORD).write_text('{"test_mode": true}')
    assert re.search(rf"{first[:10]}\s+TEST", (await ask(stage, "/models")).plain)
    assert [button["text"] for button in said.buttons] == [f"Promote {first[:10]}"]


async def test_models_say_who_is_watched_beside_the_champion_and_how_long_it_takes(stage: Scene) -> None:
    ledger = stage.world.control.ledger
    shadows = Shadows(ledger.database, ledger.account.id)
    trial = shadow_bundle(shadows, count=60, skill=0.1)
    text = (await ask(stage, "/models")).plain
    shadows.end(trial, trial.started_ms, "test ended")
    assert "Beside the champion" in text
    [row] = [line for line in text.splitlines() if line.startswith(trial.bundle_id[:8]) and "/20" in line]
    assert re.search(r"[\d.]+/20 +[+-]\d\.\d{3} +[+-]\d\.\d{3} +[\d,]+ d$", row)
    assert "days to decide, were it right" in text
    assert "Beside the champion" not in (await ask(stage, "/models")).plain


async def test_training_and_drift_say_what_is_known_and_no_more(stage: Scene) -> None:
    assert "none has run since the daemon started" in (await ask(stage, "/training")).plain
    assert "no drift monitor has run yet" in (await ask(stage, "/drift")).plain


async def test_locks_say_that_there_are_none(stage: Scene) -> None:
    assert "none; entries are taken" in (await ask(stage, "/locks")).plain


async def test_mute_is_remembered_by_the_outbox(stage: Scene) -> None:
    text = (await ask(stage, "/mute 90")).plain
    assert "silently until" in text
    assert stage.quiet.is_quiet(channel_name(PERSON))
    assert stage.alerts.outbox.muted_until_ms(channel_name(PERSON)) == stage.quiet.muted_until_ms(channel_name(PERSON))
    assert "sounds again" in (await ask(stage, "/mute off")).plain
    assert not stage.quiet.is_quiet(channel_name(PERSON))


async def test_digest_says_why_there_was_no_trade(stage: Scene) -> None:
    text = (await ask(stage, "/digest")).plain
    assert "refused in 24 h" in text
    assert "BTCUSDT: conviction" in text
    assert "trades closed" in text


async def test_export_is_a_csv_of_all_facts(stage: Scene) -> None:
    files = len(stage.server.files)
    said = await ask(stage, "/export")
    assert said.kind == "sendDocument"
    content = stage.server.files[files].decode()
    assert content.splitlines()[0].startswith("ms,time,market,kind")
    assert int(said.plain.split()[0]) == len(content.splitlines()) - 1


async def test_config_masks_secrets_and_names_unknown_sections(stage: Scene) -> None:
    text = (await ask(stage, "/config telegram")).plain
    assert 'token = "***"' in text
    assert "enter = 1.25" in (await ask(stage, "/config")).plain
    assert "'nonsense' is not a section" in (await ask(stage, "/config nonsense")).plain


async def test_health_and_version(stage: Scene) -> None:
    text = (await ask(stage, "/health")).plain
    assert "Health: healthy" in text
    assert re.search(r"running +1 h 0 min", text)
    assert "sigma-analyst" in (await ask(stage, "/version")).plain


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("/trades 0", "a number from 1 to 40 is needed"),
        ("/chart DOGEUSDT", "DOGEUSDT is not traded here"),
        ("/why BTCUSDT-999", "BTCUSDT-999 is not a trade"),
        ("/close SOLUSDT extra words", "SOLUSDT"),
        ("/promote b-nothing", "names no bundle"),
        ("/rollback", "nothing to roll back"),
        ("/nonsense <b>", "There is no /nonsense"),
    ],
)
async def test_bad_words_get_one_clear_line(stage: Scene, words: str, said: str) -> None:
    assert said in (await ask(stage, words)).plain


async def test_a_command_for_another_bot_of_the_group_is_not_ours(stage: Scene) -> None:
    await stage.server.write("/status@some_other_bot")
    assert "Commands" in (await ask(stage, "/help@Sigma_Test_Bot")).plain


async def test_no_reply_is_longer_than_telegram_allows_and_all_name_the_market(stage: Scene) -> None:
    assert all(len(said.text) <= 4_096 for said in stage.server.said)
    assert all("demo market" in said.text for said in stage.server.said)
