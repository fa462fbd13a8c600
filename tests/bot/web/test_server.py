"""The HTTP side over a real socket: who may ask, what is told, what a command does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.web.account_pages import AccountPages
from bot.web.server import WebServer
from bot.web.token import api_token
from storage.config.services import WebSettings
from strategies.errors import AlreadyRunning
from strategies.kernel.state import FactKind, Reason
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import minutes
from tests.bot.web.serving import TOKEN, bearer, served

MINUTES = minutes(300)
JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[tuple[DaemonWorld, aiohttp.ClientSession]]:
    async with served(folder, **settings) as parts:
        yield parts.world, parts.session


async def test_status_tells_equity_and_every_market(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, session):
        await world.hand(*MINUTES[:121])
        async with session.get("/api/status") as response:
            document = await response.json()
    assert response.status == 200
    assert document["is_demo"]
    assert document["deposit"] == 10_000
    assert [view["symbol"] for view in document["markets"]] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert all(view["conviction"] is not None for view in document["markets"])
    assert document["candle_age_s"] == 0


async def test_a_command_without_the_token_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, session):
        await world.hand(MINUTES[0])
        for headers in ({}, bearer("wrong")):
            async with session.post("/api/pause", headers=headers) as response:
                assert response.status == 401
                assert response.content_type == "application/problem+json"
        await world.hand(MINUTES[1])
        assert not world.snapshots[-1].paused


async def test_pause_answers_when_it_is_in_the_ledger(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, session):
        await world.hand(MINUTES[0])
        asking = asyncio.create_task(session.post("/api/pause", headers=bearer()).__aenter__())
        await world.queued(asking)
        assert not asking.done()
        await world.hand(MINUTES[1])
        response = await asking
        assert await response.json() == {"minute_ms": MINUTES[1].open_ms}
        assert world.snapshots[-1].paused


async def test_close_sells_at_the_next_open(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, session):
        for number in range(0, 300, 20):
            await world.hand(*MINUTES[number : number + 20])
            if world.snapshots[-1].positions:
                break
        held = world.snapshots[-1].positions[0]
        following = MINUTES[number + 20 : number + 22]
        asking = asyncio.create_task(
            session.post("/api/close", headers=bearer(), json={"symbol": held.symbol}).__aenter__()
        )
        await world.queued(asking)
        await world.hand(*following)
        assert (await asking).status == 200
        facts = world.control.ledger.facts(following[1].open_ms)
    closing = facts[(facts["kind"] == FactKind.FILL) & (facts["position"] == 0)]
    assert closing["reason"].tolist() == [Reason.COMMAND]
    assert closing["ms"].tolist() == [following[1].open_ms]


@pytest.mark.parametrize("symbol", ["DOGEUSDT", "dogeusdt"])
async def test_an_unknown_market_is_a_problem_that_names_the_known_ones(tmp_path: Path, symbol: str) -> None:
    async with serving(tmp_path) as (world, session):
        await world.hand(MINUTES[0])
        async with session.post(
            "/api/predict", json={"symbol": symbol, "timeframe": "1h", "model": "ensemble"}
        ) as response:
            document = await response.json(content_type=None)
    assert response.status == 400
    assert "needed" in document["detail"]


async def test_predict_tells_the_decision_of_the_last_candle_with_its_age(tmp_path: Path) -> None:
    question = {"symbol": "BTCUSDT", "timeframe": "1h", "model": "ensemble"}
    async with serving(tmp_path) as (world, session):
        await world.hand(*MINUTES[:70])
        async with session.post("/api/predict", json=question) as response:
            document = await response.json()
        async with session.post("/api/predict", json=question | {"model": "body"}) as of_family:
            family = await of_family.json()
    assert response.status == 200
    assert document["age_s"] == 600
    assert document["signal"] in ("LONG", "SHORT", "NONE")
    assert family["vote"] == document["votes"]["body"]
    for name in ("signal", "probability", "entry_price", "stop_loss", "reasoning"):
        assert family[name] is not None, name


async def test_predict_refuses_stale_candles(tmp_path: Path) -> None:
    question = {"symbol": "BTCUSDT", "timeframe": "1h", "model": "ensemble"}
    async with serving(tmp_path) as (world, session):
        await world.hand(*MINUTES[:70])
        world.clock.advance(10 * 60_000)
        async with session.post("/api/predict", json=question) as response:
            assert response.status == 409
        async with session.get("/readyz") as response:
            assert response.status == 503
        async with session.get("/healthz") as response:  # an exchange that is away is no reason for a restart
            assert response.status == 200
            assert (await response.json())["minute_age_s"] == 600


async def test_a_foreign_host_or_origin_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, session):
        await world.hand(MINUTES[0])
        async with session.get("/api/status", headers={"Host": "evil.example"}) as response:
            assert response.status == 421
        async with session.get("/api/status", headers={"Origin": "http://evil.example"}) as response:
            assert response.status == 403


async def test_a_huge_body_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, max_body_kb=1) as (world, session):
        await world.hand(MINUTES[0])
        async with session.post("/api/predict", data=b"x" * 5_000) as response:
            assert response.status == 413


async def test_too_many_requests_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, requests_per_minute=3) as (_, session):
        codes = []
        for _ in range(5):
            async with session.get("/api/status") as response:
                codes.append(response.status)
    assert codes == [200, 200, 200, 429, 429]


async def test_a_broken_body_is_a_problem(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, session):
        for content in (b"{", b"[1]"):
            async with session.post("/api/predict", data=content, headers=JSON) as response:
                assert response.status == 400
                assert response.content_type == "application/problem+json"


async def test_the_metrics_are_served(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, session):
        await world.hand(*MINUTES[:61])
        async with session.get("/metrics") as metrics:
            exposition = await metrics.text()
    assert 'sigma_account_minutes_total{account="main"} 61.0' in exposition


async def test_a_minute_is_late_when_it_is_older_than_the_limit(tmp_path: Path) -> None:
    async with daemon_world(tmp_path, max_decision_age_ms=90_000) as world:
        await world.hand(*MINUTES[:59])
        world.clock.advance(30 * 60_000)
        await world.hand(MINUTES[59])
        record = world.control.ledger.decisions(limit=1)[0].record
    assert record["target"] == 0


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, session):
        port = int(str(session._base_url).rsplit(":", 1)[1])
        second = WebServer(AccountPages(world.control), world.metrics, WebSettings(port=port), TOKEN)
        with pytest.raises(AlreadyRunning, match=f"port {port}"):
            await second.start()


def test_a_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    made = api_token("", tmp_path)
    assert api_token("", tmp_path) == made
    assert (tmp_path / "api.token").stat().st_mode & 0o777 == 0o600
    assert api_token("given", tmp_path) == "given"
    for left in ("", "  \n", made[:5]):  # a full disk, or an end in the middle of writing
        (tmp_path / "api.token").write_text(left)
        again = api_token("", tmp_path)
        assert len(again) > 30
        assert again != made
        assert (tmp_path / "api.token").stat().st_mode & 0o777 == 0o600


def test_a_token_that_cannot_be_kept_ends_no_start(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in its place")
    assert len(api_token("", tmp_path / "state")) > 30
