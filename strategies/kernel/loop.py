"""The compiled loop over many bars: backtest, walk-forward, simulation.

It has no rule of its own: for every bar it calls `settle_minute`, and where a bar completes a decision candle,
`decide`: the very functions that the live engine calls. Scores come in batch, one row a decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.kernel.account import AccountState
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


def run(
    state: AccountState,
    markets: np.ndarray,
    rules: np.ndarray,
    *,
    open_ms: np.ndarray,
    bars: np.ndarray,
    present: np.ndarray,
    funding_e8: np.ndarray,
    decision_rows: np.ndarray,
    conviction: np.ndarray,
    expected_return: np.ndarray,
    sigma: np.ndarray,
    volatility: np.ndarray,
    agreement: np.ndarray,
    bar_ms: int,
    not_ready: np.ndarray | None = None,
) -> RunResult:
    """Run an account over `n` bars of M markets; `state` itself is left alone.

    Args:
        state: where to start.
        markets, rules: (M,) MARKET and (1,) RULES.
        open_ms: (n,) int64, ascending opens.
        bars: (n, M, 5) int64: open, high, low, close in ticks, volume in lots.
        present: (n, M) bool.
        funding_e8: (n, M) int64, or NO_RATE.
        decision_rows: (n,) int64: the row of the decision arrays that this bar's close completes, or -1.
        conviction, expected_return, sigma, volatility, agreement: (d, M) float64, as `decide` takes them.
        bar_ms: length of a bar; a decision is dated by its close.
        not_ready: (d, M) bool; a market absent at the deciding bar is not ready in any case.

    Raises:
        ValueError: shapes do not fit together.
    """
    state = state.copy()
    not_ready = np.zeros(conviction.shape, np.bool_) if not_ready is None else not_ready
    _check_bars(len(state.positions), len(open_ms), bars, present, funding_e8, decision_rows)
    _check_scores(
        len(state.positions), decision_rows, (conviction, expected_return, sigma, volatility, agreement, not_ready)
    )
    decisions = np.zeros(conviction.shape, DECISION)
    equity, exposure = np.zeros(len(open_ms), np.int64), np.zeros(len(open_ms))
    inputs: tuple[Any, ...] = tuple(_plain(part) for part in (open_ms, bars, present, funding_e8, decision_rows))
    scores: tuple[Any, ...] = tuple(
        _plain(part) for part in (conviction, expected_return, sigma, volatility, agreement, not_ready)
    )
    outputs: tuple[Any, ...] = (decisions, equity, exposure, np.zeros(len(state.positions), np.bool_))
    buffer = np.zeros(_CHUNK + _headroom(len(state.positions)), FACT)
    chunks: list[np.ndarray] = []
    at = 0
    while at < len(equity):
        at, count = _advance(  # the order of its arguments is the order of these groups
            state.account,
            state.positions,
            state.orders,
            np.ascontiguousarray(markets),
            rules,
            at,
            bar_ms,
            buffer,
            *inputs,
            *scores,
            *outputs,
        )
        chunks.append(buffer[:count].copy())
    facts = np.concatenate(chunks) if chunks else np.zeros(0, FACT)
    return RunResult(facts=facts, decisions=decisions, equity=equity, exposure=exposure, state=state)


@compiled
def _advance(
    account: np.ndarray,
    positions: np.ndarray,
    orders: np.ndarray,
    markets: np.ndarray,
    rules: np.ndarray,
    first: int,
    bar_ms: int,
    facts: np.ndarray,
    open_ms: np.ndarray,
    bars: np.ndarray,
    present: np.ndarray,
    funding_e8: np.ndarray,
    decision_rows: np.ndarray,
    conviction: np.ndarray,
    expected_return: np.ndarray,
    sigma: np.ndarray,
    volatility: np.ndarray,
    agreement: np.ndarray,
    not_ready: np.ndarray,
    decisions: np.ndarray,
    equity: np.ndarray,
    exposure: np.ndarray,
    unready: np.ndarray,
) -> tuple[int, int]:
    """Run from bar `first` until the end, or until `facts` is nearly full; return (next bar, facts used)."""
    count = 0
    for i in range(first, len(open_ms)):
        if count + _headroom(len(positions)) > len(facts):
            return i, count
        count = settle_minute(
            account,
            positions,
            orders,
            markets,
            rules,
            open_ms[i],
            bars[i],
            present[i],
            funding_e8[i],
            facts,
            count,
        )
        equity[i] = account[0].equity
        exposure[i] = _exposure(account, positions, markets)
        row = decision_rows[i]
        if row >= 0:
            for m in range(len(positions)):
                unready[m] = not_ready[row, m] or not present[i, m]
            count = decide(
                account,
                positions,
                orders,
                markets,
                rules,
                conviction[row],
                expected_return[row],
                sigma[row],
                volatility[row],
                agreement[row],
                unready,
                False,
                open_ms[i] + bar_ms,
                decisions[row],
                facts,
                count,
            )
    return len(open_ms), count


@compiled
def _exposure(account: np.ndarray, positions: np.ndarray, markets: np.ndarray) -> float:
    gross = 0.0
    for m in range(len(positions)):
        gross += abs(positions[m].lots * positions[m].mark * markets[m].unit_value)
    return gross / account[0].equity if account[0].equity > 0 else 0.0


@compiled
def _headroom(markets: int) -> int:
    return 16 * markets + 16


def _check_bars(
    markets: int, n: int, bars: np.ndarray, present: np.ndarray, funding_e8: np.ndarray, decision_rows: np.ndarray
) -> None:
    found = [part.shape for part in (bars, present, funding_e8, decision_rows)]
    if found != [(n, markets, 5), (n, markets), (n, markets), (n,)]:
        raise ValueError(
            f"bars, present, funding, decision rows have shapes {found}; {n} bars of {markets} markets are needed"
        )


def _check_scores(markets: int, decision_rows: np.ndarray, scores: tuple[np.ndarray, ...]) -> None:
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
