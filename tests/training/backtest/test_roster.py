"""Who belongs to a run when: warm, not ended, selected then; asked time by time and all at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from strategies.market import HOUR_MS
from strategies.universe.members import Members
from strategies.universe.selection import Selection
from training.backtest.roster import Life, Roster, roster_of

HOURS = 60
SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
ENDS = st.one_of(st.none(), st.integers(1, HOURS + 10))


def lives_of(spans: list[tuple[int, int | None]]) -> list[Life]:
    return [
        Life(
            symbol=symbol,
            first_ms=0,
            enters_ms=enters * HOUR_MS,
            ends_ms=None if ends is None or ends <= enters else ends * HOUR_MS,
        )
        for symbol, (enters, ends) in zip(SYMBOLS, spans, strict=False)
    ]


def belongs(life: Life, ms: int, universe: Members | None) -> bool:
    alive = life.enters_ms <= ms and (life.ends_ms is None or ms < life.ends_ms)
    chosen = universe is None or ((found := universe.at(ms)) is not None and life.symbol in found.members)
    return alive and chosen


@st.composite
def universes(draw: st.DrawFn) -> Members | None:
    times = sorted(draw(st.sets(st.integers(0, HOURS), max_size=5)))
    if not times:
        return None
    sets = [tuple(draw(st.sets(st.sampled_from(SYMBOLS)))) for _ in times]
    selections = tuple(Selection(members=names, leaving=(), verdicts=()) for names in sets)
    return Members(times_ms=np.array(times, np.int64) * HOUR_MS, selections=selections)


@given(spans=st.lists(st.tuples(st.integers(0, HOURS + 10), ENDS), min_size=1, max_size=3), universe=universes())
def test_a_roster_says_of_every_close_what_its_lives_and_selections_say(
    spans: list[tuple[int, int | None]], universe: Members | None
) -> None:
    lives = lives_of(spans)
    roster = roster_of(lives, 0, HOURS * HOUR_MS, HOUR_MS, universe)
    closes = np.arange(HOURS, dtype=np.int64) * HOUR_MS
    expected = np.array([[belongs(life, int(ms), universe) for life in lives] for ms in closes])
    symbols = [life.symbol for life in lives]
    if roster is None:
        assert expected.all()
        return
    assert np.array_equal(roster.is_member(symbols, closes), expected)
    assert all(roster.at(int(ms)) == {s for s, is_in in zip(symbols, row, strict=True) if is_in}
               for ms, row in zip(closes, expected, strict=True))  # fmt: skip
    assert roster.ends_ms == {
        life.symbol: life.ends_ms for life in lives if life.ends_ms is not None and life.ends_ms < HOURS * HOUR_MS
    }


@given(spans=st.lists(st.tuples(st.integers(0, HOURS), ENDS), min_size=1, max_size=3))
def test_walking_from_change_to_change_meets_every_set_of_members(spans: list[tuple[int, int | None]]) -> None:
    roster = roster_of(lives_of(spans), 0, HOURS * HOUR_MS, HOUR_MS, None)
    if roster is None:
        return
    seen, at = [], -1
    while (following := roster.next_change(at)) is not None:
        assert following > at
        seen.append(roster.at(following))
        at = following
    assert seen == list(roster.members)


def test_changes_take_hold_at_the_next_close_of_a_decision_candle() -> None:
    life = Life(symbol="AUSDT", first_ms=0, enters_ms=HOUR_MS + 1, ends_ms=5 * HOUR_MS + 1)
    roster = roster_of([life], 0, 9 * HOUR_MS, HOUR_MS, None)
    assert roster is not None
    assert roster.times_ms == (0, 2 * HOUR_MS, 6 * HOUR_MS)
    assert roster.members == (frozenset(), frozenset({"AUSDT"}), frozenset())
    assert roster.ends_ms == {"AUSDT": 6 * HOUR_MS}


def test_before_its_first_time_a_roster_has_nobody() -> None:
    roster = Roster(times_ms=(10,), members=(frozenset({"A"}),), ends_ms={})
    assert (roster.at(9), roster.at(10), roster.next_change(10)) == (frozenset(), {"A"}, None)
    assert roster.is_member(["A", "B"], np.array([9, 10])).tolist() == [[False, False], [True, False]]
