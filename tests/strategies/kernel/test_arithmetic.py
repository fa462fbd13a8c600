"""Integer arithmetic of the kernel against Python's own, which has no largest number."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from strategies.kernel.arithmetic import farther, muldiv_ceil, muldiv_floor, nearer, overflows, slipped
from strategies.kernel.liquidation import bankruptcy_price, liquidation_price
from strategies.market import RATE_ONE

LARGEST = 2**63 - 1
ANY = st.one_of(st.integers(-(2**62), 2**62), st.integers(-1000, 1000))
DIVISOR = st.one_of(st.integers(1, 2**61), st.integers(1, 1000), st.just(RATE_ONE))
PRICES = st.integers(1, 10**9)
DISTANCES = st.integers(1, RATE_ONE // 2)
SIDES = st.sampled_from((1, -1))


@given(a=ANY, b=ANY, c=DIVISOR)
def test_products_are_divided_exactly_wherever_the_result_fits(a: int, b: int, c: int) -> None:
    exact = Fraction(a * b, c)
    floor, ceil = exact.__floor__(), exact.__ceil__()
    assume(floor > -LARGEST and ceil < LARGEST)
    assert (muldiv_floor(a, b, c), muldiv_ceil(a, b, c)) == (floor, ceil)


@given(price=PRICES, slippage_e8=st.integers(0, RATE_ONE // 10))
def test_slippage_is_rounded_against_us_and_leaves_a_price(price: int, slippage_e8: int) -> None:
    bought, sold = slipped(price, slippage_e8, 1), slipped(price, slippage_e8, -1)
    moved = Fraction(price * slippage_e8, RATE_ONE)
    assert 0 <= bought - price - moved < 1
    assert sold == max(1, price - (bought - price))


@given(price=PRICES, distance_e8=DISTANCES, side=SIDES)
def test_a_stop_is_touched_earlier_and_a_target_later(price: int, distance_e8: int, side: int) -> None:
    exact = Fraction(price * distance_e8, RATE_ONE)
    assert 0 <= exact - (price - nearer(price, distance_e8, side)) * side < 1
    assert 0 <= (farther(price, distance_e8, side) - price) * side - exact < 1


@given(price=PRICES, side=SIDES, distance_e8=st.integers(-RATE_ONE, 0))
def test_without_a_distance_there_is_no_trigger(price: int, side: int, distance_e8: int) -> None:
    assert (nearer(price, distance_e8, side), farther(price, distance_e8, side)) == (0, 0)


def test_what_would_leave_sixty_two_bits_is_known_before_it_does() -> None:
    assert not overflows(2**30, 2**20, 2**11)
    assert overflows(2**30, 2**20, 2**12)
    assert overflows(-(2**40), 2**30, 1)


@given(
    lots=st.one_of(st.integers(1, 10**6), st.integers(-(10**6), -1)),
    price=st.integers(1_000, 10**7),
    unit_value=st.integers(1, 10**5),
    leverage=st.integers(2, 100),
    maintenance_e8=st.integers(0, RATE_ONE // 200),
)
def test_a_liquidation_comes_before_bankruptcy_and_never_takes_more_than_the_margin(
    lots: int, price: int, unit_value: int, leverage: int, maintenance_e8: int
) -> None:
    cost = lots * price * unit_value
    trigger = liquidation_price(lots, cost, unit_value, leverage, maintenance_e8)
    worst = bankruptcy_price(lots, cost, unit_value, leverage)
    side = 1 if lots > 0 else -1
    assert (trigger - worst) * side >= 0
    loss = cost - lots * worst * unit_value
    assert loss <= Fraction(abs(cost), leverage)


@given(lots=st.integers(1, 10**6), price=st.integers(1_000, 10**7), maintenance_e8=st.integers(0, RATE_ONE // 200))
def test_a_long_without_leverage_is_bankrupt_at_nothing(lots: int, price: int, maintenance_e8: int) -> None:
    assert liquidation_price(lots, lots * price, 1, 1, maintenance_e8) == 0
    assert bankruptcy_price(lots, lots * price, 1, 1) == 1
