"""Training and backtests stop where the data check would say fatal, unless a person overrides it."""

from __future__ import annotations

from collections.abc import Sequence

from storage.candles.store import CandleStore, StoredMarket
from storage.config.tree import Config
from storage.quality.unusable import unusable
from strategies.errors import DataGap
from strategies.market import Timeframe
from training.runtime.progress import despite_findings, say


def require_sound(
    config: Config, store: CandleStore, exchange: str, symbols: Sequence[str], timeframe: Timeframe, kind: str
) -> None:
    """Refuse series that are unusable as a whole; with `--despite-findings` say so and go on.

    Raises:
        DataGap: with every fatal finding.
    """
    said = []
    for symbol in symbols:
        candles = store.read(exchange, symbol, timeframe, kind).candles
        market = StoredMarket(exchange=exchange, symbol=symbol, timeframe=timeframe, kind=kind)
        said += [f"{market}: {finding.text}" for finding in unusable(candles, timeframe, config.data.missing_share)]
    if not said:
        return
    if despite_findings():
        for line in said:
            say(f"fatal finding overridden: {line}")
        return
    raise DataGap(f"{'; '.join(said)}; --despite-findings goes on all the same")
