"""The compiled kernel against the slow reference: the same facts, the same cash, to the last unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strategies.kernel.state import FactKind, Reason
from tests.property.story import DEPOSIT, MARKETS, Minute, Pair, Step, assert_equal, play
from tests.reference_records import Order, Protections, Terms

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
stories = st.lists(minutes, min_size=2, max_size=30)
account_terms = st.lists(terms, min_size=MARKETS, max_size=MARKETS)
patient = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@patient
@given(account_terms, protections, stories, st.sampled_from([4_000_000, 40_000_000]))
def test_kernel_and_reference_emit_the_same_facts(
    terms: list[Terms], protections: Protections, story: list[Minute], lot_scale: int
) -> None:
    pair = Pair.of(terms, protections)
    play(pair, story, lot_scale)
    assert_equal(pair)
    assert pair.count == len(pair.reference.facts)


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


@pytest.mark.parametrize("seed", range(40))
def test_long_stories_agree_too(seed: int) -> None:
    pair = told(seed)
    assert_equal(pair)
    assert pair.count == len(pair.reference.facts)


def test_long_stories_tell_of_everything_that_can_happen() -> None:
    happened: set[tuple[str, str]] = set()
    for seed in range(40):
        pair = told(seed)
        happened |= {(FactKind(int(f["kind"])).name, Reason(int(f["reason"])).name) for f in pair.facts[: pair.count]}
    fills = {"SIGNAL", "FADED", "REVERSED", "REBALANCE", "STOP", "TAKE", "TRAIL", "LIQUIDATION"}
    forced = {"COMMAND", "KILL_SWITCH", "DAILY_LOSS", "DRAWDOWN"}
    assert happened >= {("FILL", reason) for reason in fills | forced}
    assert happened >= {("FUNDING", "SETTLED"), ("FUNDING", "LATE"), ("MISSED", "LATE"), ("UNLOCK", "DAILY_LOSS")}


def told(seed: int) -> Pair:
    """Return the pair after 300 random minutes: calm markets with jumps, few commands, orders of every kind."""
    rng = np.random.default_rng(seed)
    pair = Pair.of(
        [_terms(rng) for _ in range(MARKETS)],
        Protections(
            block_ms=300_000 * int(rng.integers(2)),
            cooldown_ms=300_000 * int(rng.integers(2)),
            daily_loss_stop=float(rng.choice([0.0, 0.02, 0.1])),
            drawdown_stop=float(rng.choice([0.0, 0.05, 0.3])),
        ),
    )
    story = [Minute(steps=[_step(rng) for _ in range(MARKETS)], commands=_commands(rng)) for _ in range(300)]
    play(pair, story, int(rng.choice([4_000_000, 40_000_000])))
    return pair


def _terms(rng: np.random.Generator) -> Terms:
    return Terms(
        unit_value=int(rng.choice([1, 37, 1_000, 100_000])),
        fee_e8=int(rng.integers(0, 200_000)),
        slippage_e8=int(rng.integers(0, 100_000)),
        leverage=int(rng.choice([1, 3, 10, 50, 125])),
        maintenance_e8=int(rng.integers(0, 700_000)),
        liquidation_fee_e8=int(rng.integers(0, 2_000_000)),
    )


def _step(rng: np.random.Generator) -> Step:
    scale = 15 if rng.random() < 0.95 else 400
    jump, drift = (int(each) for each in rng.normal(0, scale, 2))
    order = None
    if rng.random() < 0.1:
        distances = [int(each) if rng.random() < 0.6 else 0 for each in rng.integers(1, 3_000_000, 3)]
        order = Order(
            int(rng.integers(-3, 4)), 60_000 * int(rng.integers(1, 4)), int(rng.integers(1, 9)),
            REASONS[int(rng.integers(4))], *distances,
        )  # fmt: skip
    return Step(
        moves=(jump, drift, int(rng.integers(0, 30)), int(rng.integers(0, 30))),
        absent=bool(rng.random() < 0.05),
        rate=int(rng.integers(-100_000, 100_000)) if rng.random() < 0.3 else None,
        order=order,
    )


def _commands(rng: np.random.Generator) -> list[tuple[str, int]]:
    kinds = ["pause", "resume", "close", "stop", "unlock", "unlock"]
    return [(kinds[int(rng.integers(6))], int(rng.integers(-1, MARKETS)))] if rng.random() < 0.02 else []
