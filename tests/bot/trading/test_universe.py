"""The account's markets through the API: who belongs, who comes and goes, and a join that the next minutes survive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.feed.listing import Listing
from bot.scheduling.universe import with_hand_made
from bot.trading.joins import Asker, joining
from storage.ledger.market_changes import BEGAN, MarketChange, read_changes, wanted_by_hand
from strategies.errors import BadInput, Conflict
from strategies.market import DAY_MS, MarketStatus
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import minutes
from tests.bot.web.serving import bearer, served
from tests.builders import START_MS, market

MINUTES = minutes(10)


async def test_a_market_that_the_exchange_lacks_is_refused_and_the_last_one_stays(tmp_path: Path) -> None:
    async with served(tmp_path) as there:
        answer = await there.session.post("/api/markets/add", json={"symbol": "NOPE"}, headers=bearer())
        assert answer.status == 409
        assert "does not list NOPE" in (await answer.json())["detail"]
        answer = await there.session.post("/api/markets/remove", json={"symbol": "NOPE"}, headers=bearer())
        assert answer.status == 409


async def test_without_a_universe_nothing_is_chosen(tmp_path: Path) -> None:
    async with served(tmp_path) as there:
        answer = await there.session.get("/api/universe", headers=bearer())
        assert answer.status == 409


async def test_removing_is_answered_before_its_minute_and_its_outcome_is_in_the_ledger(tmp_path: Path) -> None:
    async with served(tmp_path) as there:
        control = there.world.control
        await there.world.hand(MINUTES[0])
        answer = await there.session.post(
            "/api/markets/remove", json={"symbol": "ETHUSDT", "close": True}, headers=bearer()
        )
        assert answer.status == 202  # no minute came meanwhile
        assert [(part.kind, part.spec and part.spec.symbol) for part in control.pending_changes] == [
            ("leave", "ETHUSDT")
        ]
        await there.world.hand(MINUTES[1])
        assert not control.pending_changes
        assert [part.symbol for part in control.members] == ["BTCUSDT", "SOLUSDT"]
        last = read_changes(control.ledger.database, control.ledger.account.id)[-1]
        assert (last.kind, last.market.symbol, last.market.status) == ("leave", "ETHUSDT", MarketStatus.GONE)


async def test_asked_for_twice_it_is_one_change_and_the_last_market_stays(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        await world.hand(MINUTES[0])
        first = world.control.leave("ETHUSDT", "web", "asked twice")
        assert world.control.leave("ETHUSDT", "cli", "asked twice") is first
        world.control.leave("SOLUSDT", "web", "asked")
        with pytest.raises(Conflict, match="BTCUSDT is the account's last market"):
            world.control.leave("BTCUSDT", "web", "asked")
        await world.hand(MINUTES[1])
        assert await first == MINUTES[1].open_ms


async def test_removed_and_added_in_one_minute_it_is_said_that_the_first_comes_first(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        await world.hand(MINUTES[0])
        gone = world.control.leave("ETHUSDT", "cli", "asked for")
        with pytest.raises(Conflict, match="ETHUSDT is about to leave with the next account minute"):
            await world.control.join("ETHUSDT", "cli", "thought better of it")
        await world.hand(MINUTES[1])
        assert await gone == MINUTES[1].open_ms
        await world.control.join("ETHUSDT", "cli", "thought better of it")
        assert [part.kind for part in world.control.pending_changes] == ["join"]


async def test_a_market_on_its_way_in_is_given_up_by_its_removal(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        await world.hand(MINUTES[0])
        coming = await world.control.join("LINKUSDT", "cli", "asked for")
        assert [part.kind for part in world.control.pending_changes] == ["join"]
        await world.control.leave("LINKUSDT", "cli", "thought better of it")
        assert coming.cancelled()
        assert not world.control.pending_changes


def test_a_market_whose_end_is_announced_within_a_day_does_not_join() -> None:
    asker = Asker(by="config", why="in the list", now_ms=START_MS)
    for days, joins in ((0.5, False), (3, True)):
        listed = {"DOGEUSDT": Listing(market=market("DOGEUSDT"), delists_ms=START_MS + round(days * DAY_MS))}
        if joins:
            assert joining((), listed, "DOGEUSDT", asker).kind == "join"
            continue
        with pytest.raises(BadInput, match="has announced the end of DOGEUSDT within a day"):
            joining((), listed, "DOGEUSDT", asker)


def _change(symbol: str, kind: str, by: str, status: MarketStatus = MarketStatus.TRADING) -> MarketChange:
    why = BEGAN if not by else "a reason"
    spec = replace(market(symbol), status=status)
    return MarketChange(minute_ms=0, number=0, index=0, kind=kind, market=spec, by=by, why=why)


def test_what_people_changed_by_command_outlives_a_start_and_what_others_did_does_not() -> None:
    gone = MarketStatus.GONE
    changes = [
        *(_change(symbol, "join", "") for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT")),
        _change("LINKUSDT", "join", "cli"),
        _change("LINKUSDT", "change", "exchange"),
        _change("XRPUSDT", "join", "universe, asked by web"),
        _change("ETHUSDT", "leave", "telegram:7", MarketStatus.LEAVING),
        _change("ETHUSDT", "leave", "trader", gone),
        _change("DOGEUSDT", "leave", "exchange", gone),
        _change("LTCUSDT", "join", "web"),
        _change("LTCUSDT", "leave", "exchange", gone),
    ]
    by_hand = wanted_by_hand(changes)
    assert by_hand == {"LINKUSDT": True, "ETHUSDT": False}
    listed, members = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"], ["BTCUSDT", "SOLUSDT", "LINKUSDT", "XRPUSDT"]
    assert with_hand_made(listed, members, by_hand) == ["BTCUSDT", "SOLUSDT", "DOGEUSDT", "LINKUSDT"]
