"""Rows of candles as values: provenance, validity, merging, content hash.

Pure arithmetic under the candle store; touches no file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from strategies.errors import BadInput
from strategies.market import CLOSE, HIGH, LOW, OPEN, OPEN_MS, VOLUME, CandleArray, Timeframe


class Source(IntEnum):
    """Where a candle comes from. Names are stored in files, values live in arrays."""

    REAL = 0  # from the exchange (live, download or import)
    BACKFILLED = 1  # from the exchange, fetched later to close a gap
    REPAIRED = 2  # made up to bridge a short gap: previous close, volume 0
    STITCHED_SPOT = 3  # the spot market's candle from before the future was listed; for training rows only


SOURCES: tuple[str, ...] = tuple(source.name.lower() for source in Source)
_MEASURED = (Source.REAL, Source.BACKFILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCandles:
    """A range of candles and where each came from.

    Attributes:
        candles: (n, 6) float64, open_ms ascending.
        source: (n,) uint8 of `Source`.
    """

    candles: CandleArray
    source: np.ndarray

    def __len__(self) -> int:
        return len(self.candles)

    @property
    def open_ms(self) -> np.ndarray:
        """(n,) int64."""
        return self.candles[:, OPEN_MS].astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What an append did.

    Attributes:
        added: rows that were not there before.
        identical: rows that were there already, with the same values.
        replaced: rows that gave way: made-up ones (repaired, stitched) to measured ones, any when that was asked.
        revisions: (k,) int64 times whose new values differ from the stored ones and were kept out.
    """

    added: int
    identical: int = 0
    replaced: int = 0
    revisions: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def rows(self) -> int:
        """How many rows were offered."""
        return self.added + self.identical + self.replaced + len(self.revisions)

    def document(self) -> dict[str, object]:
        """Return JSON types; at most 20 revisions are listed."""
        return {
            "added": self.added,
            "identical": self.identical,
            "replaced": self.replaced,
            "revisions": len(self.revisions),
            "revised_ms": [int(time) for time in self.revisions[:20]],
        }

    def __str__(self) -> str:
        text = f"{self.added:,} new, {self.identical:,} known"
        if self.replaced:
            text += f", {self.replaced:,} stored ones replaced"
        if len(self.revisions):
            text += (
                f", {len(self.revisions):,} with other values than stored kept out (first {moment(self.revisions[0])})"
            )
        return text

    def __add__(self, other: Appended) -> Appended:
        return Appended(
            added=self.added + other.added,
            identical=self.identical + other.identical,
            replaced=self.replaced + other.replaced,
            revisions=np.r_[self.revisions, other.revisions],
        )


def moment(time_ms: float) -> str:
    """Return a time as people read it: 2024-06-01 13:00 UTC, with seconds where they matter."""
    text = str(np.datetime64(int(time_ms), "ms")).replace("T", " ")
    return text.removesuffix(":00.000").removesuffix(".000") + " UTC"


def broken_candles(candles: CandleArray) -> np.ndarray:
    """Return (n,) bool: prices not finite or positive, volume negative, high and low not around open and close."""
    prices, volume = candles[:, OPEN:VOLUME], candles[:, VOLUME]
    finite = np.isfinite(candles).all(axis=1)
    with np.errstate(invalid="ignore"):
        positive = (prices > 0).all(axis=1) & (volume >= 0)
        low_fits = candles[:, LOW] <= np.minimum(candles[:, OPEN], candles[:, CLOSE])
        high_fits = candles[:, HIGH] >= np.maximum(candles[:, OPEN], candles[:, CLOSE])
    found: np.ndarray = ~(finite & positive & low_fits & high_fits)
    return found


def require_candles(candles: CandleArray, timeframe: Timeframe) -> None:
    """Refuse rows that no store may hold.

    Raises:
        BadInput: wrong shape, impossible prices, times off the grid, or times that do not ascend strictly.
    """
    if candles.ndim != 2 or candles.shape[1] != 6 or candles.dtype != np.float64:
        raise BadInput(f"candles are {candles.shape} {candles.dtype}; (n, 6) float64 is needed")
    broken = np.flatnonzero(broken_candles(candles))
    if len(broken):
        row = candles[broken[0]]
        at = moment(row[OPEN_MS]) if np.isfinite(row[OPEN_MS]) else f"row {broken[0]}"
        values = ", ".join(f"{value:g}" for value in row[OPEN:])
        raise BadInput(
            f"{len(broken)} of {len(candles)} candles are impossible, the first at {at}: "
            f"open, high, low, close, volume are {values}; "
            "finite positive prices with low <= open, close <= high are needed"
        )
    open_ms = candles[:, OPEN_MS].astype(np.int64)
    off_grid = np.flatnonzero(open_ms % timeframe.ms)
    if len(off_grid):
        raise BadInput(
            f"{len(off_grid)} of {len(candles)} candles are off the {timeframe.value} grid, "
            f"the first at {moment(open_ms[off_grid[0]])}"
        )
    unordered = np.flatnonzero(np.diff(open_ms) <= 0)
    if len(unordered):
        raise BadInput(
            f"candles do not ascend at {moment(open_ms[unordered[0] + 1])}: ascending, unique times are needed"
        )


def merge(stored: StoredCandles, new: StoredCandles) -> tuple[StoredCandles, Appended]:
    """Return the union by time: what is stored stays, except that measured candles replace made-up ones."""
    stored_ms, new_ms = stored.open_ms, new.open_ms
    _, at_stored, at_new = np.intersect1d(stored_ms, new_ms, assume_unique=True, return_indices=True)
    same = (stored.candles[at_stored] == new.candles[at_new]).all(axis=1)
    gives_way = np.isin(new.source[at_new], _MEASURED) & ~np.isin(stored.source[at_stored], _MEASURED)
    kept_out = ~same & ~gives_way

    candles, source = stored.candles.copy(), stored.source.copy()
    candles[at_stored[gives_way]] = new.candles[at_new[gives_way]]
    source[at_stored[gives_way]] = new.source[at_new[gives_way]]

    fresh = np.ones(len(new_ms), bool)
    fresh[at_new] = False
    order = np.argsort(np.r_[stored_ms, new_ms[fresh]], kind="stable")
    merged = StoredCandles(
        candles=np.concatenate([candles, new.candles[fresh]])[order],
        source=np.concatenate([source, new.source[fresh]])[order],
    )
    return merged, Appended(
        added=int(fresh.sum()),
        identical=int((same & ~gives_way).sum()),
        replaced=int(gives_way.sum()),
        revisions=new_ms[at_new[kept_out]],
    )


def content_hash(stored: StoredCandles) -> str:
    """Return the sha256 (hex) of the rows' canonical bytes, independent of how files hold them.

    Little endian, one block after another: open_ms as int64; open, high, low, close, volume row by row as float64
    (no negative zero); source as uint8.
    """
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(stored.open_ms, "<i8").tobytes())
    digest.update(np.ascontiguousarray(stored.candles[:, OPEN:] + 0.0, "<f8").tobytes())
    digest.update(np.ascontiguousarray(stored.source, "u1").tobytes())
    return digest.hexdigest()
