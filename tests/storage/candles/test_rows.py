"""Rows of candles as values: what is refused, how two sets become one, where gaps are and how they are bridged."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.candles.funding import StoredFunding, merge_funding, require_funding
from storage.candles.gaps import fill_gaps, missing_before, segments
from storage.candles.rows import Source, StoredCandles, broken_candles, content_hash, merge, moment, require_candles
from strategies.errors import BadInput
from strategies.market import HOUR_MS, MINUTE_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS, hours, walk

NUMBERS = st.sets(st.integers(0, 40), max_size=25).map(sorted)
SOURCES = st.sampled_from(list(Source))
MEASURED = (Source.REAL, Source.BACKFILLED)


def stored(numbers: list[int], source: Source = Source.REAL, shift: float = 0.0) -> StoredCandles:
    candles = hours(*numbers)
    candles[:, 5] += shift
    return StoredCandles(candles=candles, source=np.full(len(candles), source, np.uint8))


@given(ours=NUMBERS, theirs=NUMBERS, kind=SOURCES, other=SOURCES, shift=st.sampled_from((0.0, 1.0)))
def test_a_union_keeps_what_is_stored_but_for_what_was_made_up(
    ours: list[int], theirs: list[int], kind: Source, other: Source, shift: float
) -> None:
    old, new = stored(ours, kind), stored(theirs, other, shift)
    merged, done = merge(old, new)
    both, gives_way = set(ours) & set(theirs), other in MEASURED and kind not in MEASURED
    assert merged.open_ms.tolist() == [START_MS + HOUR_MS * number for number in sorted({*ours, *theirs})]
    assert done.rows == len(theirs)
    assert done.added == len(set(theirs) - set(ours))
    assert done.replaced == (len(both) if gives_way else 0)
    assert len(done.revisions) == (len(both) if shift and not gives_way else 0)
    stays = set(ours) - (both if gives_way else set())
    rows = [row for row, ms in enumerate(merged.open_ms) if (ms - START_MS) // HOUR_MS in stays]
    assert merged.candles[rows].tobytes() == hours(*sorted(stays)).tobytes()
    assert (merged.source[rows] == kind).all()


@given(ours=NUMBERS, theirs=NUMBERS)
def test_a_union_of_equals_is_the_same_either_way_and_again(ours: list[int], theirs: list[int]) -> None:
    one, _ = merge(stored(ours), stored(theirs))
    other, _ = merge(stored(theirs), stored(ours))
    again, done = merge(one, stored(theirs))
    assert content_hash(one) == content_hash(other) == content_hash(again)
    assert (done.added, done.identical) == (0, len(theirs))


def spoilt(row: int, column: int, value: float) -> Callable[[np.ndarray], None]:
    def spoil(candles: np.ndarray) -> None:
        candles[row, column] = value

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoilt(3, 4, np.nan), "1 of 10 candles are impossible, the first at 2024-06-01 03:00 UTC"),
        (spoilt(0, 5, -1.0), "candles are impossible"),
        (spoilt(2, 3, 1e6), "low <= open, close <= high are needed"),
        (spoilt(2, 2, 0.01), "candles are impossible"),
        (spoilt(5, 0, START_MS + 5 * HOUR_MS + 1), "1 of 10 candles are off the 1h grid"),
        (spoilt(5, 0, START_MS + 4 * HOUR_MS), "do not ascend at 2024-06-01 04:00 UTC"),
    ],
)
def test_rows_that_no_store_may_hold_are_refused_with_the_first(spoil: Callable[..., None], said: str) -> None:
    candles = walk(10)
    require_candles(candles, Timeframe.H1)
    spoil(candles)
    with pytest.raises(BadInput, match=said):
        require_candles(candles, Timeframe.H1)


def test_another_shape_or_type_is_refused() -> None:
    for wrong in (walk(3)[:, :5], walk(3).astype(np.float32), walk(3)[0]):
        with pytest.raises(BadInput, match=r"\(n, 6\) float64 is needed"):
            require_candles(wrong, Timeframe.H1)


def test_a_doji_and_a_candle_without_volume_are_sound() -> None:
    still = np.array([[START_MS, 5.0, 5.0, 5.0, 5.0, 0.0]])
    assert not broken_candles(still).any()


@given(numbers=st.sets(st.integers(0, 60), min_size=1, max_size=40).map(sorted), most=st.integers(0, 5))
def test_segments_cover_all_rows_and_break_where_more_is_missing_than_may_be(numbers: list[int], most: int) -> None:
    candles = hours(*numbers)
    missing = missing_before(candles[:, 0], Timeframe.H1)
    assert missing.tolist() == [0, *(b - a - 1 for a, b in pairwise(numbers))]
    found = segments(candles, Timeframe.H1, most)
    assert [row for part in found for row in range(part.start, part.stop)] == list(range(len(numbers)))
    assert [part.start for part in found[1:]] == [row for row, gap in enumerate(missing) if gap > most]


@given(numbers=st.sets(st.integers(0, 60), min_size=1, max_size=40).map(sorted), most=st.integers(0, 5))
def test_short_gaps_are_bridged_by_the_close_before_and_marked(numbers: list[int], most: int) -> None:
    before = stored(numbers)
    after = fill_gaps(before, Timeframe.H1, most)
    missing = missing_before(before.candles[:, 0], Timeframe.H1)
    assert len(after) == len(before) + int(missing[missing <= most].sum())
    made_up = after.source == Source.REPAIRED
    assert after.candles[~made_up].tobytes() == before.candles.tobytes()
    for row in np.flatnonzero(made_up):
        previous = after.candles[row - 1]
        assert after.candles[row].tolist() == [previous[0] + HOUR_MS, *[previous[4]] * 4, 0.0]


def test_a_time_is_written_as_people_read_it() -> None:
    assert moment(START_MS) == "2024-06-01 00:00 UTC"
    assert moment(START_MS + 61_000) == "2024-06-01 00:01:01 UTC"
    assert moment(START_MS + 61_500) == "2024-06-01 00:01:01.500 UTC"


RATES = st.dictionaries(st.integers(0, 30), st.integers(-(10**6), 10**6), max_size=12)


@given(ours=RATES, theirs=RATES)
def test_funding_rates_join_by_time_and_a_later_difference_is_kept_out(
    ours: dict[int, int], theirs: dict[int, int]
) -> None:
    def funding(rates: dict[int, int]) -> StoredFunding:
        times = sorted(rates)
        return StoredFunding(np.array(times, np.int64) * HOUR_MS, np.array([rates[t] for t in times], np.int64))

    merged, done = merge_funding(funding(ours), funding(theirs))
    expected = {**theirs, **ours}
    assert merged.times_ms.tolist() == [hour * HOUR_MS for hour in sorted(expected)]
    assert merged.rates_e8.tolist() == [expected[hour] for hour in sorted(expected)]
    differs = [hour * HOUR_MS for hour in sorted(ours) if theirs.get(hour, ours[hour]) != ours[hour]]
    assert done.revisions.tolist() == differs


@pytest.mark.parametrize(
    ("times", "rates", "said"),
    [
        ([0, HOUR_MS], [1], "one rate a time is needed"),
        ([0, 20_000], [1, 1], "do not ascend at 1970-01-01 00:00 UTC"),
        ([0], [10**8 + 1], "a fraction within"),
    ],
)
def test_impossible_funding_is_refused(times: list[int], rates: list[int], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        require_funding(np.array(times), np.array(rates))


def test_settlements_stamped_a_little_late_belong_to_their_minute() -> None:
    found = require_funding(np.array([7, MINUTE_MS - 4]), np.array([1, -2]))
    assert found.times_ms.tolist() == [0, MINUTE_MS]
