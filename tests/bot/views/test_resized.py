"""A position that follows the conviction: what people are told of it after it was enlarged and reduced many times."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import numpy as np
import orjson
import pytest

from bot.alerts.digest import digest
from bot.alerts.messages import details, headline, icon
from bot.telegram.commands.decisions import _why_trade as why_trade
from bot.views.chart_trades import chart_trades
from bot.views.trade_page import trade_page
from storage.language import speaking
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import FactKind, Reason
from strategies.market import DAY_MS
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.bot.trading.world import minutes

FOLLOWING = TradingSettings.model_validate(
    {
        "decision": {"mode": "exposure", "exposure_band": 0.1, "cost_margin": 0.0},
        "protections": {"daily_loss_stop": 0.0},
    }
)
HOUR = 60
MINUTES = minutes(26 * HOUR)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> DaemonWorld:
    """A world in which positions follow the conviction, after 26 hours."""
    folder: Path = tmp_path_factory.mktemp("following")

    async def live() -> DaemonWorld:
        async with daemon_world(folder, settings=FOLLOWING) as world:
            for first in range(0, len(MINUTES), HOUR):
                await world.hand(*MINUTES[first : first + HOUR])
        return world

    return asyncio.run(live())


def alerts(world: DaemonWorld) -> list[tuple[str, dict]]:
    return [(alert.event, orjson.loads(alert.payload)) for snapshot in world.snapshots for alert in snapshot.alerts]


def test_what_is_told_of_a_size_is_no_entry_and_each_trade_has_one(lived: DaemonWorld) -> None:
    told = alerts(lived)
    entries = Counter(payload["trade"] for event, payload in told if event == "fills")
    resized = [payload for event, payload in told if event == "rebalances"]
    assert set(entries.values()) == {1}
    assert len(resized) > len(entries)
    assert {payload["reason"] for payload in resized} == {"rebalance"}
    for payload in resized:
        word = "Enlarged" if icon("rebalances", payload) == "➕" else "Reduced"
        assert headline("rebalances", payload).startswith(f"{word} {payload['trade']} by ")
        assert "position " in details("rebalances", payload)[0]


def test_an_open_position_says_its_mean_cost_and_what_reductions_brought(lived: DaemonWorld) -> None:
    ledger = lived.control.ledger
    facts, markets = ledger.facts(), ledger.stopped().markets
    held = ledger.positions()
    assert held
    for position in held:
        index = [market.symbol for market in markets].index(position.symbol)
        own = facts[(facts["market"] == index) & (facts["trade"] == position.trade)]
        lots = cost = 0.0
        for fact in own[own["kind"] == FactKind.FILL]:
            size, price = float(fact["lots"]), float(markets[index].price(int(fact["price"])))
            cost = cost + size * price if lots * size >= 0 else cost * (lots + size) / lots
            lots += size
        assert position.entry_price == pytest.approx(cost / lots)
        assert position.unrealised_fraction == pytest.approx(
            (1 if position.side == "LONG" else -1) * (position.mark_price / position.entry_price - 1)
        )
        assert position.unrealised + position.realised == pytest.approx(position.net)
        trade = ledger.trade(f"{position.symbol}-{position.trade}")
        assert trade is not None
        assert trade.net == pytest.approx(position.net)
    state = ledger.stopped().state.account[0]
    cash = sum(trade.net for trade in ledger.trades()) + sum(position.net for position in held)
    assert cash == pytest.approx(int(state["equity"]) / 1e8 - 10_000, abs=1e-6)


def test_a_trade_that_grew_is_measured_on_its_largest_size(lived: DaemonWorld) -> None:
    ledger = lived.control.ledger
    trades = [trade for trade in ledger.trades() if trade.resizes > 3]
    assert trades
    for trade in trades:
        notional = trade.net / trade.return_fraction
        assert notional == pytest.approx(trade.quantity * trade.entry_price, rel=0.05)


def test_stop_and_target_are_where_the_kernel_put_them_at_the_first_fill(lived: DaemonWorld) -> None:
    ledger, seen = lived.control.ledger, {}
    for snapshot in lived.snapshots:
        for part in snapshot.positions:
            seen[f"{part.symbol}-{part.trade}"] = (part.stop_loss, part.take_profit)
    checked = [trade for trade in ledger.trades() if trade.resizes and trade.entry_price != trade.first_price]
    assert checked
    for trade in checked:
        found = next(part for part in chart_trades(lived.control, trade.symbol, [trade]) if part.id == trade.id)
        assert (found.stop_loss, found.take_profit) == seen[trade.id]


def test_the_page_of_a_trade_tells_every_size_and_what_it_brought(lived: DaemonWorld) -> None:
    trade = max(lived.control.ledger.trades(), key=lambda part: part.resizes)
    page = trade_page(lived.control, trade.id)
    fills = [event for event in page.events if event.quantity]
    assert len(fills) == trade.resizes + 2
    assert fills[-1].position == 0
    assert np.cumsum([event.quantity for event in fills]) == pytest.approx([event.position for event in fills])
    brought = sum(event.realised or 0.0 for event in page.events)
    bought = sum(event.fee for event in page.events if event.quantity and event.realised is None)
    assert brought - bought - trade.funding == pytest.approx(trade.net, abs=1e-6)


def test_the_reasons_of_a_trade_and_the_digest_count_its_sizes(lived: DaemonWorld) -> None:
    ledger = lived.control.ledger
    trade = max(ledger.trades(), key=lambda part: part.resizes)
    with speaking("en"):
        assert f"Resized {trade.resizes} times" in why_trade(ledger, trade.id).text
        now_ms = lived.control.clock.now_ms()
        said = digest(lived.control, now_ms)
    facts = ledger.facts(now_ms - DAY_MS)
    resized = int((facts["reason"] == Reason.REBALANCE).sum())
    assert said["rebalances"] == resized > 1
    assert f"{resized} positions resized" in said["lines"][1]
