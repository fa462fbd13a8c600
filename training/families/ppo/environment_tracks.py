"""Environment tracks: the bars, deviations and standardised features that agents live through, laid end to end.

An episode never leaves the contiguous run it began in, and never reaches past what may be known. Prices are put on the
grid of `strategies.kernel.exposure`, since training knows candles but no exchange's tick. No funding settles: what it
takes from a side it gives to the other, so over episodes and their mirror images it comes to nothing but noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.errors import BadInput
from strategies.kernel.exposure import grid_bars
from strategies.kernel.state import NO_RATE
from strategies.predictors.ppo_policy import Standard
from training.data.dataset import Dataset, Segment
from training.data.score_columns import is_scored

CLOSE, OPEN_MS, FUNDING = 3, 5, 6  # columns of `Tracks.packed` lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """Runs of bars laid end to end, R rows in all.

    Attributes:
        bars: (R, 5) int64.
        open_ms: (R,) int64.
        funding_e8: (R,) int64, NO_RATE where none settles.
        sigma, volatility: (R,) float64, per bar and annual.
        features: (R, F + K) float32, standardised: features, then the scores of others.
        starts: rows after which a whole episode follows in the same run, deviations known.
        episode_bars: its length.
    """

    bars: np.ndarray
    open_ms: np.ndarray
    funding_e8: np.ndarray
    sigma: np.ndarray
    volatility: np.ndarray
    features: np.ndarray
    starts: np.ndarray
    episode_bars: int

    def __post_init__(self) -> None:
        if not len(self.starts):
            raise BadInput(
                f"found no run of {self.episode_bars} warm bars among {len(self.open_ms):,}; "
                "a longer history or a shorter ppo.episode_bars is needed"
            )

    def packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the arrays as the compiled step takes them: a cache line of integers a bar, for agents jump about.

        Returns:
            (R, 8) int64: open, high, low, close, volume, then `OPEN_MS` and `FUNDING`; (R, 2) float64: sigma,
            volatility; (R, F) float32 features.
        """
        lines = np.zeros((len(self.open_ms), 8), np.int64)
        lines[:, :5] = self.bars
        lines[:, OPEN_MS], lines[:, FUNDING] = self.open_ms, self.funding_e8
        return lines, np.column_stack([self.sigma, self.volatility]), self.features


def standard_of(dataset: Dataset, until_ms: int, since_ms: int | None = None) -> Standard:
    """Return the standardisation of the rows that closed by `until_ms`.

    The scores of others are directional columns after the features: a market turned upside down has the opposite ones.

    Raises:
        BadInput: no bar had.
    """
    rows = [_inputs(segment)[_known(segment, dataset, until_ms, since_ms)] for segment in dataset.segments]
    found = np.concatenate(rows)
    if not len(found):
        raise BadInput("ppo: found no bar before the border; a longer history is needed")
    directional = np.append(np.asarray(dataset.features.directional, bool), np.ones(len(dataset.others), bool))
    return Standard.fit(found, directional)


def tracks_of(
    dataset: Dataset, standard: Standard, *, until_ms: int, episode_bars: int, since_ms: int | None = None
) -> Tracks:
    """Return the bars of all markets that closed by `until_ms`; with scores of others, those that they have scored.

    Args:
        since_ms: leave out what opened before.

    Raises:
        BadInput: no run is long enough for an episode.
    """
    parts: list[list[np.ndarray]] = []
    for segment in dataset.segments:
        known = _known(segment, dataset, until_ms, since_ms)
        warm = segment.is_warm & (segment.sigma > 0) & (segment.volatility > 0)
        rows = np.flatnonzero(known & warm)
        if len(rows) <= episode_bars:
            continue
        run = slice(int(rows[0]), int(rows[-1]) + 1)
        parts.append(
            [
                grid_bars(segment.candles[run]),
                segment.open_ms[run],
                segment.sigma[run],
                segment.volatility[run],
                standard.apply(_inputs(segment)[run]),
                (np.arange(run.stop - run.start) < run.stop - run.start - episode_bars) & warm[run],
            ]
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else []
    if not columns:
        raise BadInput(
            f"found no run of {episode_bars} warm bars; a longer history or a shorter ppo.episode_bars is needed"
        )
    return Tracks(
        bars=columns[0],
        open_ms=columns[1],
        funding_e8=np.full(len(columns[1]), NO_RATE, np.int64),
        sigma=columns[2],
        volatility=columns[3],
        features=columns[4],
        starts=np.flatnonzero(columns[5]),
        episode_bars=episode_bars,
    )


def _known(segment: Segment, dataset: Dataset, until_ms: int, since_ms: int | None) -> np.ndarray:
    known = segment.open_ms + dataset.timeframe.ms <= until_ms
    if dataset.others:
        known &= is_scored(segment)
    return known if since_ms is None else known & (segment.open_ms >= since_ms)


def _inputs(segment: Segment) -> np.ndarray:
    """Return the (n, F + K) columns that an agent sees of the market."""
    if segment.others is None:
        return segment.features
    return np.concatenate([segment.features, segment.others.astype(np.float32)], axis=1)
