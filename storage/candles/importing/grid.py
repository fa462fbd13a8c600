"""The steps between candles: their length, what is missing, whether two timeframes are mixed, local clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np

from storage.candles.rows import moment
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, Timeframe

_STEPS: Final = {
    MINUTE_MS * n: name
    for n, name in (
        (1, "1m"), (3, "3m"), (5, "5m"), (15, "15m"), (30, "30m"), (60, "1h"), (120, "2h"), (240, "4h"), (360, "6h"),
        (480, "8h"), (720, "12h"), (1440, "1d"), (4320, "3d"), (10080, "1w"),
    )
}  # fmt: skip
_RUN: Final = 3  # equal steps of another timeframe in a row: two timeframes in one series
_SPRING_HOURS: Final = (0, 1, 2, 3)  # local hours that a change of clocks skips, from London to Helsinki and New York


def length_of(milliseconds: float) -> str:
    """Return a length as people write it: 1h, 90s."""
    for unit, size in (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", 1_000)):
        if milliseconds and milliseconds % size == 0:
            return f"{int(milliseconds // size)}{unit}"
    return f"{milliseconds:g} ms"


def usual_step(open_ms: np.ndarray) -> int | None:
    """Return the commonest step of ascending times in ms; None for fewer than two."""
    if len(open_ms) < 2:
        return None
    steps = np.diff(open_ms)
    if (steps[0] == steps).all():
        return int(steps[0])
    found, counts = np.unique(steps, return_counts=True)
    return int(found[counts.argmax()])


def mixture(open_ms: np.ndarray, timeframe: Timeframe) -> str:
    """Return where another timeframe begins in ascending times, in words; "" where there is one only.

    A run of equal longer steps whose length is a candle's is no run of gaps.
    """
    steps = np.diff(open_ms).astype(np.int64)
    if len(steps) < _RUN or (steps == timeframe.ms).all():
        return ""
    for step, name in _STEPS.items():
        if step == timeframe.ms or (step > timeframe.ms and step < 4 * timeframe.ms):
            continue
        same = steps == step
        runs = np.flatnonzero(same[: len(same) - 2] & same[1:-1] & same[2:])
        if len(runs):
            first = moment(open_ms[runs[0]])
            return f"from {first} on candles are {name} apart, elsewhere {timeframe.value}: two timeframes are mixed"
    return ""


def missing_share(open_ms: np.ndarray, timeframe: Timeframe) -> float:
    """Return which share of the bars between first and last is absent."""
    if len(open_ms) < 2:
        return 0.0
    found: float = 1.0 - len(open_ms) / ((open_ms[-1] - open_ms[0]) // timeframe.ms + 1)
    return found


def require_dense(open_ms: np.ndarray, timeframe: Timeframe, most: float, where: str) -> None:
    """Refuse mixed timeframes, and series of which too much is missing.

    Raises:
        BadInput: with the share, the limit and the cause.
    """
    if said := mixture(open_ms, timeframe):
        raise BadInput(f"{where}: {said}; split the file and import each part by itself")
    share = missing_share(open_ms, timeframe)
    if share > most:
        steps = np.diff(open_ms)
        worst = int(steps.argmax())
        longest = f"{length_of(steps[worst])} from {moment(open_ms[worst])}"
        raise BadInput(
            f"{where}: {share:.1%} of the {timeframe.value} bars between {moment(open_ms[0])} and "
            f"{moment(open_ms[-1])} are missing, at most {most:.1%} may be (longest gap: {longest}); "
            f"--most-missing {min(share + 0.01, 1):.2f} takes them anyway"
        )


def require_opens(times: np.ndarray, timeframe: Timeframe, column: str, where: str) -> None:
    """Refuse whole days that begin one candle after midnight and end at midnight: so stamp programs that write ends.

    Args:
        times: (n,) UTC ms, ascending.
        timeframe: of the candles.
        column: their name, for the way out.
        where: of the file.

    Raises:
        BadInput: with both readings; one who says which column is the time has decided.
    """
    first, last = float(times[0]), float(times[-1])
    whole_days = (last - first + timeframe.ms) % DAY_MS == 0
    if timeframe.ms < DAY_MS and whole_days and first % DAY_MS == timeframe.ms and last % DAY_MS == 0:
        raise BadInput(
            f"{where}: the candles run from {moment(first)} to {moment(last)}, whole days of ends, not of opens; "
            f"--columns close_time={column or 1} takes the times as ends, --columns time={column or 1} as opens"
        )


def require_utc(wall_ms: np.ndarray, timeframe: Timeframe, where: str) -> None:
    """Refuse naive times in which a clock was changed: an hour that is missing in spring, or there twice in autumn.

    Args:
        wall_ms: (n,) times as written, ascending, duplicates included.

    Raises:
        BadInput: `--timezone` must say whose clock it is.
    """
    if timeframe.ms > HOUR_MS or len(wall_ms) < 3:
        return
    steps = np.diff(wall_ms)
    skipped = np.flatnonzero(steps == HOUR_MS + timeframe.ms)
    for row in skipped:
        first_missing = _utc(wall_ms[row] + timeframe.ms)
        if first_missing.hour in _SPRING_HOURS and _is_change(first_missing, (3, 4, 9, 10)):
            raise BadInput(
                f"{where}: the hour from {first_missing:%Y-%m-%d %H:%M} is missing, on a night when clocks change, and "
                "the times have no offset; --timezone Europe/Berlin (or whose clock it is) or --timezone UTC says it"
            )
    again = np.flatnonzero(steps == 0)
    nights = {_utc(wall_ms[row]).date() for row in again if _is_change(_utc(wall_ms[row]), (10, 11, 3, 4))}
    if nights and len(again) <= 2 * len(nights) * HOUR_MS // timeframe.ms:
        raise BadInput(
            f"{where}: an hour comes twice on {min(nights)}, a night when clocks change, and the times have no offset; "
            "--timezone Europe/Berlin (or whose clock it is) says it"
        )


def _is_change(when: datetime, months: Sequence[int]) -> bool:
    """Whether clocks change on this day somewhere: first, second or last Sunday of those months."""
    return when.month in months and when.weekday() == 6 and (when.day <= 14 or when.day >= 24)


def _utc(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
