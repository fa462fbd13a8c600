"""Test mode: few bars and tiny models, so that a command can be tried in seconds. Its figures mean nothing."""

from __future__ import annotations

from typing import Any, Final

from storage.config.tree import Config
from training.data.dataset import Dataset
from training.tuning.search_space import configured

BARS: Final = 6_000  # the newest of every market
SMALL: Final[dict[str, dict[str, Any]]] = {  # settings of each family
    "lstm": {"hidden_size": 8, "num_layers": 1, "epochs": 1, "seeds": 1},
    "xgboost": {"n_estimators": 20, "seeds": 1},
    "ridge": {},
    "ppo": {"total_timesteps": 16_384, "seeds": 1},
}


def small(config: Config) -> Config:
    """Return the configuration with tiny models of every family."""
    for family, changes in SMALL.items():
        config = configured(config, family, changes)
    return config


def newest(dataset: Dataset) -> Dataset:
    """Return the dataset with only the newest bars of every market."""
    return dataset.since(newest_ms(dataset))


def newest_ms(dataset: Dataset) -> int:
    """Return the open of the first bar that test mode sees."""
    return max(dataset.from_ms, dataset.until_ms - BARS * dataset.timeframe.ms)
