"""All patterns of a slice of candles, in the order in which they could be known."""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.market import CandleArray
from strategies.patterns.chart import Chart, chart_of
from strategies.patterns.engulfing import engulfing
from strategies.patterns.flags import flags
from strategies.patterns.hits import HIT, Pattern
from strategies.patterns.reversals import double_tops, head_and_shoulders
from strategies.patterns.triangles import triangles

_TRIANGLES: Final = (  # by shape, on the chart as it is and upside down
    (Pattern.ASCENDING_TRIANGLE, Pattern.DESCENDING_TRIANGLE, Pattern.SYMMETRICAL_TRIANGLE),
    (Pattern.DESCENDING_TRIANGLE, Pattern.ASCENDING_TRIANGLE, Pattern.SYMMETRICAL_TRIANGLE),
)
_FLAGS: Final = ((Pattern.BULL_FLAG, Pattern.BULL_PENNANT), (Pattern.BEAR_FLAG, Pattern.BEAR_PENNANT))


def find_patterns(candles: CandleArray) -> np.ndarray:
    """Return every confirmed pattern.

    Args:
        candles: (n, 6) float64, contiguous.

    Returns:
        (k,) HIT, ascending by `confirm`. Candles added later only add hits confirmed later. No bar before the `end` of
            a hit belongs to another one of the same pattern.
    """
    upright = chart_of(candles)
    flipped = upright.flipped()
    hits = np.concatenate([*_of_one_direction(upright, 0), *_of_one_direction(flipped, 1)])
    return _apart(hits[np.lexsort((-hits["start"], hits["pattern"], hits["confirm"]))])


def last_pattern(candles: CandleArray, within_bars: int) -> np.void | None:
    """Return the pattern confirmed last, at most so many bars before the last one; the rarest of several."""
    hits = find_patterns(candles)
    recent = hits[hits["confirm"] >= len(candles) - 1 - within_bars]
    if not len(recent):
        return None
    newest = recent[recent["confirm"] == recent["confirm"].max()]
    found: np.void | None = newest[np.argmin(newest["pattern"])]
    return found


def _of_one_direction(chart: Chart, turn: int) -> list[np.ndarray]:
    reversal_names = (
        (Pattern.HEAD_AND_SHOULDERS, Pattern.INVERSE_HEAD_AND_SHOULDERS),
        (Pattern.DOUBLE_TOP, Pattern.DOUBLE_BOTTOM),
    )
    parts = [
        _hits(chart, names[turn], -1, *found(chart))
        for names, found in zip(reversal_names, (head_and_shoulders, double_tops), strict=True)
    ]
    for names, found_shapes in ((_TRIANGLES[turn], triangles), (_FLAGS[turn], flags)):
        rows, levels, shapes = found_shapes(chart)
        parts += [
            _hits(chart, name, 1, rows[shapes == shape], levels[shapes == shape]) for shape, name in enumerate(names)
        ]
    closes = engulfing(chart)
    name = (Pattern.BULLISH_ENGULFING, Pattern.BEARISH_ENGULFING)[turn]
    parts.append(_hits(chart, name, 1, np.stack([closes - 1, closes, closes], axis=1), chart.close[closes]))
    return parts


def _hits(chart: Chart, pattern: Pattern, side: int, rows: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return HIT records; `side` and levels are those of the chart as it stands."""
    hits = np.zeros(len(rows), HIT)
    hits["pattern"], hits["side"] = pattern, side * chart.sign
    hits["start"], hits["end"], hits["confirm"] = rows[:, 0], rows[:, 1], rows[:, 2]
    hits["level"] = levels * chart.sign
    return hits


def _apart(hits: np.ndarray) -> np.ndarray:
    """Return the hits that share no bars with an earlier one of the same pattern; later hits never matter."""
    free_from: dict[int, int] = {}
    kept = np.zeros(len(hits), bool)
    for index, (pattern, start, end) in enumerate(
        zip(hits["pattern"].tolist(), hits["start"].tolist(), hits["end"].tolist(), strict=True)
    ):
        if start >= free_from.get(pattern, 0):
            kept[index], free_from[pattern] = True, end
    return hits[kept]
