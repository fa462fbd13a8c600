"""Plausibility: a closed candle at first sight; what is not needs a second witness before it counts.

A market's last released candle is the yardstick: a price further off than `[feed] wild_move`, or a volume ten thousand
times the largest so far, is *wild*. Wild is not wrong: crashes are. Pure; asks nobody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bot.feed.candle import ClosedCandle
from strategies.market import MINUTE_MS

WILD_VOLUME: Final = 1e4  # times the largest volume so far
KNOWN_AFTER: Final = 30  # candles before a volume can be called wild
FORGETTING: Final = 0.999  # of the largest volume, a candle
SEED_CANDLES: Final = 10


@dataclass(slots=True)
class _Seen:
    """What a market's released candles have shown."""

    close: float
    open_ms: int
    volume: float = 0.0
    count: int = 0
    move: float = 0.0  # log return of the last candle


@dataclass(frozen=True, slots=True, kw_only=True)
class Wild:
    """Why a candle is not believed yet.

    Attributes:
        candle: the candle.
        reference: the price before it.
        limit: log move that would have been believed.
        text: in words.
    """

    candle: ClosedCandle
    reference: float
    limit: float
    text: str

    def log_moves(self) -> tuple[float, float, float]:
        """Return how far high, low and close lie from the reference, as logarithms."""
        _, high, low, close, _ = self.candle.values
        return math.log(high / self.reference), math.log(low / self.reference), math.log(close / self.reference)


class Plausibility:
    """Judges the candles of one account's markets."""

    def __init__(self, wild_move: float) -> None:
        """Call a move wild from `wild_move` on, a log return a minute."""
        self._wild_move = wild_move
        self._seen: dict[str, _Seen] = {}

    def judge(self, candle: ClosedCandle, *, is_frame: bool = False) -> Wild | None:
        """Return why a candle is wild, or None. A volume is doubted only in a frame: REST is its second witness."""
        seen = self._seen.get(candle.symbol)
        opening, high, low, close, volume = candle.values
        if seen is None:
            reference, limit = opening, 2 * self._wild_move
        else:
            reference = seen.close
            limit = self._wild_move * math.sqrt(max(1, (candle.open_ms - seen.open_ms) // MINUTE_MS))
        furthest = max((high, low, close), key=lambda price: abs(math.log(price / reference)))
        if abs(math.log(furthest / reference)) > limit:
            text = f"{furthest:,.8g} is {furthest / reference:,.4g} times the price before, {reference:,.8g}"
            return Wild(candle=candle, reference=reference, limit=limit, text=text)
        if is_frame and seen is not None and seen.count >= KNOWN_AFTER and volume > WILD_VOLUME * seen.volume > 0:
            text = f"volume {volume:,.6g} is {volume / seen.volume:,.3g} times the largest before"
            return Wild(candle=candle, reference=reference, limit=limit, text=text)
        return None

    def seed(self, candles: Sequence[ClosedCandle]) -> None:
        """Take the usual price of a market's first candles as the yardstick of the very first."""
        first = candles[:SEED_CANDLES]
        if len(first) >= 3 and first[0].symbol not in self._seen:
            close = median(candle.values[3] for candle in first)
            self._seen[first[0].symbol] = _Seen(close, first[0].open_ms - MINUTE_MS)

    def released(self, candle: ClosedCandle) -> None:
        """Take a candle that counts."""
        close, volume = candle.values[3], candle.values[4]
        seen = self._seen.get(candle.symbol)
        if seen is None:
            self._seen[candle.symbol] = _Seen(close, candle.open_ms, volume, 1)
            return
        seen.move = math.log(close / seen.close)
        seen.close, seen.open_ms = close, candle.open_ms
        seen.volume, seen.count = max(volume, seen.volume * FORGETTING), seen.count + 1

    def others_moved(self, wild: Wild) -> bool:
        """Tell whether at least two, and half of the other markets that have come as far, made half of the move."""
        symbol, open_ms = wild.candle.symbol, wild.candle.open_ms
        high, low, close = wild.log_moves()
        direction = max((high, low, close), key=abs)
        moves = [seen.move for name, seen in self._seen.items() if name != symbol and seen.open_ms == open_ms]
        least = max(wild.limit, abs(direction)) / 2
        alike = sum(1 for move in moves if move * direction > 0 and abs(move) > least)
        return alike >= 2 and 2 * alike >= len(moves)
