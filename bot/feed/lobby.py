"""Pending market changes of an account minute: markets on their way in, rules that change, markets that leave.

A market joins at a decision boundary, with its closed candles up to there; until then its minutes are collected here.
Changes and leaves go with the next minute. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.feed.candle import ClosedCandle
from strategies.market import Market
from strategies.membership import DELISTED
from strategies.minute import Command

Values = tuple[float, float, float, float, float]
GRID_TOLERANCE = 1e-6  # of a tick or a lot: what decimal numbers lose as doubles


@dataclass(slots=True, kw_only=True)
class _Waiting:
    at_ms: int  # the boundary it is to join at
    command: Command | None = None  # once its candles are complete
    candles: dict[int, ClosedCandle] = field(default_factory=dict)


class Lobby:
    """Holds what is to happen to an account's markets."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}
        self._queued: list[Command] = []

    def expect(self, symbol: str, at_ms: int) -> None:
        """Note that a market is to join at a boundary; minutes are held for it there. Again: at a later one."""
        known = self._waiting.get(symbol)
        self._waiting[symbol] = _Waiting(at_ms=at_ms, candles={} if known is None else known.candles)

    def expects(self, symbol: str) -> bool:
        """Tell whether a market is on its way in."""
        return symbol in self._waiting

    def has(self, symbol: str) -> bool:
        """Tell whether anything is about to happen to a market."""
        queued = any(command.spec is not None and command.spec.symbol == symbol for command in self._queued)
        return queued or symbol in self._waiting

    def has_change(self, symbol: str) -> bool:
        """Tell whether other rules of a market wait for the next minute."""
        return any(part.kind == "change" and part.spec and part.spec.symbol == symbol for part in self._queued)

    def forget(self, symbol: str) -> None:
        """Give a market up that was to join."""
        self._waiting.pop(symbol, None)

    def admit(self, command: Command) -> None:
        """Let an expected market join at its boundary: its candles are complete up to there."""
        assert command.spec is not None
        self._waiting[command.spec.symbol].command = command

    def queue(self, command: Command) -> None:
        """Let a change or a leave go with the next minute; of several alike the last, but an end stays."""
        assert command.spec is not None
        symbol = command.spec.symbol
        alike = [
            part for part in self._queued if part.kind == command.kind and part.spec and part.spec.symbol == symbol
        ]
        if any(part.why.startswith(DELISTED) for part in alike):
            return
        self._queued = [part for part in self._queued if part not in alike] + [command]

    def offer(self, candle: ClosedCandle) -> None:
        """Keep a candle of a market that is to join; of any other it is nothing to us."""
        waiting = self._waiting.get(candle.symbol)
        if waiting is not None and candle.open_ms >= waiting.at_ms:
            waiting.candles[candle.open_ms] = candle

    def is_awaited(self, open_ms: int) -> bool:
        """Tell whether a market is to join with the minute at `open_ms` and is not ready for it yet."""
        return any(waiting.at_ms == open_ms and waiting.command is None for waiting in self._waiting.values())

    def take(self, open_ms: int) -> tuple[Command, ...]:
        """Return the commands that go with the minute at `open_ms`: changes, then leaves, then joins."""
        joining = [part.command for part in self._waiting.values() if part.at_ms == open_ms and part.command]
        queued, self._queued = self._queued, []
        return (*sorted(queued, key=lambda part: part.kind == "leave"), *joining)

    def candles(self, symbol: str, from_ms: int) -> Sequence[ClosedCandle]:
        """Return the minutes collected of a market that joins now, ascending; it waits no longer."""
        found = self._waiting.pop(symbol).candles
        return [found[open_ms] for open_ms in sorted(found) if open_ms >= from_ms]


def fits_grid(market: Market, values: Values) -> bool:
    """Tell whether prices and volume lie on a market's ticks and lots."""
    tick, lot = float(market.tick), float(market.lot * market.contract_size)
    return all(_is_whole(price / tick) for price in values[:4]) and _is_whole(values[4] / lot)


def _is_whole(count: float) -> bool:
    part = count % 1.0
    return min(part, 1.0 - part) <= GRID_TOLERANCE + abs(count) * 1e-12
