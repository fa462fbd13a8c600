"""The compiled kernel against the slow reference: the same facts, the same cash, to the last unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strategies.account import AccountState
from strategies.execution import CommandCode, apply_command, place_order, settle_minute
from strategies.state import FACT, MARKET, NO_RATE, RULES, FactKind, Reason
from tests.reference_execution import ReferenceAccount
from tests.reference_records import Book, Order, Protections, Terms

MARKETS = 2
DEPOSIT = 10_000 * 10**8
START_MS = 20_000 * 86_400_000 - 20 * 60_000  # 20 minutes before a day begins, and 20 before a full hour
REASONS = [Reason.SIGNAL, Reason.FADED, Reason.REVERSED, Reason.REBALANCE]

rates = st.integers(0, 2_000_000)
distances = st.one_of(st.just(0), st.integers(1, 5_000_000), st.integers(1, 200_000_000))
terms = st.builds(
    Terms,
    unit_value=st.sampled_from([1, 37, 1_000, 100_000]),
    fee_e8=rates,
    slippage_e8=rates,
    leverage=st.sampled_from([1, 2, 3, 10, 50, 125]),
    maintenance_e8=st.integers(0, 700_000),
    liquidation_fee_e8=rates,
)
protections = st.builds(
    Protections,
    block_ms=st.sampled_from([0, 300_000]),
    cooldown_ms=st.sampled_from([0, 300_000]),
    daily_loss_stop=st.sampled_from([0.0, 0.01, 0.2]),
    drawdown_stop=st.sampled_from([0.0, 0.02, 0.3]),
)


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


basis_points = st.one_of(st.integers(-30, 30), st.integers(-1500, 1500))
orders = st.builds(
    Order,
    target=st.integers(-3, 3),
    due_ms=st.sampled_from([60_000, 60_000, 120_000, 300_000]),
    decision_ms=st.integers(1, 9),
    reason=st.sampled_from(REASONS),
    stop_e8=distances,
    take_e8=distances,
    trail_e8=distances,
)
steps = st.builds(
    Step,
    moves=st.tuples(basis_points, basis_points, st.integers(0, 40), st.integers(0, 40)),
    absent=st.integers(0, 9).map(lambda value: value == 0),
    rate=st.one_of(st.none(), st.none(), st.integers(-1_000_000, 1_000_000)),
    order=st.one_of(st.none(), orders),
)
commands = st.tuples(st.sampled_from(["pause", "resume", "close", "stop", "unlock"]), st.integers(-1, MARKETS - 1))
minutes = st.builds(
    Minute,
    steps=st.lists(steps, min_size=MARKETS, max_size=MARKETS),
    commands=st.one_of(st.just([]), st.just([]), st.lists(commands, max_size=2)),
)


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

    def settle(self, open_ms: int, bars: list[list[int] | None], rates: list[int | None]) -> None:
        self.reference.settle_minute(open_ms, bars, rates)
        packed = np.array([bar if bar is not None else [0] * 5 for bar in bars])
        present = np.array([bar is not None for bar in bars])
        funding = np.array([NO_RATE if rate is None else rate for rate in rates])
        parts = (self.state.account, self.state.positions, self.state.orders, self.markets, self.rules)
        self.count = settle_minute(*parts, open_ms, packed, present, funding, self.facts, self.count)

    def order(self, market: int, order: Order) -> None:
        self.reference.books[market].order = Order(**vars(order))
        numbers = (order.target, order.due_ms, order.decision_ms, int(order.reason))
        place_order(self.state.orders, market, *numbers, order.stop_e8, order.take_e8, order.trail_e8)

    def command(self, kind: str, market: int, open_ms: int) -> None:
        self.reference.command(kind, market, open_ms)
        parts = (self.state.account, self.state.positions, self.state.orders, self.rules)
        code = int(CommandCode[kind.upper()])
        self.count = apply_command(*parts, code, market, open_ms, self.facts, self.count)


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


stories = st.lists(minutes, min_size=2, max_size=30)
account_terms = st.lists(terms, min_size=MARKETS, max_size=MARKETS)
patient = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@patient
@given(account_terms, protections, stories, st.sampled_from([4_000_000, 40_000_000]))
def test_kernel_and_reference_emit_the_same_facts(
    terms: list[Terms], protections: Protections, story: list[Minute], lot_scale: int
) -> None:
    pair = Pair.of(terms, protections)
    play(pair, story, lot_scale)
    assert [tuple(map(int, fact)) for fact in pair.facts[: pair.count]] == pair.reference.facts
    account = pair.state.account[0]
    assert (account["cash"], account["equity"]) == (pair.reference.cash, pair.reference.equity)
    assert (account["peak_equity"], account["day_equity"]) == (pair.reference.peak, pair.reference.day_equity)
    assert (account["fees"], account["funding"]) == (pair.reference.fees, pair.reference.funding)
    assert bool(account["drawdown_locked"]) == pair.reference.drawdown_locked
    assert_equal_books(pair)


@patient
@given(account_terms, protections, stories, st.sampled_from([4_000_000, 40_000_000]))
def test_every_unit_is_accounted_for(
    terms: list[Terms], protections: Protections, story: list[Minute], lot_scale: int
) -> None:
    pair = Pair.of(terms, protections)
    play(pair, story, lot_scale)
    facts, account, positions = pair.facts[: pair.count], pair.state.account[0], pair.state.positions
    funding = facts[facts["kind"] == FactKind.FUNDING]
    assert DEPOSIT + int(facts["cash_flow"].sum()) == account["cash"]
    assert account["equity"] == account["cash"] + int(
        (positions["lots"] * positions["mark"] * pair.markets["unit_value"]).sum()
    )
    assert int(facts["fee"].sum()) == account["fees"]
    assert -int(funding["cash_flow"].sum()) == account["funding"]
    for market in range(MARKETS):
        of_market = facts[facts["market"] == market]
        assert int(of_market["lots"].sum()) == positions[market]["lots"]
        for trade in np.unique(of_market["trade"][of_market["trade"] > 0]):
            rows = of_market[of_market["trade"] == trade]
            assert int(rows["cash_flow"].sum()) == rows[-1]["trade_cash_flow"]
