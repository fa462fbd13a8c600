"""Small worlds for tests of agents: a few hundred bars, a dataset with a planted edge, an environment over them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from storage.candles.store import StoredCandles
from storage.config.models import RewardSettings
from strategies.features import feature_set
from strategies.kernel.exposure import ACCOUNT_COLUMNS, EXPOSURES, agent_settings, grid_bars
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, Timeframe
from strategies.predictors.ppo_model import PpoModel
from strategies.predictors.ppo_policy import Policy, Standard
from tests.made_markets import random_candles
from training.data.dataset import Dataset, market_segments
from training.families.ppo.environment import AgentsEnv
from training.families.ppo.environment_tracks import Tracks

HOUR = Timeframe.H1
FEATURES = feature_set()
SETTINGS = agent_settings(TradingSettings(), HOUR)
DIRECTIONAL = np.array([True, True, False])


def tracks(bars: int = 400, *, episode_bars: int = 50, seed: int = 1, rate_e8: int = 10_000) -> Tracks:
    """Return one run of a random walk with funding every eight hours and three columns of noise."""
    candles = random_candles(bars, seed=seed)
    rng = np.random.default_rng(seed)
    open_ms = candles[:, 0].astype(np.int64)
    return Tracks(
        bars=grid_bars(candles),
        open_ms=open_ms,
        funding_e8=np.where(open_ms % (8 * HOUR_MS) == 0, rate_e8, NO_RATE),
        sigma=np.full(bars, 0.006),
        volatility=np.full(bars, 0.6),
        features=rng.normal(size=(bars, len(DIRECTIONAL))).clip(-4, 4).astype(np.float32),
        starts=np.arange(bars - episode_bars),
        episode_bars=episode_bars,
    )


def environment(world: Tracks | None = None, *, agents: int = 8, reward: RewardSettings | None = None, **options: Any):
    """Return agents in a world, by default a random walk and the default reward."""
    return AgentsEnv(
        world or tracks(),
        directional=options.pop("directional", DIRECTIONAL),
        settings=options.pop("settings", SETTINGS),
        reward=reward or RewardSettings(),
        agents=agents,
        **options,
    )


@cache
def dataset(edge: float = 0.0, bars: int = 4500, seed: int = 0) -> Dataset:
    """Return two made-up markets."""
    segments = []
    for index, symbol in enumerate(("AAAUSDT", "BBBUSDT")):
        candles = random_candles(bars, seed=seed + index, edge=edge)
        stored = StoredCandles(candles=candles, source=np.zeros(bars, np.uint8))
        segments += market_segments(symbol, stored, HOUR, FEATURES, 12)
    return Dataset(
        exchange="made",
        symbols=("AAAUSDT", "BBBUSDT"),
        timeframe=HOUR,
        features=FEATURES,
        horizon_bars=12,
        until_ms=int(segments[0].candles[-1, 0]) + HOUR_MS,
        segments=tuple(segments),
        data_hash=f"{edge} {seed}",
    )


def random_model(
    *, policies: int = 2, hidden: int = 8, mirrored: bool = True, seed: int = 3, reads: tuple[str, ...] = ()
) -> PpoModel:
    """Return an untrained model of the default features, and scores of others, that changes its mind often."""
    rng = np.random.default_rng(seed)
    inputs, actions = len(FEATURES.names) + len(reads), len(EXPOSURES)
    width = inputs + ACCOUNT_COLUMNS

    def weights(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    shapes = ((width, hidden), (hidden,), (hidden, hidden), (hidden,), (hidden, actions), (actions,))
    return PpoModel(
        policies=tuple(
            Policy(**dict(zip(Policy.__slots__, (weights(*shape) for shape in shapes), strict=True)))
            for _ in range(policies)
        ),
        standard=Standard(
            mean=np.zeros(inputs, np.float32),
            deviation=np.append(np.ones(len(FEATURES.names)), np.full(len(reads), 0.1)).astype(np.float32),
            directional=np.append(np.array(FEATURES.directional, bool), np.ones(len(reads), bool)),
        ),
        trading=SETTINGS,
        timeframe=HOUR,
        roll_bars=60,
        mirrored=mirrored,
        trained_until_ms=0,
        reads=reads,
    )
