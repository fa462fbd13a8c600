"""The compiled loop over many bars: backtest, walk-forward, simulation.

It has no rule of its own: for every bar it calls `settle_minute`, and where a bar completes a decision candle,
`decide`: the very functions that the live engine calls. Scores come in batch, one row a decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from strategies.kernel.account import AccountState
from strategies.kernel.books import Bars, Books, Scores
from strategies.kernel.compiled import compiled
from strategies.kernel.decisions import decide
from strategies.kernel.execution import settle_minute
from strategies.kernel.state import DECISION, FACT

_CHUNK = 8192  # facts held by the compiled loop before they are carried off


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run produced.

    Attributes:
        facts: (k,) FACT, in order, none left out.
        decisions: (d, M) DECISION; rows that no bar completed stay zero.
        equity: (n,) int64 units, marked at every bar's close.
        exposure: (n,) float64, gross notional / equity at the close.
        state: after the last bar.
    """

    facts: np.ndarray
    decisions: np.ndarray
    equity: np.ndarray
    exposure: np.ndarray
    state: AccountState


class Outputs(NamedTuple):
    """What the compiled loop writes: `RunResult`'s arrays, and its (M,) scratch of who may not enter."""

    decisions: np.ndarray
    equity: np.ndarray
    exposure: np.ndarray
    unready: np.ndarray


def run(
    state: AccountState, markets: np.ndarray, rules: np.ndarray, *, bars: Bars, scores: Scores, bar_ms: int
) -> RunResult:
    """Run an account over `n` bars of M markets; `state` itself is left alone.

    Args:
        state: where to start.
        markets, rules: (M,) MARKET and (1,) RULES.
        bars: n bars of M markets.
        scores: (d, M) each; a market absent at the deciding bar is not ready in any case.
        bar_ms: length of a bar; a decision is dated by its close.

    Raises:
        ValueError: shapes do not fit together.
    """
    state = state.copy()
    count, members = len(bars.open_ms), len(state.positions)
    _check_bars(members, bars)
    _check_scores(members, bars.decision_rows, scores)
    outputs = Outputs(
        decisions=np.zeros(scores.conviction.shape, DECISION),
        equity=np.zeros(count, np.int64),
        exposure=np.zeros(count),
        unready=np.zeros(members, np.bool_),
    )
    buffer = np.zeros(_CHUNK + _headroom(members), FACT)
    books = state.books(np.ascontiguousarray(markets), rules, buffer)
    bars, scores = Bars(*map(_plain, bars)), Scores(*map(_plain, scores))
    chunks: list[np.ndarray] = []
    at = 0
    while at < count:
        at, used = _advance(books, bars, scores, outputs, at, bar_ms)
        chunks.append(buffer[:used].copy())
    facts = np.concatenate(chunks) if chunks else np.zeros(0, FACT)
    return RunResult(
        facts=facts, decisions=outputs.decisions, equity=outputs.equity, exposure=outputs.exposure, state=state
    )


@compiled
def _advance(books: Books, bars: Bars, scores: Scores, outputs: Outputs, first: int, bar_ms: int) -> tuple[int, int]:
    """Run from bar `first` until the end, or until the facts are nearly full; return (next bar, facts used)."""
    count, unready = 0, outputs.unready
    for i in range(first, len(bars.open_ms)):
        if count + _headroom(len(books.positions)) > len(books.facts):
            return i, count
        open_ms = bars.open_ms[i]
        count = settle_minute(books, open_ms, bars.prices[i], bars.present[i], bars.funding_e8[i], count)
        outputs.equity[i] = books.account[0].equity
        outputs.exposure[i] = _exposure(books)
        row = bars.decision_rows[i]
        if row >= 0:
            for m in range(len(books.positions)):
                unready[m] = scores.not_ready[row, m] or not bars.present[i, m]
            said = Scores(
                scores.conviction[row],
                scores.expected_return[row],
                scores.sigma[row],
                scores.volatility[row],
                scores.agreement[row],
                scores.strength[row],
                unready,
            )
            count = decide(books, said, False, open_ms + bar_ms, outputs.decisions[row], count)
    return len(bars.open_ms), count


@compiled
def _exposure(books: Books) -> float:
    gross = 0.0
    for m in range(len(books.positions)):
        gross += abs(books.positions[m].lots * books.positions[m].mark * books.markets[m].unit_value)
    return gross / books.account[0].equity if books.account[0].equity > 0 else 0.0


@compiled
def _headroom(markets: int) -> int:
    return 16 * markets + 16


def _check_bars(markets: int, bars: Bars) -> None:
    n = len(bars.open_ms)
    found = [part.shape for part in bars[1:]]
    if found != [(n, markets, 5), (n, markets), (n, markets), (n,)]:
        raise ValueError(
            f"bars, present, funding, decision rows have shapes {found}; {n} bars of {markets} markets are needed"
        )


def _check_scores(markets: int, decision_rows: np.ndarray, scores: Scores) -> None:
    d, shapes = len(scores[0]), [part.shape for part in scores]
    if any(shape != (d, markets) for shape in shapes):
        raise ValueError(f"decision arrays have shapes {shapes}; all ({d}, {markets}) are needed")
    lowest, highest = (int(decision_rows.min()), int(decision_rows.max())) if len(decision_rows) else (-1, -1)
    if not -1 <= lowest <= highest < d:
        raise ValueError(f"decision rows reach from {lowest} to {highest}; -1..{d - 1} is needed")


def _plain(values: np.ndarray) -> np.ndarray:
    """Return the values as the one array type that is compiled for: int64, float64 or bool, contiguous, writeable."""
    kind = {"b": np.bool_, "f": np.float64}.get(values.dtype.kind, np.int64)
    return np.require(values, kind, ["C", "W"])
