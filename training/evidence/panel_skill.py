"""Panel skill: what many coins prove together, pooled with its error, each coin's shrunk towards it.

Days are resampled in blocks, all coins of a day together, since coins move together: fifty of them are worth about as
much as a handful of independent ones. A single coin's figure scatters far more than coins differ; what is believed of
it lies between its own and the panel's (random effects: DerSimonian & Laird 1986).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt
from typing import Final

import numpy as np

from strategies.market import DAY_MS
from training.evidence.daily_skill import correlations

PRIOR: Final = 0.03  # deviation of ICs that anybody found on hourly candles, centred on 0: what is believed beforehand
LEAST_DAYS: Final = 60  # of a coin that has a figure of its own
SAMPLES: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinSkill:
    """One coin's IC.

    Attributes:
        error: one standard error, by the panel's block bootstrap.
        shrunk: what is believed of the coin, the panel known.
    """

    symbol: str
    days: int
    ic: float
    error: float
    shrunk: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSkill:
    """The skill of a score on a panel.

    Attributes:
        ic: all coins and closes pooled.
        error, low, high: its standard error and 95 % interval.
        p_value: one-sided, against no skill.
        coins: the strongest first.
        between: deviation of the coins' true ICs; 0: no difference between coins is seen.
        breadth: independent coins that would be worth as much.
        believed, believed_error: after the evidence, of one who before it expected ICs of 0 ± `PRIOR`.
        chance: that the true IC is above 0, for that person.
        years: IC of each year from the first day.
    """

    ic: float
    error: float
    low: float
    high: float
    p_value: float
    coins: tuple[CoinSkill, ...]
    between: float
    breadth: float
    believed: float
    believed_error: float
    chance: float
    years: tuple[float, ...]

    @property
    def positive(self) -> int:
        """How many coins have an IC above 0."""
        return sum(coin.ic > 0 for coin in self.coins)


def panel_skill(
    scores: np.ndarray, targets: np.ndarray, ms: np.ndarray, symbols: Sequence[str], block_days: float, seed: int
) -> PanelSkill:
    """Return the skill of (d, M) scores against (d, M) targets at (d,) times; NaN rows are left out."""
    sums = daily_sums(scores, targets, ms)  # (M, days, 6)
    rows = _blocks(sums.shape[1], block_days, seed)
    whole = sums.sum(axis=0)
    resampled = _resampled(whole, rows)
    ic, error = float(correlations(whole.sum(axis=0)[None])[0]), float(resampled.std())
    coins = [_coin(symbol, part, rows) for symbol, part in zip(symbols, sums, strict=True)]
    known = [coin for coin in coins if coin is not None]
    between = _between(np.array([coin.ic for coin in known]), np.array([coin.error for coin in known]))
    precision = 1.0 / PRIOR**2 + 1.0 / max(error, 1e-9) ** 2
    believed, believed_error = ic / max(error, 1e-9) ** 2 / precision, precision**-0.5
    return PanelSkill(
        ic=ic,
        error=error,
        low=float(np.quantile(resampled, 0.025)),
        high=float(np.quantile(resampled, 0.975)),
        p_value=(int((resampled <= 0.0).sum()) + 1) / (len(resampled) + 1),
        coins=tuple(sorted((_shrunk(coin, ic, between) for coin in known), key=lambda coin: -coin.ic)),
        between=between,
        breadth=float(np.mean([coin.error**2 for coin in known]) / max(error, 1e-9) ** 2) if known else float("nan"),
        believed=believed,
        believed_error=believed_error,
        chance=_normal(believed / believed_error),
        years=tuple(
            float(correlations(whole[start : start + 365].sum(axis=0)[None])[0]) for start in range(0, len(whole), 365)
        ),
    )


def daily_sums(scores: np.ndarray, targets: np.ndarray, ms: np.ndarray) -> np.ndarray:
    """Return (M, days, 6) float64 sums of 1, x, y, xx, yy, xy by UTC day of the decisions."""
    known = np.isfinite(scores) & np.isfinite(targets)
    x, y = np.where(known, scores, 0.0), np.where(known, targets, 0.0)
    day = (ms - ms[0]) // DAY_MS
    parts = (known.astype(np.float64), x, y, x * x, y * y, x * y)
    days = int(day[-1]) + 1
    columns = [[np.bincount(day, part[:, m], days) for part in parts] for m in range(scores.shape[1])]
    return np.array(columns).transpose(0, 2, 1)


def _coin(symbol: str, sums: np.ndarray, rows: np.ndarray) -> CoinSkill | None:
    days = int((sums[:, 0] > 0).sum())
    if days < LEAST_DAYS:
        return None
    ic = float(correlations(sums.sum(axis=0)[None])[0])
    return CoinSkill(symbol=symbol, days=days, ic=ic, error=float(_resampled(sums, rows).std()), shrunk=ic)


def _shrunk(coin: CoinSkill, mean: float, between: float) -> CoinSkill:
    own = between**2 / max(between**2 + coin.error**2, 1e-12)
    return CoinSkill(
        symbol=coin.symbol, days=coin.days, ic=coin.ic, error=coin.error, shrunk=own * coin.ic + (1.0 - own) * mean
    )


def _between(ics: np.ndarray, errors: np.ndarray) -> float:
    """Return the deviation of true ICs between coins (method of moments), never below 0."""
    if len(ics) < 2:
        return 0.0
    weight = 1.0 / np.maximum(errors, 1e-9) ** 2
    mean = (weight * ics).sum() / weight.sum()
    spread = float((weight * (ics - mean) ** 2).sum()) - (len(ics) - 1)
    return float(np.sqrt(max(0.0, spread / (weight.sum() - (weight**2).sum() / weight.sum()))))


def _blocks(days: int, block_days: float, seed: int) -> np.ndarray:
    """Return (samples, days) indices of circular blocks."""
    block = max(1, min(round(block_days), days))
    starts = np.random.default_rng(seed).integers(0, days, (SAMPLES, -(-days // block)))
    return ((starts[:, :, None] + np.arange(block)) % days).reshape(SAMPLES, -1)[:, :days]


def _resampled(sums: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the (samples,) ICs of resampled days."""
    counts = np.stack([np.bincount(row, minlength=len(sums)) for row in rows])  # (samples, days)
    return correlations(np.stack([counts @ sums[:, column] for column in range(sums.shape[1])], axis=1))


def _normal(value: float) -> float:
    return 0.5 * (1.0 + erf(value / sqrt(2.0)))
