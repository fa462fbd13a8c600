"""Drift inputs: what the monitors look at, gathered from runs of a simulation or from a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy import select

from storage.candles.rows import StoredCandles
from storage.ledger.accounts import Account, candles_until, last_state
from storage.ledger.database import reading
from storage.ledger.queries import Ledger
from storage.ledger.tables import decision
from strategies.bundle.bundle import Bundle
from strategies.kernel.loop import RunResult
from strategies.kernel.state import DECISION
from strategies.market import OPEN_MS, UNITS_PER_QUOTE
from training.backtest.decision_path import DecisionPath
from training.backtest.run_candles import RunCandles
from training.data.dataset import Dataset, Segment, market_segments
from training.monitors.calibration_drift import Recorded
from training.monitors.drift import AccountRecord


@dataclass(slots=True, kw_only=True)
class ShadowBundle:
    """Windows of a run under one bundle; another bundle begins anew."""

    bundle: Bundle | None = None
    _paths: list[DecisionPath] = field(default_factory=list)
    _runs: list[tuple[RunResult, RunCandles]] = field(default_factory=list)

    def add(self, path: DecisionPath, run: RunResult, candles: RunCandles, bundle: Bundle | None) -> None:
        """Take a window."""
        if bundle is not self.bundle:
            self.bundle, self._paths, self._runs = bundle, [], []
        self._paths.append(path)
        self._runs.append((run, candles))

    @property
    def recorded(self) -> Recorded:
        """The decisions of all windows."""
        return Recorded(
            symbols=tuple(market.symbol for market in self._runs[0][1].markets),
            ms=np.concatenate([path.ms for path in self._paths]),
            conviction=np.concatenate([path.conviction for path in self._paths]),
            votes=np.concatenate([path.votes for path in self._paths]),
        )

    @property
    def account(self) -> AccountRecord:
        """The account through all windows."""
        facts = np.concatenate([run.facts for run, _ in self._runs])
        values = np.array([market.unit_value for market in self._runs[0][1].markets], np.int64)
        return AccountRecord(
            closes_ms=np.concatenate([candles.open_ms + candles.bar.ms for _, candles in self._runs]),
            equity=np.concatenate([run.equity for run, _ in self._runs]),
            exposure=np.concatenate([run.exposure for run, _ in self._runs]),
            facts=facts,
            unit_values=values[facts["market"]],
        )


def recorded_of(database: Database, account: Account, bundle: Bundle) -> Recorded:
    """Return the decisions that a bundle took in a ledger."""
    symbols = tuple(market.symbol for market in last_state(database, account).markets)
    query = select(decision.c.ms, decision.c.market, decision.c.record).where(
        decision.c.account_id == account.id, decision.c.bundle_id == bundle.id
    )
    with reading(database) as connection:
        rows = connection.execute(query.order_by(decision.c.ms)).all()
    closes = sorted({row.ms for row in rows})
    at = {ms: number for number, ms in enumerate(closes)}
    conviction = np.full((len(closes), len(symbols)), np.nan)
    votes = np.full((len(closes), len(symbols), len(bundle.manifest.families)), np.nan)
    for row in rows:
        record = np.frombuffer(row.record, DECISION)[0]
        conviction[at[row.ms], row.market] = record["conviction"]
        votes[at[row.ms], row.market] = record["votes"][: votes.shape[2]]
    return Recorded(symbols=symbols, ms=np.array(closes, np.int64), conviction=conviction, votes=votes)


def account_record_of(database: Database, account: Account, since_ms: int) -> AccountRecord:
    """Return an account's equity at decision closes and its facts since a time."""
    ledger = Ledger(database, account)
    points, facts, versions = ledger.equity(since_ms), ledger.facts(since_ms), ledger.versions()
    values = [versions.at(int(fact["market"]), int(fact["ms"])).unit_value for fact in facts]
    return AccountRecord(
        closes_ms=np.array([point.ms for point in points], np.int64),
        equity=np.array([point.equity * UNITS_PER_QUOTE for point in points]),
        exposure=np.array([point.gross / point.equity if point.equity > 0 else 0.0 for point in points]),
        facts=facts,
        unit_values=np.array(values, np.int64),
    )


def segments_of(database: Database, account: Account, bundle: Bundle, history: Dataset | None) -> list[Segment]:
    """Return the account's decision candles with features and targets, behind the stored ones of the training."""
    symbols = [market.symbol for market in last_state(database, account).markets]
    parts = candles_until(database, account, len(symbols), 2**62)
    found: list[Segment] = [] if history is None else [part for part in history.segments if part.symbol in symbols]
    if bundle.features is None:
        return found
    for symbol, candles in zip(symbols, parts, strict=True):
        stored = StoredCandles(candles=candles, source=np.zeros(len(candles), np.uint8))
        known_ms = max((int(part.open_ms[-1]) for part in found if part.symbol == symbol), default=-1)
        live = market_segments(symbol, stored, account.timeframe, bundle.features, bundle.manifest.horizon_bars)
        found += [_after(part, known_ms) for part in live if int(part.open_ms[-1]) > known_ms]
    return found


def _after(segment: Segment, known_ms: int) -> Segment:
    """Return the rows of a segment that open after a time."""
    kept = segment.candles[:, OPEN_MS] > known_ms
    names: Sequence[str] = ("candles", "source", "features", "target", "label_end_ms", "sigma", "volatility")
    return Segment(symbol=segment.symbol, **{name: getattr(segment, name)[kept] for name in names})
