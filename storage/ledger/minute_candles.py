"""Minute candles of the tape: what a market's account minutes were, as people's candles."""

from __future__ import annotations

import numpy as np

from storage.ledger import tape
from storage.ledger.database import reading
from storage.ledger.queries import Ledger
from strategies.market import CandleArray, Market

PRICES = 4
FIELDS = 5  # open, high, low, close in ticks, volume in lots


def minute_candles(ledger: Ledger, market: Market, since_ms: int, until_ms: int) -> CandleArray:
    """Return (n, 6) candles of the minutes in [since_ms, until_ms) in which the market was present, ascending.

    Each minute is read in the ticks and lots that it was written in.
    """
    markets = ledger.stopped().markets
    index = next((row for row, part in enumerate(markets) if part.symbol == market.symbol), -1)
    versions = ledger.versions(markets)
    times, bars = [], []
    with reading(ledger.database) as connection:
        for row in tape.rows(connection, ledger.account.id, since_ms - 1, until_ms - 1):
            present = row["present"]
            if 0 <= index < len(present) and present[index]:
                times.append(row["minute_ms"])
                bars.append(row["bars"][index * FIELDS * 8 : (index + 1) * FIELDS * 8])
    packed = np.frombuffer(b"".join(bars), "<i8").reshape(-1, FIELDS).astype(np.int64)
    opens = np.array(times, np.float64)
    pieces = [
        spec.candles(opens[first:last], packed[first:last])
        for first, last, spec in (versions.pieces(index, times) if times else ())
    ]
    return np.concatenate(pieces) if pieces else np.empty((0, 1 + FIELDS))
