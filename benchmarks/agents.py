"""The made-up world that the environment's and PPO's benchmarks share: bars of a random walk, thirty columns."""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.kernel.exposure import agent_settings, grid_bars
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, Timeframe
from training.families.ppo.environment_tracks import Tracks

BARS: Final = 50_000
COLUMNS: Final = 30
EPISODE_BARS: Final = 720
SETTINGS: Final = agent_settings(TradingSettings(), Timeframe.H1)
DIRECTIONAL: Final = np.arange(COLUMNS) < 20


def tracks() -> Tracks:
    """Return one market of `BARS` hours with funding every eighth."""
    rng = np.random.default_rng(0)
    close = 30_000.0 * np.exp(np.cumsum(rng.normal(0, 0.006, BARS)))
    opened = np.concatenate([[30_000.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998
    open_ms = 1_600_000_000_000 // HOUR_MS * HOUR_MS + np.arange(BARS) * HOUR_MS
    return Tracks(
        bars=grid_bars(np.column_stack([open_ms, opened, high, low, close, np.ones(BARS)])),
        open_ms=open_ms,
        funding_e8=np.where(open_ms % (8 * HOUR_MS) == 0, 10_000, NO_RATE),
        sigma=np.full(BARS, 0.006),
        volatility=np.full(BARS, 0.6),
        features=rng.normal(size=(BARS, COLUMNS)).clip(-4, 4).astype(np.float32),
        starts=np.arange(BARS - EPISODE_BARS),
        episode_bars=EPISODE_BARS,
    )
