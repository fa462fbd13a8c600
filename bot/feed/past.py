"""The past that decisions begin with, looked at before it counts, as live candles are.

A candle that is wild, beyond what can be reckoned with, or stated as nonsense is made anew of its minutes. A wild
minute needs a second witness; what nothing confirms is absent, and named. Downloads do not pass here: they keep what
the exchange says, and `sigma data check` judges it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.clock import Clock
from bot.feed.candle import CandleNote, ClosedCandle, Values, values_of
from bot.feed.pages import candle_pages
from bot.feed.plausible import SEED_CANDLES, Plausibility
from bot.feed.rest import Rest
from bot.feed.validate import BEYOND, WHY, Refused, fits
from bot.feed.witness import STAYED, Witnesses
from strategies.errors import ExchangeFailed
from strategies.market import CLOSE, HIGH, LOW, MINUTE_MS, OPEN_MS, VOLUME, CandleArray, Market, Timeframe

DOUBTED: Final = 2  # times `[feed] wild_move`; a longer candle that moves no further is believed
MOST_DOUBTS: Final = 50  # a market, that are looked at closely; each is a request
WITNESS_MS: Final = 5 * MINUTE_MS  # behind a candle, that may confirm its last minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """A candle that is not believed as it stands.

    Attributes:
        stated: what the exchange says; None: nonsense.
        reference: the price before it.
        why: in words.
        later: closes of the candles after it.
    """

    open_ms: int
    stated: Values | None
    reference: float
    why: str
    later: Sequence[float]


class Past:
    """History of an exchange's markets, judged."""

    def __init__(
        self,
        rest: Rest,
        clock: Clock,
        *,
        wild_move: float,
        know: Callable[[str], Awaitable[None]],
        spec_of: Callable[[str], Market | None],
        note: Callable[[CandleNote], None],
    ) -> None:
        """Prepare to ask.

        Args:
            rest: the exchange.
            clock: its time.
            wild_move: log return a minute that is not believed at once.
            know: makes a market's name known.
            spec_of: a market's grid, where it is known.
            note: told what is absent, and what was made anew.
        """
        self._rest = rest
        self._clock = clock
        self._wild_move = wild_move
        self._know = know
        self._spec_of = spec_of
        self._note = note

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        """Return the closed candles with start <= open < end that count, (n, 6) float64, ascending.

        Raises:
            ExchangeFailed: the exchange cannot be reached; attempts have been made.
        """
        await self._know(symbol)
        before_ms = start_ms - SEED_CANDLES * timeframe.ms  # what the first ones are measured by
        rows, refused = await self._asked(symbol, timeframe, before_ms, end_ms)
        is_before = rows[:, OPEN_MS] < start_ms
        before, rows = rows[is_before], rows[~is_before]
        refused = {open_ms: why for open_ms, why in refused.items() if open_ms >= start_ms}
        usual = (before if len(before) else rows)[:SEED_CANDLES, CLOSE]
        reference = float(np.median(usual)) if len(usual) else math.nan
        if not refused and not self._is_doubted(symbol, rows, reference):
            return rows
        stated = {int(row[OPEN_MS]): values_of(row) for row in rows}
        return await self._judged(symbol, timeframe, {**dict.fromkeys(refused), **stated}, refused, reference)

    async def _judged(
        self,
        symbol: str,
        timeframe: Timeframe,
        stated: Mapping[int, Values | None],
        refused: Mapping[int, Refused],
        reference: float,
    ) -> CandleArray:
        """Return what counts of stated candles, by open; None: nonsense, and `refused` says of what kind."""
        opens = sorted(stated)
        found: list[tuple[float, ...]] = []
        doubted: list[int] = []
        passed: list[int] = []
        for place, open_ms in enumerate(opens):
            values = stated[open_ms]
            why = WHY[refused[open_ms]] if values is None else self._why_not(symbol, values, reference)
            if why and len(doubted) < MOST_DOUBTS:
                doubted.append(open_ms)
                later = [after[3] for ms in opens[place + 1 :] if (after := stated[ms]) is not None][:STAYED]
                doubt = _Doubt(open_ms=open_ms, stated=values, reference=reference, why=why, later=later)
                values = await self._anew(symbol, timeframe, doubt)
            elif why:
                passed.append(open_ms)
                continue
            if values is not None:
                found.append((float(open_ms), *values))
                reference = values[3]
        if passed:
            text = (
                f"{len(passed)} more candles of {timeframe.value} between these times are not believed; they are absent"
            )
            self._leave_out(symbol, passed[0], passed[-1] + timeframe.ms - passed[0], text)
        return np.array(found, np.float64).reshape(-1, 6)

    async def _asked(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> tuple[CandleArray, dict[int, Refused]]:
        """Return what the exchange states, and why what it states in the place of other candles is none."""
        refused: dict[int, Refused] = {}
        asking = candle_pages(self._rest, self._clock, symbol, timeframe, start_ms, end_ms, None, refused)
        pages = [page async for page in asking]
        rows = np.concatenate(pages) if pages else np.empty((0, 6))
        stated = {*rows[:, OPEN_MS].astype(np.int64).tolist()}
        lacking = {ms: why for ms, why in refused.items() if start_ms <= ms < end_ms and ms % timeframe.ms == 0}
        return rows, {ms: why for ms, why in lacking.items() if ms not in stated}

    def _is_doubted(self, symbol: str, rows: CandleArray, reference: float) -> bool:
        """Tell whether any candle must be looked at more closely."""
        if not len(rows):
            return False
        before = np.concatenate([[reference], rows[:-1, CLOSE]])
        furthest = np.maximum(np.abs(np.log(rows[:, HIGH] / before)), np.abs(np.log(rows[:, LOW] / before)))
        spec = self._spec_of(symbol)
        extremes = (1.0, float(rows[:, HIGH].max()), float(rows[:, LOW].min()), 1.0, float(rows[:, VOLUME].max()))
        return bool((furthest > DOUBTED * self._wild_move).any()) or (spec is not None and not fits(spec, extremes))

    def _why_not(self, symbol: str, values: Values, reference: float) -> str:
        """Return why a candle is not believed as it stands; "": it is."""
        spec = self._spec_of(symbol)
        if spec is not None and not fits(spec, values):
            return BEYOND
        furthest = max(values[1], values[2], key=lambda price: abs(math.log(price / reference)))
        if abs(math.log(furthest / reference)) > DOUBTED * self._wild_move:
            return f"{furthest:,.8g} is {furthest / reference:,.4g} times the price before, {reference:,.8g}"
        return ""

    async def _anew(self, symbol: str, timeframe: Timeframe, doubt: _Doubt) -> Values | None:
        """Return a candle as its minutes make it; None: it is absent."""
        open_ms, end_ms, stated, why = doubt.open_ms, doubt.open_ms + timeframe.ms, doubt.stated, doubt.why
        minutes = [] if timeframe == Timeframe.M1 else await self._minutes(symbol, open_ms, end_ms)
        taken = await self._believed(minutes, end_ms, doubt.reference)
        if not taken:
            if stated is not None and why != BEYOND and _stayed(doubt, stated, DOUBTED * self._wild_move):
                return stated
            self._leave_out(symbol, open_ms, timeframe.ms, f"{why}; nothing confirms it", stated)
            return None
        made = _together(taken)
        if stated is not None and why != BEYOND and made[:4] == stated[:4]:
            return stated
        text = f"what the exchange states of {timeframe.value} is not believed ({why}); made of {len(taken)} minutes"
        note = CandleNote(kind="rebuilt", symbol=symbol, open_ms=open_ms, until_ms=end_ms, text=text, stored=made)
        self._note(note)
        return made

    async def _minutes(self, symbol: str, start_ms: int, end_ms: int) -> list[ClosedCandle]:
        """Return the minutes of [start, end) as the exchange states them, and some behind; none where it has none."""
        try:
            rows, refused = await self._asked(symbol, Timeframe.M1, start_ms, end_ms + WITNESS_MS)
        except ExchangeFailed:
            return []
        for open_ms, why in refused.items():
            if open_ms < end_ms:
                self._leave_out(symbol, open_ms, MINUTE_MS, f"the exchange states a candle that is none: {WHY[why]}")
        return [ClosedCandle(symbol=symbol, open_ms=int(row[OPEN_MS]), values=values_of(row)) for row in rows]

    async def _believed(self, minutes: Sequence[ClosedCandle], end_ms: int, reference: float) -> list[ClosedCandle]:
        """Return the minutes before `end_ms` that count; those behind it are witnesses."""
        plausibility = Plausibility(self._wild_move)
        witnesses = Witnesses(self._rest, plausibility)
        if minutes and math.isfinite(reference):
            before = (reference, reference, reference, reference, 0.0)
            first = minutes[0]
            plausibility.released(ClosedCandle(symbol=first.symbol, open_ms=first.open_ms - MINUTE_MS, values=before))
        taken = []
        for candle in minutes:
            if candle.open_ms >= end_ms:
                break
            spec = self._spec_of(candle.symbol)
            is_true, said = spec is None or fits(spec, candle.values), BEYOND
            wild = plausibility.judge(candle) if is_true else None
            if wild is not None:
                confirmed, witness = await witnesses.judge(wild, minutes)
                is_true, said = bool(confirmed), f"{wild.text}; {witness}"
            if is_true:
                plausibility.released(candle)
                taken.append(candle)
            else:
                self._leave_out(candle.symbol, candle.open_ms, MINUTE_MS, said, candle.values)
        return taken

    def _leave_out(self, symbol: str, open_ms: int, length_ms: int, why: str, stated: Values | None = None) -> None:
        until_ms = open_ms + length_ms
        self._note(
            CandleNote(kind="excluded", symbol=symbol, open_ms=open_ms, until_ms=until_ms, text=why, other=stated)
        )


def _stayed(doubt: _Doubt, stated: Values, limit: float) -> bool:
    """Tell whether a candle led to a price at which the market stayed, and was nowhere else on its way."""
    _, high, low, close, _ = stated

    def is_near(price: float, level: float) -> bool:
        return abs(math.log(price / level)) <= limit

    is_way = all(is_near(price, doubt.reference) or is_near(price, close) for price in (high, low))
    return is_way and len(doubt.later) >= STAYED and all(is_near(price, close) for price in doubt.later)


def _together(minutes: Sequence[ClosedCandle]) -> Values:
    values = [candle.values for candle in minutes]
    return (
        values[0][0],
        max(part[1] for part in values),
        min(part[2] for part in values),
        values[-1][3],
        sum(part[4] for part in values),
    )
