"""The trend rule's own record: what it made after costs over the last year, by the kernel that trades it live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from storage.candles.store import CandleStore
from strategies.bundle.bundle import trend_bundle
from strategies.kernel.settings import TradingSettings
from strategies.market import DAY_MS, Market, Timeframe
from training.backtest.run import backtest
from training.backtest.run_candles import HISTORY_DECISIONS, RunCandles, covered, read_run
from training.ensemble.wins import without_protections
from training.evidence.performance import EquityCurve

LOOKED_BACK_D: Final = 370


def trend_curve(
    store: CandleStore, markets: Sequence[Market], timeframe: Timeframe, until_ms: int, settings: TradingSettings
) -> EquityCurve:
    """Return the rule's equity over up to a year of stored candles that ends at a time.

    Raises:
        DataGap: too little is stored.
        BadInput: nothing lies between the warm-up and the end.
    """
    first_ms, last_ms = covered(store, markets, timeframe)
    end_ms = min(until_ms, last_ms)
    start_ms = max(end_ms - LOOKED_BACK_D * DAY_MS, first_ms + HISTORY_DECISIONS * timeframe.ms)
    start_ms = -(-start_ms // timeframe.ms) * timeframe.ms
    return curve_of(read_run(store, markets, timeframe, start_ms, end_ms), settings)


def curve_of(candles: RunCandles, settings: TradingSettings) -> EquityCurve:
    """Return the rule's equity over a run. Locks of the account are off: they would end its record at the first one."""
    return backtest(trend_bundle(candles.timeframe), candles, without_protections(settings, candles.timeframe)).curve
