"""E-process: which of two forecasters is right, by the likelihood ratio of their expected scaled returns.

Each says what it expects of the volatility-scaled forward return z; the ratio is p(z | challenger) / p(z | champion),
both normal with unit variance (z is clipped; its measured variance on hourly BTC, ETH and SOL is .95 to .97, so the
ratio errs towards "not decided"). If the champion is right, the ratio is an e-process: it reaches 20 with probability
at most 1/20, however often one looks (Ville). Labels of h bars overlap, so h interleaved streams per market are kept
and their ratios averaged; an average of e-values is an e-value. Pure arithmetic.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from strategies.market import OPEN, OPEN_MS, CandleArray, Timeframe

CLIP: Final = 3.0  # as the labels of training are clipped


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EProcess:
    """What has been seen so far.

    Attributes:
        logs: (markets, horizon) float64, log ratio of each stream, challenger over champion.
        observations: outcomes taken.
        growth: sum over outcomes of half the squared difference of the two expectations: what the log ratios of all
            streams would have gained together, had the challenger been right.
    """

    logs: np.ndarray
    observations: int = 0
    growth: float = field(default=0.0)

    @classmethod
    def begin(cls, markets: int, horizon_bars: int) -> EProcess:
        """Return evidence that has seen nothing: every ratio is 1."""
        return cls(logs=np.zeros((markets, horizon_bars)))

    def seen(self, market: int, bar: int, outcome: float, challenger: float, champion: float) -> EProcess:
        """Return the evidence after one outcome; a market that joined after the beginning has no stream in it.

        Args:
            market: index.
            bar: number of the decision's candle since the epoch; it chooses the stream.
            outcome: scaled forward return, clipped.
            challenger, champion: what each expected of it, in the same unit.
        """
        if market >= len(self.logs) or not all(map(math.isfinite, (outcome, challenger, champion))):
            return self
        logs = self.logs.copy()
        logs[market, bar % logs.shape[1]] += log_ratio(outcome, challenger, champion)
        return EProcess(
            logs=logs,
            observations=self.observations + 1,
            growth=self.growth + 0.5 * (challenger - champion) ** 2,
        )

    @property
    def for_challenger(self) -> float:
        """The averaged ratio, challenger over champion."""
        return _mean_exp(self.logs)

    @property
    def for_champion(self) -> float:
        """The averaged ratio, champion over challenger."""
        return _mean_exp(-self.logs)

    def days_to_decide(self, threshold: float, bar_h: float) -> float:
        """Return the days still expected until the ratio passes `threshold`, were the challenger right; inf where the
        two expect the same.

        Args:
            threshold: ratio.
            bar_h: hours of a candle: each stream has one outcome every `horizon` candles.
        """
        missing = math.log(threshold) - math.log(max(self.for_challenger, 1e-300))
        if missing <= 0.0:
            return 0.0
        if not self.growth > 0.0:
            return math.inf
        a_day = self.growth / self.observations * 24.0 / bar_h / self.logs.shape[1]  # gain of one stream
        found: float = missing / a_day
        return found

    def to_json(self) -> str:
        """Return the text that `from_json` reads; floats survive unchanged."""
        return json.dumps(
            {"logs": self.logs.tolist(), "observations": self.observations, "growth": self.growth}, sort_keys=True
        )

    @classmethod
    def from_json(cls, text: str) -> EProcess:
        """Return the evidence of a stored text."""
        document = json.loads(text)
        return cls(
            logs=np.array(document["logs"], np.float64),
            observations=int(document["observations"]),
            growth=float(document["growth"]),
        )


def log_ratio(outcome: float, challenger: float, champion: float) -> float:
    """Return log p(outcome | challenger) - log p(outcome | champion), normal with unit variance."""
    return 0.5 * ((outcome - champion) ** 2 - (outcome - challenger) ** 2)


def _mean_exp(logs: np.ndarray) -> float:
    greatest = float(logs.max())
    return math.exp(greatest) * float(np.exp(logs - greatest).mean()) if greatest < 700 else math.inf


def realized_return(
    candles: CandleArray, open_ms: int, sigma: float, horizon_bars: int, timeframe: Timeframe
) -> float | None:
    """Return the scaled forward return of a close, as the models' labels have it; NaN when its candles are missing.

    Args:
        candles: (n, 6) closed candles, ascending.
        open_ms: of the decision's candle.
        sigma: deviation of a candle's log return, known at that close.

    Returns:
        ln(O[i+1+h] / O[i+1]) / (sigma sqrt(h)), clipped to +-3; None: not known yet.
    """
    first_ms, last_ms = open_ms + timeframe.ms, open_ms + (1 + horizon_bars) * timeframe.ms
    opens = candles[:, OPEN_MS]
    if not len(opens) or last_ms > opens[-1]:
        return None
    rows = np.searchsorted(opens, (first_ms, last_ms))
    if opens[rows[0]] != first_ms or opens[rows[1]] != last_ms or not sigma > 0:
        return math.nan
    move = math.log(float(candles[rows[1], OPEN] / candles[rows[0], OPEN]))
    return min(max(move / (sigma * math.sqrt(horizon_bars)), -CLIP), CLIP)
