"""Alerts and shadow tests as the API tells them: also what no account minute wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.notifications import Notifications
from bot.values.shadow_results import ShadowTests
from storage.config.tree import Config
from storage.ledger.shadows import Shadows
from strategies.market import Timeframe
from tests.bot.retraining.shadows import shadow_bundle
from tests.bot.trading.world import minutes
from tests.bot.web.serving import Served, served
from tests.builders import START_MS


async def asked(parts: Served, path: str, **query: Any) -> dict[str, Any]:
    async with parts.session.get(path, params=query) as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def test_an_alert_apart_from_any_minute_reaches_the_stream_once(tmp_path: Path, config: Config) -> None:
    async with served(tmp_path) as parts, parts.session.ws_connect("/api/stream") as socket:
        await socket.receive_json()
        world = parts.world
        notifications = await Notifications.open(
            config, world.control.ledger.database, world.control, world.metrics, parts.server.on_note
        )
        payload = {"type": "ended", "outcome": "promoted b-1"}
        assert await notifications.alerts.note("training", "training:1:ended", payload, START_MS)
        assert not await notifications.alerts.note("training", "training:1:ended", payload, START_MS)
        await world.hand(*minutes(1))
        async with asyncio.timeout(60):
            events = [await socket.receive_json()]
            while events[-1]["type"] != "status":
                events.append(await socket.receive_json())
        told = [event["payload"] for event in events if event["type"] == "alert"]
        page = await asked(parts, "/api/alerts")
    assert [alert["text"] for alert in told] == ["Training ended: promoted b-1"]
    assert told[0] in page["alerts"]


async def test_alerts_are_told_by_event_and_page_newest_first(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(*minutes(900))
        every = (await asked(parts, "/api/alerts", limit="1000"))["alerts"]
        some = (await asked(parts, "/api/alerts", limit="1000", events="fills,exits"))["alerts"]
        pages, before = [], {}
        while True:
            page = await asked(parts, "/api/alerts", limit="3", **before)
            pages += page["alerts"]
            if page["next_before"] is None:
                break
            before = {"before": page["next_before"]}
        async with parts.session.get("/api/alerts", params={"events": "fills,,exits"}) as response:
            assert response.status == 400
    assert len(every) > 6
    assert pages == every
    assert [alert["ms"] for alert in every] == sorted((alert["ms"] for alert in every), reverse=True)
    assert some == [alert for alert in every if alert["event"] in ("fills", "exits")]
    assert 0 < len(some) < len(every)


async def test_who_is_watched_beside_the_champion_is_told_with_its_figures(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(*minutes(2))
        ledger = parts.world.control.ledger
        trial = shadow_bundle(Shadows(ledger.database, ledger.account.id), count=240)
        [told] = (await asked(parts, "/api/models"))["shadow_tests"]
    assert (told["bundle"], told["role"], told["champion"]) == (trial.bundle_id, "challenger", "b-champion")
    assert told["likelihood_ratio"] == pytest.approx(trial.evidence.for_challenger)
    assert (told["needed"], told["outcomes"], told["days"]) == (20.0, 240, 10.0)
    assert told["days_to_decide"] == pytest.approx(trial.evidence.days_to_decide(20.0, 1.0))
    assert told["ic"] > told["champion_ic"]


def test_sums_of_the_database_are_the_correlations_of_the_rows(tmp_path: Path) -> None:
    from tests.bot.trading.world import new_database, new_engine, opened

    database = new_database(tmp_path)
    account, _ = opened(database, new_engine())
    shadows = Shadows(database, account.id)
    trial = shadow_bundle(shadows, count=100)
    rows = [part for part in shadows.matured(trial) if part.came is not None]
    came = np.array([part.came for part in rows])
    result = ShadowTests(shadows, 20.0, Timeframe.H1).result(trial)
    assert result.ic == pytest.approx(np.corrcoef([part.expected for part in rows], came)[0, 1], abs=1e-12)
    assert result.champion_ic == pytest.approx(
        np.corrcoef([part.champion_expected for part in rows], came)[0, 1], abs=1e-12
    )
    assert len(shadows.matured(trial)) == 101  # one was lost in a gap, and counts nowhere
    assert result.outcomes == 100


def test_a_forecast_that_never_varies_has_no_correlation(tmp_path: Path) -> None:
    from tests.bot.trading.world import new_database, new_engine, opened

    database = new_database(tmp_path)
    account, _ = opened(database, new_engine())
    shadows = Shadows(database, account.id)
    trial = shadow_bundle(shadows, count=100, skill=0.0)
    assert ShadowTests(shadows, 20.0, Timeframe.H1).result(trial).ic is None
    shadows.end(trial, START_MS, "it decides now")
    [ended] = ShadowTests(shadows, 20.0, Timeframe.H1).newest(1)
    assert (ended.text, ended.days_to_decide) == ("it decides now", None)
    assert ShadowTests(shadows, 20.0, Timeframe.H1).newest(0) == []
