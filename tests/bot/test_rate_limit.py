"""Rate limits: never more than so many in any minute, and nobody uses up another's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.rate_limit import MOST_CALLERS, WINDOW_S, RateLimit, Window

STEPS = st.lists(st.floats(0, 40), max_size=80)


@given(most=st.integers(1, 8), steps=STEPS)
def test_no_minute_holds_more_than_the_limit_and_none_is_refused_below_it(most: int, steps: list[float]) -> None:
    now = [0.0]
    window, taken = Window(most, lambda: now[0]), []
    for step in steps:
        now[0] += step
        recent = [time_s for time_s in taken if now[0] - time_s < WINDOW_S]
        assert window.room() == most - len(recent)
        assert window.take() == (len(recent) < most)
        if len(recent) < most:
            taken.append(now[0])


@given(most=st.integers(1, 5), steps=STEPS)
def test_after_the_wait_there_is_room(most: int, steps: list[float]) -> None:
    now = [0.0]
    window = Window(most, lambda: now[0])
    for step in steps:
        now[0] += step
        window.take()
    wait_s = window.wait_s()
    assert (wait_s == 0) == (window.room() > 0)
    now[0] += wait_s + 1e-6
    assert window.room() > 0


def test_a_smaller_limit_counts_the_newest_of_those_that_happened() -> None:
    now = [0.0]
    window = Window(4, lambda: now[0])
    for _ in range(4):
        now[0] += 10
        window.add()
    window.resize(2)
    assert (window.room(), window.wait_s()) == (0, 50.0)
    window.resize(5)
    assert window.room() == 3


def test_callers_have_windows_of_their_own_and_the_longest_silent_is_forgotten() -> None:
    now = [0.0]
    limit = RateLimit(1, lambda: now[0])
    assert [limit.take("a"), limit.take("a"), limit.take("b")] == [True, False, True]
    for number in range(MOST_CALLERS - 1):
        limit.take(number)
    assert len(limit) == MOST_CALLERS
    assert limit.take("a"), "it was silent longest, and is new again"
    assert not limit.take(MOST_CALLERS - 2)
