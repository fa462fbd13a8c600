"""A plan put into the store, each market as a batch of its own.

Nothing is written while anything about the plan is in doubt. Rows that differ from stored ones are kept out when they
are few (exchanges revise candles) and refused when they are many: then one of the two is another market.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from storage.candles.funding import funding_series
from storage.candles.importing.batches import ADDED, KNOWN, REPLACED, Batch, Batches, Touched, batch_id
from storage.candles.importing.plan import Planned
from storage.candles.importing.values import PRICES, differ, values_of
from storage.candles.monthly import Columns, MonthlySeries
from storage.candles.rows import Appended, Source, moment, require_candles
from storage.candles.store import CandleStore
from storage.durable import folder_lock
from strategies.errors import BadInput
from strategies.market import RATE_ONE

MOST_REVISED: Final = 0.01  # share of rows that may differ from stored ones and be kept out with a note
_MEASURED: Final = (Source.REAL, Source.BACKFILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did to one market; `batch` undoes it, or is None where everything was known."""

    planned: Planned
    appended: Appended
    batch: Batch | None

    def document(self) -> dict[str, object]:
        """Return JSON types."""
        return {
            "market": str(self.planned.market),
            "content": self.planned.content,
            "rows": len(self.planned.rows),
            "first_ms": int(self.planned.rows[0, 0]),
            "last_ms": int(self.planned.rows[-1, 0]),
            "files": list(self.planned.files),
            "taken": list(self.planned.lines),
            "notes": list(self.planned.notes),
            "batch": self.batch.id if self.batch else None,
            **self.appended.document(),
        }


def store_plan(
    store: CandleStore, parts: Sequence[Planned], now_ms: int, *, replace_stored: bool = False
) -> list[Imported]:
    """Write the parts of a plan.

    Args:
        store: where to.
        parts: of a plan.
        now_ms: stamped on the batches.
        replace_stored: differing stored rows give way, and come back when the batch is deleted.

    Raises:
        BadInput: many rows differ from stored ones; nothing was written.
        StorageFailed: a file is damaged or cannot be written.
    """
    for part in parts:
        if part.content == "candles":
            require_candles(part.rows, part.market.timeframe)
        if not replace_stored:
            _require_same_market(store, part)
    return [_write(store, part, now_ms, replace_stored) for part in parts]


def _write(store: CandleStore, part: Planned, now_ms: int, replace_stored: bool) -> Imported:
    series = _series_of(store, part)
    new = _columns_of(part)
    time = next(iter(new))
    with folder_lock(series.folder):
        stored = series.read_months(int(new[time][0]), int(new[time][-1]))
        merged, appended, touched = _merged(stored, new, replace_stored)
        batches = Batches(store.root, part.market.exchange)
        batch = None
        if appended.added or appended.replaced:
            batch = _batch_of(part, series.identity, now_ms)
            batches.write(batch, _with_owned(batches, batch, touched))
            series.write(merged)
        else:
            same = batch_id(series.identity, part.content, part.rows)
            batch = next((known for known in batches.all(series.identity) if known.id == same), None)
    return Imported(planned=part, appended=appended, batch=batch)


def _merged(stored: Columns, new: Columns, replace_stored: bool) -> tuple[Columns, Appended, Touched]:
    time = next(iter(new))
    if not len(stored[time]):
        return _all_new(new)
    _, at_stored, at_new = np.intersect1d(stored[time], new[time], assume_unique=True, return_indices=True)
    old, offered = values_of(stored, at_stored), values_of(new, at_new)
    same = ~differ(old, offered)
    gives_way = ~same & (replace_stored | _is_made_up(stored, at_stored))
    gives_way |= same & _is_made_up(stored, at_stored)
    states = np.full(len(new[time]), ADDED, np.uint8)
    states[at_new] = np.where(gives_way, REPLACED, KNOWN)
    before = np.zeros((len(new[time]), old.shape[1]))
    before[at_new] = old
    kept_out = np.zeros(len(new[time]), bool)
    kept_out[at_new] = ~same & ~gives_way
    fresh = states == ADDED
    changed = {name: values.copy() for name, values in stored.items()}
    for name, values in new.items():
        changed[name][at_stored[gives_way]] = values[at_new[gives_way]]
    joined = {name: np.r_[changed[name], new[name][fresh]] for name in new}
    order = np.argsort(joined[time], kind="stable")
    appended = Appended(
        added=int(fresh.sum()),
        identical=int((same & ~gives_way).sum()),
        replaced=int(gives_way.sum()),
        revisions=new[time][kept_out],
    )
    touched = Touched(times=new[time][~kept_out], states=states[~kept_out], before=before[~kept_out])
    return {name: values[order] for name, values in joined.items()}, appended, touched


