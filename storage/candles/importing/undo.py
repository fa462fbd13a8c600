"""Batches undone, and prices adjusted to another unit: both change stored rows and remember what they were."""

from __future__ import annotations

import numpy as np

from storage.candles.funding import funding_series
from storage.candles.importing.batches import ADDED, REPLACED, Batch, Batches, Touched, batch_id
from storage.candles.importing.values import values_of, with_values
from storage.candles.monthly import MonthlySeries
from storage.candles.rows import moment
from storage.candles.store import CandleStore, StoredMarket
from storage.durable import folder_lock
from strategies.errors import BadInput
from strategies.market import Timeframe


def delete_batch(store: CandleStore, exchange: str, batch: Batch) -> tuple[int, int]:
    """Undo a batch; return how many rows left the store, and how many are again what they were before."""
    batches = Batches(store.root, exchange)
    touched = batches.touched(batch)
    series = _series_named(store, batch.market)
    with folder_lock(series.folder):
        columns = series.read()
        time = next(iter(columns))
        gone = touched.times[touched.states == ADDED]
        back = touched.states == REPLACED
        restored = touched.times[back], touched.before[back]
        for other in batches.all(batch.market):
            if other.made_ms >= batch.made_ms and other.id != batch.id:
                gone, restored = _inherited(batches, other, gone, restored)
        kept = ~np.isin(columns[time], gone)
        columns = {name: values[kept] for name, values in columns.items()}
        columns = with_values(columns, *restored)
        series.rewrite(columns)
        batches.remove(batch)
    return int((~kept).sum()), len(restored[0])


def adjust(store: CandleStore, market: StoredMarket, factor: float, at_ms: int, now_ms: int) -> Batch:
    """Multiply the prices before a time by a factor and divide the volumes: a redenomination undone.

    Raises:
        BadInput: nothing is stored before that time, or the factor changes nothing.
    """
    if not factor > 0 or factor == 1:
        raise BadInput(f"--split is {factor:g}; above 0 and not 1 is needed: 1000 for 1 new coin = 1000 old ones")
    series = store.series(market.exchange, market.symbol, market.timeframe, market.kind)
    with folder_lock(series.folder):
        columns = series.read()
        rows = np.flatnonzero(columns["open_ms"] < at_ms)
        if not len(rows):
            raise BadInput(f"{market} has no candles before {moment(at_ms)}; nothing to adjust")
        before = values_of(columns, rows)
        changed = before.copy()
        changed[:, :4] = _clean(before[:, :4] * factor)
        changed[:, 4] = _clean(before[:, 4] / factor)
        times = columns["open_ms"][rows]
        series.rewrite(with_values(columns, times, changed))
        line = f"prices before {moment(at_ms)} x {factor:g}, volumes / {factor:g}"
        content = np.column_stack([times, changed, np.full(len(times), now_ms)])
        batch = Batch(
            id=batch_id(str(market), "adjustment", content), market=str(market), content="adjustment", files=(line,),
            lines=(line,), notes=(), made_ms=now_ms, rows=len(rows), first_ms=int(times[0]), last_ms=int(times[-1]),
        )  # fmt: skip
        states = np.full(len(rows), REPLACED, np.uint8)
        Batches(store.root, market.exchange).write(batch, Touched(times=times, states=states, before=before))
    return batch


def _inherited(
    batches: Batches, other: Batch, gone: np.ndarray, restored: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Hand rows of a deleted batch to a later one: those it offered too, and those it replaced."""
    touched = batches.touched(other)
    states, before = touched.states.copy(), touched.before.copy()
    takes_over = np.isin(touched.times, gone) & (states != ADDED)
    states[takes_over] = ADDED
    _, theirs, ours = np.intersect1d(touched.times, restored[0], return_indices=True)
    over = theirs[states[theirs] == REPLACED]
    mine = ours[touched.states[theirs] == REPLACED]
    before[over] = restored[1][mine]
    if takes_over.any() or len(over):
        batches.write(other, Touched(times=touched.times, states=states, before=before))
    kept = ~np.isin(restored[0], touched.times[over])
    return gone[~np.isin(gone, touched.times[takes_over])], (restored[0][kept], restored[1][kept])


def _series_named(store: CandleStore, identity: str) -> MonthlySeries:
    exchange, symbol, frame, kind = identity.split(":")
    if frame == "funding":
        return funding_series(store.root / exchange, exchange, symbol)
    return store.series(exchange, symbol, Timeframe(frame), kind)


def _clean(values: np.ndarray) -> np.ndarray:
    """Return values at 15 digits: 0.39735 x 1000 is 397.35 again."""
    return np.asarray([float(f"{value:.15g}") for value in values.ravel()]).reshape(values.shape)
