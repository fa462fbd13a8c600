"""Data gate: training and backtests stop where the data check would say fatal, unless a person overrides it."""

from __future__ import annotations

from collections.abc import Sequence

from storage.candles.store import CandleStore, StoredMarket
from storage.config.tree import Config
from storage.quality.unusable import unusable
from strategies.errors import DataGap
from strategies.market import Timeframe
from training.runtime.progress import despite_findings, say


def sound_symbols(
    config: Config, store: CandleStore, exchange: str, symbols: Sequence[str], timeframe: Timeframe, kind: str
) -> tuple[str, ...]:
    """Return the symbols whose series are usable; one of several that is not is left out and said.

    With `--despite-findings` all of them, and a line for each finding.

    Raises:
        DataGap: none is usable; with every fatal finding.
    """
    said: dict[str, list[str]] = {}
    for symbol in symbols:
        candles = store.read(exchange, symbol, timeframe, kind).candles
        market = StoredMarket(exchange=exchange, symbol=symbol, timeframe=timeframe, kind=kind)
        found = [f"{market}: {part.text}" for part in unusable(candles, timeframe, config.data.missing_share)]
        if found:
            said[symbol] = found
    if despite_findings():
        for line in (line for lines in said.values() for line in lines):
            say(f"fatal finding overridden: {line}")
        return tuple(symbols)
    sound = tuple(symbol for symbol in symbols if symbol not in said)
    if not sound:
        everything = "; ".join(line for lines in said.values() for line in lines)
        raise DataGap(f"{everything}; --despite-findings goes on all the same")
    for lines in said.values():
        say(f"left out: {lines[0]}; --despite-findings takes it all the same")
    return sound
