"""Drives the kernel and the reference alike, through a story of minutes: moves, absences, funding, orders, commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from strategies.kernel.account import AccountState
from strategies.kernel.books import Books
from strategies.kernel.execution import CommandCode, apply_command, place_order, settle_minute
from strategies.kernel.state import FACT, MARKET, NO_RATE, RULES
from tests.reference_execution import ReferenceAccount
from tests.reference_records import Book, Order, Protections, Terms

MARKETS = 2
DEPOSIT = 10_000 * 10**8
START_MS = 20_000 * 86_400_000 - 20 * 60_000  # 20 minutes before a day begins, and 20 before a full hour


@dataclass
class Step:
    """What happens in one minute of one market, and what is ordered after it."""

    moves: tuple[int, int, int, int]  # of the open against the last close, then close, high, low; basis points
    absent: bool
    rate: int | None
    order: Order | None


@dataclass
class Minute:
    steps: list[Step]
    commands: list[tuple[str, int]] = field(default_factory=list)


@dataclass
class Pair:
    """The two implementations, driven alike."""

    reference: ReferenceAccount
    state: AccountState
    markets: np.ndarray
    rules: np.ndarray
    facts: np.ndarray
    count: int = 0

    @classmethod
    def of(cls, terms: list[Terms], protections: Protections) -> Pair:
        markets, rules = np.zeros(MARKETS, MARKET), np.zeros(1, RULES)
        for record, each in zip(markets, terms, strict=True):
            for name in ("unit_value", "fee_e8", "slippage_e8", "leverage", "maintenance_e8", "liquidation_fee_e8"):
                record[name] = getattr(each, name)
        for name in ("block_ms", "cooldown_ms", "daily_loss_stop", "drawdown_stop"):
            rules[name] = getattr(protections, name)
        state = AccountState.begin(markets=MARKETS, deposit=DEPOSIT, start_ms=START_MS)
        facts = np.zeros(4096, FACT)
        return cls(ReferenceAccount(DEPOSIT, START_MS, terms, protections), state, markets, rules, facts)

    @property
    def books(self) -> Books:
        return self.state.books(self.markets, self.rules, self.facts)

    def settle(self, open_ms: int, bars: list[list[int] | None], rates: list[int | None]) -> None:
        self.reference.settle_minute(open_ms, bars, rates)
        packed = np.array([bar if bar is not None else [0] * 5 for bar in bars])
        present = np.array([bar is not None for bar in bars])
        funding = np.array([NO_RATE if rate is None else rate for rate in rates])
        self.count = settle_minute(self.books, open_ms, packed, present, funding, self.count)

    def order(self, market: int, order: Order) -> None:
        self.reference.books[market].order = Order(**vars(order))
        numbers = (order.target, order.due_ms, order.decision_ms, int(order.reason))
        place_order(self.state.orders, market, *numbers, order.stop_e8, order.take_e8, order.trail_e8)

    def command(self, kind: str, market: int, open_ms: int) -> None:
        self.reference.command(kind, market, open_ms)
        self.count = apply_command(self.books, int(CommandCode[kind.upper()]), market, open_ms, self.count)


def bar_of(previous: int, moves: tuple[int, int, int, int]) -> list[int]:
    """Return open, high, low, close, volume in ticks around the previous close."""
    opening = max(2, previous * (10_000 + moves[0]) // 10_000)
    close = max(2, opening * (10_000 + moves[1]) // 10_000)
    high = max(opening, close) * (10_000 + moves[2]) // 10_000
    low = max(1, min(opening, close) * (10_000 - moves[3]) // 10_000)
    return [opening, high, low, close, 7]


def play(pair: Pair, story: list[Minute], lot_scale: int) -> None:
    """Drive both through the story; an order's target is scaled to about a fifth of the deposit a step."""
    closes = [50_000] * MARKETS
    for number, minute in enumerate(story):
        open_ms = START_MS + number * 60_000
        bars: list[list[int] | None] = []
        for index, step in enumerate(minute.steps):
            bar = bar_of(closes[index], step.moves)
            closes[index] = bar[3]
            bars.append(None if step.absent else bar)
        pair.settle(open_ms, bars, [step.rate for step in minute.steps])
        for kind, market in minute.commands:
            pair.command(kind, market, open_ms)
        for index, step in enumerate(minute.steps):
            if step.order is not None:
                unit = max(1, lot_scale // int(pair.markets[index]["unit_value"]))
                target, due_ms = step.order.target * unit, open_ms + step.order.due_ms
                pair.order(index, Order(**vars(step.order) | {"target": target, "due_ms": due_ms}))


def assert_equal_books(pair: Pair) -> None:
    pairs = zip(pair.reference.books, pair.state.positions, pair.state.orders, strict=True)
    for index, (book, position, order) in enumerate(pairs):
        assert _of_book(book) == _of_position(position), f"market {index}"
        assert (book.order is not None) == bool(order["active"]), f"order of market {index}"


def _of_book(book: Book) -> dict[str, Any]:
    held = bool(book.lots)
    return {
        "lots": book.lots,
        "mark": book.mark,
        "entry": book.entry if held else 0,
        "cost": book.cost,
        "stop": book.stop,
        "take": book.take,
        "best": book.best if held else 0,
        "trade": book.trade,
        "long_blocked_until_ms": book.blocked[1],
        "short_blocked_until_ms": book.blocked[-1],
        "cooldown_until_ms": book.cooldown_until,
    }


def _of_position(position: np.void) -> dict[str, Any]:
    names = ("lots", "mark", "entry", "cost", "stop", "take", "best", "trade")
    blocks = ("long_blocked_until_ms", "short_blocked_until_ms", "cooldown_until_ms")
    return {name: int(position[name]) for name in (*names, *blocks)}


def assert_equal(pair: Pair) -> None:
    """Compare all facts, the account and the books, field by field."""
    assert [tuple(map(int, fact)) for fact in pair.facts[: pair.count]] == pair.reference.facts
    account = pair.state.account[0]
    assert (account["cash"], account["equity"]) == (pair.reference.cash, pair.reference.equity)
    assert (account["peak_equity"], account["day_equity"]) == (pair.reference.peak, pair.reference.day_equity)
    assert (account["fees"], account["funding"]) == (pair.reference.fees, pair.reference.funding)
    assert (account["trades"], bool(account["paused"])) == (pair.reference.trades, pair.reference.paused)
    assert bool(account["drawdown_locked"]) == pair.reference.drawdown_locked
    assert bool(account["day_locked"]) == pair.reference.day_locked
    assert_equal_books(pair)
