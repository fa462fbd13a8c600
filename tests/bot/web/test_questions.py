"""What the API tells of an account: pages that miss and repeat nothing, charts, silence, skill, readiness."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from storage.ledger.queries import Ledger
from strategies.errors import StorageFailed
from strategies.market import HOUR_MS, MINUTE_MS
from tests.bot.trading.world import WARM_UP, minutes
from tests.bot.web.serving import Served, served
from tests.builders import START_MS

HOURS = 26
MINUTES = minutes(HOURS * 60)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A daemon that has traded for a day."""
    async with served(tmp_path_factory.mktemp("traded"), requests_per_minute=100_000) as parts:
        await parts.world.hand(*MINUTES)
        yield parts


async def asked(parts: Served, path: str, **query: Any) -> dict[str, Any]:
    async with parts.session.get(path, params={name: str(value) for name, value in query.items()}) as response:
        document = await response.json(content_type=None)
        assert response.status == 200, document
        return dict(document)


async def walked(parts: Served, path: str, rows: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    """Return the rows of all pages, as they came."""
    found: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    for _ in range(500):
        page = await asked(parts, path, limit=limit, **query, **before)
        assert len(page[rows]) <= limit
        found = found + page[rows] if path not in ("/api/candles", "/api/equity") else page[rows] + found
        if page["next_before"] is None:
            return found
        before = {"before": page["next_before"]}
    raise AssertionError(f"{path} never ends")


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_pages_of_decisions_join_to_the_whole_although_markets_share_a_close(traded: Served, limit: int) -> None:
    if limit == 1:
        found = await walked(traded, "/api/decisions", "decisions", limit, since=MINUTES[-1].open_ms - 6 * HOUR_MS)
        expected = 3 * 7
    else:
        found = await walked(traded, "/api/decisions", "decisions", limit)
        expected = 3 * HOURS
    keys = [(row["ms"], row["symbol"]) for row in found]
    assert len(keys) == len(set(keys)) == expected
    assert [row["ms"] for row in found] == sorted((row["ms"] for row in found), reverse=True)


async def test_trades_are_those_of_the_ledger_newest_first(traded: Served) -> None:
    expected = [trade.id for trade in traded.world.control.ledger.trades()]
    assert expected, "the small world must have closed trades"
    for limit in (1, 3, 1000):
        assert [row["id"] for row in await walked(traded, "/api/trades", "trades", limit)] == expected
    of_one = await walked(traded, "/api/trades", "trades", 2, symbol="ETHUSDT")
    assert [row["id"] for row in of_one] == [name for name in expected if name.startswith("ETHUSDT")]


async def test_signals_have_every_name_of_a_signal(traded: Served) -> None:
    page = await asked(traded, "/api/signals", limit=5)
    assert len(page["signals"]) == 5
    names = {"signal", "confidence", "probability", "expected_return", "expected_hold_h", "win_rate", "entry_price"}
    names |= {"stop_loss", "take_profit", "risk_reward", "reasoning", "bundle", "votes", "age_s", "valid_until"}
    assert names <= set(page["signals"][0])


async def test_candles_come_with_the_trades_that_touch_them(traded: Served) -> None:
    page = await asked(traded, "/api/candles", symbol="BTCUSDT", limit=50)
    times = [row["open_ms"] for row in page["candles"]]
    assert times == list(range(times[0], times[0] + 50 * HOUR_MS, HOUR_MS))
    assert times[-1] == MINUTES[-1].open_ms + MINUTE_MS - HOUR_MS
    ledger = traded.world.control.ledger
    closed = [trade.id for trade in ledger.trades(symbol="BTCUSDT")]
    held = [f"BTCUSDT-{part.trade}" for part in ledger.positions() if part.symbol == "BTCUSDT"]
    assert [row["id"] for row in page["trades"]] == closed[::-1] + held
    for row in page["trades"]:
        side = 1 if row["side"] == "LONG" else -1
        assert side * row["stop_loss"] < side * row["entry_price"]
        if row["side"] == "LONG":  # a target of six deviations below a price may lie under zero: then there is none
            assert row["take_profit"] > row["entry_price"]


async def test_all_candles_are_paged_through(traded: Served) -> None:
    rows = await walked(traded, "/api/candles", "candles", 1000, symbol="SOLUSDT")
    assert [row["open_ms"] for row in rows] == [START_MS + number * HOUR_MS for number in range(-WARM_UP, HOURS)]


async def test_the_candle_that_is_filling_is_told_apart(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(*MINUTES[:75])
        page = await asked(parts, "/api/candles", symbol="BTCUSDT", limit=2)
        older = await asked(parts, "/api/candles", symbol="BTCUSDT", limit=2, before=page["next_before"])
    market = parts.world.control.markets[0]
    bars = [minute.bars[0] for minute in MINUTES[60:75]]
    assert page["candles"][-1]["open_ms"] == START_MS
    assert page["filling"]["open_ms"] == START_MS + HOUR_MS
    assert not page["filling"]["is_closed"]
    assert page["filling"]["high"] == float(market.price(max(int(bar[1]) for bar in bars)))
    assert page["filling"]["close"] == float(market.price(int(bars[-1][3])))
    assert older["filling"] is None


async def test_equity_is_the_ledgers_curve(traded: Served) -> None:
    rows = await walked(traded, "/api/equity", "equity", 7)
    assert [row["equity"] for row in rows] == [point.equity for point in traded.world.control.ledger.equity()]
    page = await asked(traded, "/api/equity", since="2025-01-01T05:00:00Z", before="2025-01-01T08:00:00Z")
    assert [row["ms"] for row in page["equity"]] == [START_MS + hour * HOUR_MS for hour in (5, 6, 7)]


async def test_positions_silence_and_training_are_told(traded: Served) -> None:
    held = traded.world.snapshots[-1].positions
    assert [row["symbol"] for row in (await asked(traded, "/api/positions"))["positions"]] == [
        part.symbol for part in held
    ]
    no_trade_reasons = (await asked(traded, "/api/no-trade-reasons"))["markets"]
    assert [row["symbol"] for row in no_trade_reasons] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert (await asked(traded, "/api/training"))["state"] == "idle"
    models = await asked(traded, "/api/models")
    assert models["active"] == "b-body"
    assert models["production"] is None


async def test_live_skill_is_told_with_its_error_and_what_was_promised(traded: Served) -> None:
    drift = await asked(traded, "/api/drift")
    [skill] = drift["families"]
    assert drift["matured"] == skill["decisions"] == 3 * (HOURS - drift["horizon_bars"] - 1)
    assert -1 <= skill["ic"] <= 1
    assert skill["ic_error"] == pytest.approx((12 / skill["decisions"]) ** 0.5)
    assert skill["trained_ic"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/trades?limit=0",
        "/api/trades?limit=1001",
        "/api/trades?limit=1&limit=2",
        "/api/trades?since=yesterday",
        "/api/trades?colour=red",
        "/api/trades?symbol=DOGEUSDT",
        "/api/candles",
        "/api/decisions?before=1.2.3",
        "/api/stream?after=x",
    ],
)
async def test_a_bad_question_is_a_problem_that_names_what_was_found(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as parts, parts.session.get(path) as response:
        document = await response.json(content_type=None)
    assert (response.status, response.content_type) == (400, "application/problem+json")
    assert document["status"] == 400
    assert len(document["detail"]) > 10


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("PUT", "/api/status", 405),
        ("GET", "/api/pause", 405),
        ("GET", "/api/stream", 426),
    ],
)
async def test_wrong_addresses_and_methods_are_problems_too(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    headers = {"Authorization": "Bearer a-token-of-the-test"}
    async with served(tmp_path) as parts, parts.session.request(method, path, headers=headers) as response:
        document = await response.json(content_type=None)
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert document["detail"]
    assert (status == 405) == ("Allow" in response.headers)


async def test_readiness_names_the_market_with_a_hole(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        async with parts.session.get("/readyz") as before:
            assert before.status == 503
        await parts.world.hand(MINUTES[0])
        async with parts.session.get("/readyz") as ready:
            assert ready.status == 200
        parts.world.feed.ready["ETHUSDT"] = False
        async with parts.session.get("/readyz") as broken:
            assert broken.status == 503
            assert "ETHUSDT" in (await broken.json(content_type=None))["detail"]
        async with parts.session.get("/healthz") as alive:
            assert alive.status == 200


async def test_a_market_whose_clock_waits_for_us_is_not_ready_while_its_minutes_stand(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        control = parts.world.control
        control.exchange_info = replace(control.exchange_info, stands_after_s=10.0)
        await parts.world.hand(MINUTES[0])
        assert control.is_ready()
        parts.world.trader.taken_ms -= 30_000
        assert not control.is_ready()
        async with parts.session.get("/readyz") as stands:
            assert stands.status == 503
            assert "for 30 s; the market's clock waits" in (await stands.json(content_type=None))["detail"]
        async with parts.session.get("/api/status") as told:
            assert not (await told.json())["is_ready"]
        await parts.world.hand(MINUTES[1])
        async with parts.session.get("/readyz") as again:
            assert again.status == 200


async def test_a_ledger_that_cannot_be_read_is_503_and_asked_again(traded: Served, monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StorageFailed("database is locked by another process")

    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "trades", fail)
        async with traded.session.get("/api/trades") as response:
            assert response.status == 503
    await asked(traded, "/api/trades")
