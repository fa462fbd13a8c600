"""Features and votes as series of a chart: the very numbers that the models see and say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from pydantic import Field

from bot.trading.control import Control
from bot.values.view import View
from bot.views.decisions import families_of
from strategies.errors import NotFound
from strategies.features.blocks import block_slices
from strategies.features.catalogue import GROUPS, FeatureSet, compute, feature_set
from strategies.features.ta import talib
from strategies.market import CLOSE, OPEN_MS, Timeframe
from strategies.values import finite

WARM_UP_BARS = 2_400  # of the slowest feature, with room
OVERLAYS = ("ema_24", "ema_96", "ema_192", "bollinger_upper", "bollinger_lower", "donchian_high", "donchian_low")


class Feature(View):
    """A feature that a chart can show."""

    name: str
    group: str
    on_price: bool = Field(description="drawn over the candles; else in a pane of its own")


class Features(View):
    """All features of this account's timeframe."""

    features: list[Feature]


class Series(View):
    """Values of features at the closes of decision candles; null before a warm-up."""

    symbol: str
    open_ms: list[int]
    values: dict[str, list[float | None]]


class VoteSeries(View):
    """What was decided at the closes of decision candles, ascending. `ms` are the opens of those candles."""

    symbol: str
    enter: float | None
    open_ms: list[int]
    conviction: list[float | None]
    votes: dict[str, list[float | None]]


def features_of(control: Control) -> Features:
    """Return the features by name and group."""
    known = _all(control.ledger.account.timeframe)
    own = [
        Feature(name=name, group=group, on_price=False) for name, group in zip(known.names, known.groups, strict=True)
    ]
    return Features(features=[*(Feature(name=name, group="on the price", on_price=True) for name in OVERLAYS), *own])


def series_of(control: Control, symbol: str, names: Sequence[str], until_ms: int | None, limit: int) -> Series:
    """Return features of the newest decision candles that opened before a time. Computes: run it in a thread.

    Raises:
        NotFound: there is no such feature.
    """
    timeframe = control.ledger.account.timeframe
    known = _all(timeframe)
    unknown = [name for name in names if name not in known.names and name not in OVERLAYS]
    if unknown:
        raise NotFound(f"feature {unknown[0]!r} is not known; GET /api/features lists them")
    candles = control.ledger.candles(symbol, 0, until_ms, limit + WARM_UP_BARS)
    shown = candles[-limit:]
    values = {name: _overlay(name, candles)[-limit:] for name in names if name in OVERLAYS}
    wanted = [name for name in names if name in known.names]
    if wanted and len(shown):
        matrix = np.full((len(candles), len(wanted)), np.nan)
        columns = [known.index(name) for name in wanted]
        for part in block_slices(candles, timeframe, int(shown[0, OPEN_MS])):
            rows = compute(part.candles, known, timeframe)[part.first :, columns]
            at = int(np.searchsorted(candles[:, OPEN_MS], part.candles[part.first, OPEN_MS]))
            matrix[at : at + len(rows)] = rows
        values |= {name: matrix[-limit:, number] for number, name in enumerate(wanted)}
    return Series(
        symbol=symbol,
        open_ms=shown[:, OPEN_MS].astype(np.int64).tolist(),
        values={name: [finite(float(value)) for value in column] for name, column in values.items()},
    )


def votes_series(control: Control, symbol: str, until_ms: int | None, limit: int) -> VoteSeries:
    """Return conviction and votes at the newest closes before a time. Asks the database: run it in a thread."""
    length_ms = control.ledger.account.timeframe.ms
    found = control.ledger.decisions(symbol=symbol, until_ms=until_ms, limit=limit)[::-1]
    names = {bundle: families_of(control, bundle) for bundle in {part.bundle_id for part in found}}
    families = sorted({family for part in names.values() for family in part})
    votes: dict[str, list[float | None]] = {family: [] for family in families}
    for part in found:
        own = dict(zip(names[part.bundle_id], part.record["votes"], strict=False))
        for family in families:
            votes[family].append(finite(float(own[family])) if family in own else None)
    snapshot = control.snapshot
    return VoteSeries(
        symbol=symbol,
        enter=snapshot.markets[0].enter if snapshot and snapshot.markets else None,
        open_ms=[part.ms - length_ms for part in found],
        conviction=[finite(float(part.record["conviction"])) for part in found],
        votes=votes,
    )


@cache
def _all(timeframe: Timeframe) -> FeatureSet:
    return feature_set(groups=tuple(GROUPS), timeframe=timeframe)


def _overlay(name: str, candles: np.ndarray) -> np.ndarray:
    """Return a line on the price's own scale; NaN before its warm-up."""
    closes, highs, lows = (np.ascontiguousarray(candles[:, column]) for column in (CLOSE, 2, 3))
    kind, _, rest = name.partition("_")
    if len(closes) < 2:
        return np.full(len(closes), np.nan)
    if kind == "ema":
        return np.asarray(talib.EMA(closes, int(rest)))
    if kind == "bollinger":
        upper, _, lower = talib.BBANDS(closes, 20, 2.0, 2.0)
        return np.asarray(upper if rest == "upper" else lower)
    return np.asarray(talib.MAX(highs, 55) if rest == "high" else talib.MIN(lows, 55))