def _all_new(new: Columns) -> tuple[Columns, Appended, Touched]:
    times = next(iter(new.values()))
    states = np.full(len(times), ADDED, np.uint8)
    width = values_of(new, np.zeros(0, np.int64)).shape[1]
    touched = Touched(times=times, states=states, before=np.broadcast_to(np.float64(0), (len(times), width)))
    return new, Appended(added=len(times)), touched


def _with_owned(batches: Batches, batch: Batch, touched: Touched) -> Touched:
    """Return the rows of a batch that is imported again: what it added the first time stays its own."""
    earlier = batches.find(batch.id)
    if earlier is None:
        return touched
    known = batches.touched(earlier)
    own = np.isin(touched.times, known.times[known.states == ADDED])
    return Touched(
        times=touched.times, states=np.where(own, ADDED, touched.states).astype(np.uint8), before=touched.before
    )


def _is_made_up(columns: Columns, rows: np.ndarray) -> np.ndarray:
    if "source" not in columns:
        return np.zeros(len(rows), bool)
    return ~np.isin(columns["source"][rows], _MEASURED)


def _require_same_market(store: CandleStore, part: Planned) -> None:
    series, new = _series_of(store, part), _columns_of(part)
    time = next(iter(new))
    stored = series.read_months(int(new[time][0]), int(new[time][-1]))
    _, at_stored, at_new = np.intersect1d(stored[time], new[time], assume_unique=True, return_indices=True)
    differs = differ(values_of(stored, at_stored), values_of(new, at_new)) & ~_is_made_up(stored, at_stored)
    if differs.sum() <= max(MOST_REVISED * len(differs), 0 if len(differs) < 100 else 1):
        return
    first = new[time][at_new[differs.argmax()]]
    holder = _holder(store, part.market.exchange, series.identity, int(first))
    raise BadInput(
        f"{differs.sum():,} of {len(differs):,} {part.content} of {part.files[0]} differ from those stored for "
        f"{series.identity} ({holder}), the first at {moment(first)}: one of them is another market or unit; "
        "--replace takes the new ones, sigma data delete BATCH removes the old ones"
    )


def _holder(store: CandleStore, exchange: str, market: str, time_ms: int) -> str:
    batches = Batches(store.root, exchange)
    for batch in reversed(batches.all(market)):
        if batch.content != "adjustment" and batch.first_ms <= time_ms <= batch.last_ms:
            return f"batch {batch.id}, {batch.files[0].rpartition('/')[2]}"
    return "downloaded"


def _series_of(store: CandleStore, part: Planned) -> MonthlySeries:
    market = part.market
    if part.content == "funding":
        return funding_series(store.root / market.exchange, market.exchange, market.symbol)
    return store.series(market.exchange, market.symbol, market.timeframe, market.kind)


def _columns_of(part: Planned) -> Columns:
    if part.content == "funding":
        if (np.abs(part.rows[:, 1]) > RATE_ONE).any():
            raise BadInput(f"{part.files[0]}: a funding rate is beyond +-1; a fraction is needed (0.0001 is 0.01 %)")
        return {"time_ms": part.rows[:, 0].astype(np.int64), "rate_e8": part.rows[:, 1].astype(np.int64)}
    columns: Columns = {"open_ms": part.rows[:, 0].astype(np.int64)}
    columns |= {name: part.rows[:, place] for place, name in enumerate(PRICES, start=1)}
    columns["source"] = np.full(len(part.rows), Source.REAL, np.uint8)
    return columns


def _batch_of(part: Planned, market: str, now_ms: int) -> Batch:
    return Batch(
        id=batch_id(market, part.content, part.rows),
        market=market,
        content=part.content,
        files=part.files,
        lines=part.lines,
        notes=part.notes,
        made_ms=now_ms,
        rows=len(part.rows),
        first_ms=int(part.rows[0, 0]),
        last_ms=int(part.rows[-1, 0]),
    )
