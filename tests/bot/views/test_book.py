"""The book first: the same few lines for three markets and for five hundred."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.commands.status_text import status_text
from bot.trading.snapshot import MarketView, Snapshot
from bot.views.book import book_of, strongest_symbols
from bot.views.status import status_of
from storage.ledger.queries import OpenPosition
from strategies.errors import BadInput
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import minutes


def view(number: int, **more: object) -> MarketView:
    values: dict = {
        "symbol": f"M{number:03d}USDT",
        "index": number,
        "status": "trading",
        "price": 10.0,
        "conviction": number / 100,
        "full": 1.25,
        "enter": 1.25,
        "expected_return": 0.0,
        "volatility": 0.8,
        "action": "hold",
        "refusal": "weak" if number % 2 else "cost",
        "votes": {},
        "decided_ms": 0,
        "signal": None,
        "opinions": {},
    }
    return MarketView(**(values | more))


def held(symbol: str, side: str, notional: float) -> OpenPosition:
    numbers = dict.fromkeys(
        (
            "quantity",
            "entry_price",
            "mark_price",
            "unrealised",
            "unrealised_fraction",
            "realised",
            "net",
            "fees",
            "funding",
        ),
        1.0,
    )
    return OpenPosition(
        symbol=symbol,
        side=side,
        notional=notional,
        stop_loss=None,
        take_profit=None,
        liquidation_price=None,
        opened_ms=0,
        decision_ms=0,
        trade=1,
        **numbers,
    )


async def wide(folder: Path) -> tuple[dict, Snapshot]:
    """Return a status document of 500 markets, 60 of them held, and its snapshot."""
    async with daemon_world(folder) as world:
        await world.hand(*minutes(2))
        assert world.control.snapshot is not None
        positions = [held(f"M{i:03d}USDT", "SHORT" if i % 3 == 0 else "LONG", 10.0 + i) for i in range(60)]
        snapshot = replace(
            world.control.snapshot,
            markets=tuple(view(i, status="halted" if i == 7 else "trading") for i in range(500)),
            positions=tuple(positions),
        )
        world.trader.snapshot = snapshot
        return status_of(world.control).model_dump(mode="json"), snapshot


async def test_five_hundred_markets_are_a_book_of_a_screenful_and_one_is_found_by_its_name(tmp_path: Path) -> None:
    document, _ = await wide(tmp_path)
    text = status_text(document)
    assert len(text.splitlines()) < 32
    assert max(len(line) for line in text.splitlines()) <= 120
    assert "500 markets, 40 long, 20 short: gross 24%, net" in text
    assert "no entry: 250 cost, 250 weak" in text
    assert "not trading: 1 halted" in text
    assert "M499USDT     +4.99 (enters at 1.25): weak" in text
    assert status_text(document, "m123").splitlines() == [
        "  M123USDT             10  conviction +1.23 (enters at 1.25): weak"
    ]
    with pytest.raises(BadInput, match="none of the 500 markets has 'doge'"):
        status_text(document, "doge")


async def test_the_book_counts_what_is_held_and_how_it_swings_together(tmp_path: Path) -> None:
    _, snapshot = await wide(tmp_path)
    pair = replace(snapshot, positions=(held("M001USDT", "LONG", 5_000.0), held("M002USDT", "SHORT", 5_000.0)))
    book = book_of(pair)
    assert (book.gross, book.net) == (pytest.approx(1.0), pytest.approx(0.0))
    assert book.volatility == pytest.approx((0.4 * 2 * 0.4**2) ** 0.5)
    assert [part.symbol for part in book_of(snapshot).positions][:2] == ["M059USDT", "M058USDT"]


async def test_the_strongest_are_those_held_then_those_of_most_conviction(
    tmp_path: Path,
) -> None:
    _, snapshot = await wide(tmp_path)
    few = replace(snapshot, positions=(held("M001USDT", "LONG", 1.0),))
    symbols = [part.symbol for part in few.markets]
    assert strongest_symbols(few, symbols, 3) == ["M001USDT", "M498USDT", "M499USDT"]
    assert strongest_symbols(None, ["A", "B", "C"], 2) == ["A", "B"]
