"""Scores of a replay, a block at a time: the ledger knows the candles to come, so none is prepared more than once.

A decision looks back over thousands of candles; scored one by one, a year of many markets costs that for every close.
Blocks give the same bits as single closes do (the backtest rests on it). A score is used only where the candle it was
computed from is, to the bit, the one that the replay has made of the tape by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from storage.ledger.tables import candle
from strategies.bundle.bundle import Bundle, Inputs
from strategies.features.blocks import BLOCK_BARS, AnchoredSlice, block_start, current_slice
from strategies.history import CandleHistory
from strategies.market import OPEN_MS, CandleArray, Market, Timeframe
from strategies.scoring import Prepared

COLUMNS = ("open_ms", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """Scores of one market: (n, 6) candles and an input row for each."""

    candles: CandleArray
    inputs: Inputs

    def row(self, newest: np.ndarray) -> int:
        """Return the row of a candle; -1 where it is not there, or not the same."""
        at = int(np.searchsorted(self.candles[:, OPEN_MS], newest[OPEN_MS]))
        return at if at < len(self.candles) and np.array_equal(self.candles[at], newest) else -1


class ScoredAhead:
    """A `Scorer` over an account's own candles.

    Args:
        connection: of the ledger.
        account_id: whose candles.
    """

    def __init__(self, connection: Connection, account_id: int) -> None:
        self._connection = connection
        self._account_id = account_id
        self._bundle_id = ""
        self._known: dict[int, _Ahead] = {}

    def forget(self) -> None:
        """Score anew: markets came, changed or went."""
        self._known.clear()

    def __call__(
        self,
        bundle: Bundle,
        markets: Sequence[Market],
        histories: Sequence[CandleHistory],
        ready: np.ndarray,
        timeframe: Timeframe,
    ) -> tuple[Inputs, Prepared]:
        """Return the inputs of the newest closes; nothing is prepared for displays."""
        if bundle.id != self._bundle_id:
            self._bundle_id = bundle.id
            self.forget()
        chosen = [int(index) for index in np.flatnonzero(ready)]
        newest = {index: histories[index].candles[-1] for index in chosen}
        missing = [index for index in chosen if index not in self._known or self._known[index].row(newest[index]) < 0]
        if missing:
            self._score(bundle, markets, histories, missing, timeframe)
        inputs = _nothing(len(markets), len(bundle.manifest.families))
        for index in chosen:
            ahead = self._known[index]
            row = ahead.row(newest[index])
            for name in ("votes", "blended", "sigma", "volatility", "joined"):
                getattr(inputs, name)[index] = getattr(ahead.inputs, name)[row]
        return inputs, (None,) * len(markets)

    def _score(
        self,
        bundle: Bundle,
        markets: Sequence[Market],
        histories: Sequence[CandleHistory],
        missing: Sequence[int],
        timeframe: Timeframe,
    ) -> None:
        slices = [self._slice(index, histories[index].candles, timeframe) for index in missing]
        prepared = [bundle.prepare(part, markets[index].symbol) for index, part in zip(missing, slices, strict=True)]
        for index, part, inputs in zip(missing, slices, bundle.decision_inputs(prepared), strict=True):
            self._known[index] = _Ahead(candles=part.candles[part.first :].copy(), inputs=inputs)

    def _slice(self, index: int, candles: CandleArray, timeframe: Timeframe) -> AnchoredSlice:
        """Return the newest candle with those of its block that follow without a gap, and the warm-up before."""
        current = current_slice(candles, timeframe)
        newest_ms = int(candles[-1, OPEN_MS])
        end_ms = block_start(newest_ms, timeframe) + BLOCK_BARS * timeframe.ms
        query = select(*(candle.c[name] for name in COLUMNS)).where(
            candle.c.account_id == self._account_id,
            candle.c.market == index,
            candle.c.open_ms > newest_ms,
            candle.c.open_ms < end_ms,
        )
        rows = self._connection.execute(query.order_by(candle.c.open_ms)).all()
        later = np.array([tuple(row) for row in rows], np.float64).reshape(-1, 6)
        expected = newest_ms + timeframe.ms * np.arange(1, len(later) + 1)
        whole = int((later[:, OPEN_MS] == expected).cumprod().sum())
        return AnchoredSlice(candles=np.concatenate([current.candles, later[:whole]]), first=current.first)


def _nothing(markets: int, voters: int) -> Inputs:
    blended, sigma, volatility, joined = (np.full(markets, np.nan) for _ in range(4))
    votes = np.full((markets, voters), np.nan)
    return Inputs(votes=votes, blended=blended, sigma=sigma, volatility=volatility, joined=joined)
