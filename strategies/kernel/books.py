"""Books: the one argument of the execution kernel, an account's records with the rules they are settled by.

Named tuples, because numba compiles them to the same machine code as separate arrays, inside compiled functions and at
their door alike. They name; they compute nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Books(NamedTuple):
    """An account of M markets: what is kept, what it is settled by, and the buffer that facts are written to.

    All arrays are C-contiguous and writeable; other layouts would be compiled anew.

    Attributes:
        account: (1,) ACCOUNT, changed in place like `positions` and `orders`.
        positions: (M,) POSITION.
        orders: (M,) ORDER.
        markets: (M,) MARKET.
        rules: (1,) RULES.
        facts: FACT buffer with at least 8 M + 8 rows free after the count of those used, which callers carry on.
    """

    account: np.ndarray
    positions: np.ndarray
    orders: np.ndarray
    markets: np.ndarray
    rules: np.ndarray
    facts: np.ndarray


class Scores(NamedTuple):
    """What the models say of M markets at a decision close, (M,) each; of d decisions, (d, M) each.

    Attributes:
        conviction: float64, unit deviations; NaN: no score. A market held without a score is held on.
        expected_return: float64 over the horizon, signed fraction; NaN switches the cost filter off (the trend rule).
        sigma: float64, deviation per decision candle.
        volatility: float64, annual.
        agreement: float64, -1..1; 0 without PPO.
        strength: float64, of `momentum.strengths`; NaN: not known, or not asked for.
        not_ready: bool: no entry there.
    """

    conviction: np.ndarray
    expected_return: np.ndarray
    sigma: np.ndarray
    volatility: np.ndarray
    agreement: np.ndarray
    strength: np.ndarray
    not_ready: np.ndarray


class Bars(NamedTuple):
    """A stretch of n bars of M markets, as the compiled loop reads it.

    Attributes:
        open_ms: (n,) int64, ascending opens.
        prices: (n, M, 5) int64: open, high, low, close in ticks, volume in lots.
        present: (n, M) bool.
        funding_e8: (n, M) int64, or NO_RATE.
        decision_rows: (n,) int64: the row of the scores that this bar's close completes, or -1.
    """

    open_ms: np.ndarray
    prices: np.ndarray
    present: np.ndarray
    funding_e8: np.ndarray
    decision_rows: np.ndarray
