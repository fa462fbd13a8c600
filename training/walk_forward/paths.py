"""Decision paths of a walk forward's bundles, strung together: fold after fold, coin group beside coin group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.kernel.portfolio import book_deviations
from strategies.kernel.settings import TradingSettings
from strategies.market import OPEN_MS
from training.backtest.decision_path import DecisionPath, decision_path, decision_rows
from training.backtest.run_candles import RunCandles
from training.data.coin_groups import Groups
from training.data.splits import Fold


def strung_together(
    bundles: Sequence[Bundle], folds: Sequence[Fold], candles: RunCandles, settings: TradingSettings
) -> DecisionPath:
    """Return what one bundle after the other decides, each over its own fold and warmed up as at a live swap."""
    paths = [
        decision_path(bundle, part(candles, fold.start_ms, fold.end_ms), settings)
        for bundle, fold in zip(bundles, folds, strict=True)
    ]
    return joined(paths, candles)


def path_of_groups(
    bundles: Sequence[Sequence[Bundle]],
    groups: Groups,
    folds: Sequence[Fold],
    candles: RunCandles,
    settings: TradingSettings,
) -> DecisionPath:
    """Return what the bundles of every group of coins decide over its own coins, as one path over all markets.

    Args:
        bundles: for each group, its bundle of each fold.
    """
    if not groups:
        return strung_together(bundles[0], folds, candles, settings)
    symbols = [market.symbol for market in candles.markets]
    whole: DecisionPath | None = None
    for group, own in zip(groups, bundles, strict=True):
        columns = [index for index, symbol in enumerate(symbols) if symbol in group]
        if not columns:
            continue
        found = strung_together(own, folds, columns_of(candles, columns), settings)
        whole = _spread(found, len(symbols)) if whole is None else whole
        for name, values in _by_market(found).items():
            axis = 0 if name == "memory" else 1
            target = np.moveaxis(getattr(whole, name), axis, 0)
            target[columns] = np.moveaxis(values, axis, 0)
    assert whole is not None
    return replace(whole, book=book_deviations(candles.decision_candles, whole.ms, candles.timeframe))


def columns_of(candles: RunCandles, columns: Sequence[int]) -> RunCandles:
    """Return the run of some of its markets."""
    chosen = list(columns)
    return replace(
        candles,
        markets=tuple(candles.markets[index] for index in chosen),
        bars=np.ascontiguousarray(candles.bars[:, chosen]),
        present=np.ascontiguousarray(candles.present[:, chosen]),
        funding_e8=np.ascontiguousarray(candles.funding_e8[:, chosen]),
        decision_candles=tuple(candles.decision_candles[index] for index in chosen),
    )


def _by_market(path: DecisionPath) -> dict[str, np.ndarray]:
    whole = ("ms", "rows", "book", "hold_bars")
    return {name: getattr(path, name) for name in DecisionPath.__dataclass_fields__ if name not in whole}


def _spread(path: DecisionPath, markets: int) -> DecisionPath:
    """Return a path of so many markets, to be filled column by column."""
    wide: dict[str, Any] = {}
    for name, values in _by_market(path).items():
        shape = list(values.shape)
        shape[0 if name == "memory" else 1] = markets
        wide[name] = np.zeros(shape, values.dtype)
    return replace(path, **wide)


def part(candles: RunCandles, start_ms: int, end_ms: int) -> RunCandles:
    """Return the bars of a run that open in [start, end), with all decision candles that close by the end."""
    low, high = np.searchsorted(candles.open_ms, (start_ms, end_ms))
    rows = slice(int(low), int(high))
    return replace(
        candles,
        open_ms=candles.open_ms[rows],
        bars=candles.bars[rows],
        present=candles.present[rows],
        funding_e8=candles.funding_e8[rows],
        decision_candles=tuple(series[series[:, OPEN_MS] < end_ms] for series in candles.decision_candles),
    )


def joined(paths: Sequence[DecisionPath], candles: RunCandles) -> DecisionPath:
    """Return adjacent decision paths as one over the whole run."""
    together: dict[str, Any] = {
        name: np.concatenate([getattr(path, name) for path in paths])
        for name in DecisionPath.__dataclass_fields__
        if name not in ("rows", "memory", "hold_bars")
    }
    rows = decision_rows(candles.open_ms, candles.bar, candles.start_ms, candles.timeframe)
    last = paths[-1]
    return DecisionPath(rows=rows, memory=last.memory, hold_bars=paths[0].hold_bars, **together)
