"""PPO's policy as numbers: frozen standardisation, two hidden layers, the roll through the bars of a slice.

The forward pass is compiled here with a fixed order of sums, so a score has the same bits alone and among thousands
(BLAS and onnxruntime choose their order by the batch's shape). The bytes are safetensors with JSON settings, never a
pickle. Knows nothing of torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from strategies.kernel.books import Books
from strategies.kernel.compiled import compiled
from strategies.kernel.exposure import EXPOSURES, begin, hold, observe, settle
from strategies.kernel.state import NO_RATE

CLIP: Final = 4.0  # standardised inputs beyond this say no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """Frozen standardisation of features: (x - mean) / deviation, clipped, unknown values 0.

    The mean of directional columns is 0, so that the mirror image of an input is the input of the mirror image.
    """

    mean: np.ndarray  # (F,) float32
    deviation: np.ndarray  # (F,) float32, > 0
    directional: np.ndarray  # (F,) bool

    @classmethod
    def fit(cls, features: np.ndarray, directional: np.ndarray) -> Self:
        """Return the standardisation of (n, F) training rows; directional columns keep their zero."""
        values = features.astype(np.float64)
        known = np.isfinite(values)
        counts = np.maximum(known.sum(0), 1)
        values = np.where(known, values, 0.0)
        mean = np.where(directional, 0.0, values.sum(0) / counts)
        variance = (np.where(known, values - mean, 0.0) ** 2).sum(0) / counts
        deviation = np.where(variance > 1e-12, np.sqrt(variance), 1.0)
        return cls(
            mean=mean.astype(np.float32),
            deviation=deviation.astype(np.float32),
            directional=np.asarray(directional, bool),
        )

    @property
    def signs(self) -> np.ndarray:
        """(F,) float32: -1 where a column changes sign in the mirrored market."""
        return np.where(self.directional, -1.0, 1.0).astype(np.float32)

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Return the (n, F) float32 inputs of raw features."""
        scaled = (features - self.mean) / self.deviation
        return np.ascontiguousarray(np.nan_to_num(np.clip(scaled, -CLIP, CLIP), nan=0.0), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One seed's actor: tanh(tanh(x w1 + b1) w2 + b2) w3 + b3 are the logits of `EXPOSURES`; float32 throughout.

    Attributes:
        w1: (D, H), b1: (H,), w2: (H, H), b2: (H,), w3: (H, 5), b3: (5,). D: features, then `ACCOUNT_COLUMNS`.
    """

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    w3: np.ndarray
    b3: np.ndarray

    def __post_init__(self) -> None:
        width, hidden = self.w1.shape
        actions = len(EXPOSURES)
        found = [part.shape for part in self.arrays]
        needed = [(width, hidden), (hidden,), (hidden, hidden), (hidden,), (hidden, actions), (actions,)]
        if found != needed:
            raise ValueError(f"policy has shapes {found}; {needed} are needed")
        if any(part.dtype != np.float32 or not np.isfinite(part).all() for part in self.arrays):
            raise ValueError("policy holds weights that are not finite float32; finite ones are needed")

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The weights in the order that the compiled pass takes them."""
        return self.w1, self.b1, self.w2, self.b2, self.w3, self.b3


@compiled
def roll(
    is_new: bool,
    mirror: int,
    open_ms: np.ndarray,
    bars: np.ndarray,
    sigma: np.ndarray,
    volatility: np.ndarray,
    inputs: np.ndarray,
    weights: tuple[np.ndarray, ...],
    ledger: tuple[np.ndarray, ...],
    scratch: tuple[np.ndarray, ...],
    scores: np.ndarray,
    equity: np.ndarray,
) -> None:
    """Live through rows 0..n-1 and write what exposure the policy expects to want at each.

    It acts by its most likely choice. Rows whose deviations are unknown are sat out.

    Args:
        is_new: begin flat after row 0; else go on from the ledger, which has settled the row before row 0.
        mirror: -1 shows it the market upside down (and sells what it buys): `inputs` are mirrored already.
        open_ms, bars, sigma, volatility: (n,), (n, 5), (n,), (n,).
        inputs: (n, F) float32, standardised.
        weights: of a `Policy`.
        ledger: account, positions, orders, standing (2,) float64, markets, rules, facts of one agent; standing is the
            exposure held and for how many bars. Left as it is after the last row.
        scratch: (D,), (H,), (H,) float32 and (5,) float64.
        scores: (n,) float64, written: mean exposure, -1..1, as the policy sees it; NaN where unknown.
        equity: (n,) int64, written: marked at each close, units.
    """
    account, positions, orders, standing, markets, rules, facts = ledger
    books = Books(account, positions, orders, markets, rules, facts)
    columns, _, _, chances = scratch
    width = inputs.shape[1]  # the account's own columns follow
    exposure, held = standing[0], int(standing[1])
    if is_new:
        exposure, held = 0.0, 0
        begin(books, open_ms[0], bars[0, 3])
    for row in range(len(open_ms)):
        if row > 0 or not is_new:
            settle(books, open_ms[row], bars[row], NO_RATE)
            if positions[0].lots == 0:
                exposure = 0.0
        scores[row], equity[row] = np.nan, account[0].equity
        if not (sigma[row] > 0.0 and volatility[row] > 0.0):
            continue
        for column in range(width):
            columns[column] = inputs[row, column]
        observe(books, exposure, held, sigma[row], columns, width)
        chosen = decide_exposure(weights, scratch)
        mean = 0.0
        for action in range(len(EXPOSURES)):
            mean += chances[action] * EXPOSURES[action]
        scores[row] = mean
        held += 1
        if EXPOSURES[chosen] != exposure:
            exposure, held = EXPOSURES[chosen], 0
            due_ms = open_ms[row] + rules[0].timeframe_ms
            hold(books, mirror * exposure, sigma[row], volatility[row], due_ms)
    standing[0], standing[1] = exposure, held


@compiled
def decide_exposure(weights: tuple[np.ndarray, ...], scratch: tuple[np.ndarray, ...]) -> int:
    """Write the chances of `EXPOSURES` given the observation in `scratch`; return the likeliest, first of equals."""
    w1, b1, w2, b2, w3, b3 = weights
    columns, first, second, chances = scratch
    _layer(columns, w1, b1, first)
    _layer(first, w2, b2, second)
    actions = len(chances)
    for action in range(actions):
        chances[action] = b3[action]
    for unit in range(len(second)):
        for action in range(actions):
            chances[action] += second[unit] * w3[unit, action]
    best = 0
    for action in range(1, actions):
        if chances[action] > chances[best]:
            best = action
    highest, total = chances[best], 0.0
    for action in range(actions):
        chances[action] = math.exp(chances[action] - highest)
        total += chances[action]
    for action in range(actions):
        chances[action] /= total
    return best


@compiled
def _layer(values: np.ndarray, weights: np.ndarray, bias: np.ndarray, out: np.ndarray) -> None:
    """Write tanh(values @ weights + bias), summed in the order of the inputs for every unit at once."""
    for unit in range(len(out)):
        out[unit] = bias[unit]
    for column in range(len(values)):
        value = values[column]
        for unit in range(len(out)):
            out[unit] += value * weights[column, unit]
    for unit in range(len(out)):
        out[unit] = math.tanh(out[unit])
