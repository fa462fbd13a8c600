"""Who may join an account: values in, a command or the reason why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.feed.listing import Listing
from bot.trading.joins import Asker, joining, staying
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, Market, MarketStatus
from tests.builders import START_MS, market

ASKER = Asker(by="web", why="asked", now_ms=START_MS)
KNOWN, NEW = market("BTCUSDT"), market("AVAXUSDT")


def status(of: Market, now: MarketStatus) -> Market:
    return replace(of, status=now)


def test_a_listed_market_joins_as_the_exchange_has_it() -> None:
    command = joining([KNOWN], {"AVAXUSDT": Listing(market=NEW)}, "AVAXUSDT", ASKER)
    assert (command.kind, command.spec, command.by, command.why) == ("join", NEW, "web", "asked")


def test_one_that_was_about_to_leave_is_kept() -> None:
    leaving = status(KNOWN, MarketStatus.LEAVING)
    command = joining([leaving], {"BTCUSDT": Listing(market=KNOWN)}, "BTCUSDT", ASKER)
    assert (command.kind, command.spec) == ("change", KNOWN)


def test_one_that_left_may_come_again() -> None:
    gone = status(KNOWN, MarketStatus.GONE)
    assert joining([gone], {"BTCUSDT": Listing(market=KNOWN)}, "BTCUSDT", ASKER).kind == "join"


@pytest.mark.parametrize(
    ("markets", "listed", "said"),
    [
        ([NEW], {"AVAXUSDT": Listing(market=NEW)}, "AVAXUSDT belongs to the account already"),
        ([KNOWN], {}, "the exchange does not list AVAXUSDT, or not in whole ticks and lots"),
        ([KNOWN], {"AVAXUSDT": Listing(market=status(NEW, MarketStatus.HALTED))}, "AVAXUSDT is halted at the exchange"),
        (
            [KNOWN],
            {"AVAXUSDT": Listing(market=NEW, delists_ms=START_MS + DAY_MS)},
            "has announced the end of AVAXUSDT within a day",
        ),
        (
            [status(NEW, MarketStatus.LEAVING)],
            {"AVAXUSDT": Listing(market=NEW, delists_ms=START_MS + HOUR_MS)},
            "has announced the end of AVAXUSDT within a day",
        ),
    ],
)
def test_what_cannot_join_is_said(markets: list[Market], listed: dict[str, Listing], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        joining(markets, listed, "AVAXUSDT", ASKER)


def test_an_end_further_off_than_a_day_hinders_nobody() -> None:
    listed = {"AVAXUSDT": Listing(market=NEW, delists_ms=START_MS + DAY_MS + 1)}
    assert joining([KNOWN], listed, "AVAXUSDT", ASKER).kind == "join"


def test_who_stays_is_neither_gone_nor_leaving() -> None:
    markets = [KNOWN, status(NEW, MarketStatus.LEAVING), status(market("XUSDT"), MarketStatus.GONE)]
    assert staying([*markets, status(market("YUSDT"), MarketStatus.HALTED)]) == ["BTCUSDT", "YUSDT"]
