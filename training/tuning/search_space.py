"""Search spaces by family: the guide's grid for the LSTM, sensible ranges for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from storage.config.tree import Config
from strategies.errors import BadInput

if TYPE_CHECKING:
    from optuna import Trial

Space = Callable[["Trial"], dict[str, Any]]


def lstm(trial: Trial) -> dict[str, Any]:
    """The guide's grid."""
    return {
        "hidden_size": trial.suggest_categorical("hidden_size", [64, 128, 256, 512]),
        "num_layers": trial.suggest_categorical("num_layers", [1, 2, 3, 4]),
        "dropout": trial.suggest_categorical("dropout", [0.1, 0.2, 0.3, 0.5]),
        "lr": trial.suggest_categorical("lr", [1e-4, 5e-4, 1e-3, 1e-2]),
        "seq_length": trial.suggest_categorical("seq_length", [30, 60, 120, 240]),
    }


def xgboost(trial: Trial) -> dict[str, Any]:
    """Trees of two to six levels, from a hundred quick ones to six hundred slow ones."""
    return {
        "n_estimators": trial.suggest_int("n_estimators", 100, 600, step=50),
        "max_depth": trial.suggest_int("max_depth", 2, 6),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "subsample": trial.suggest_float("subsample", 0.3, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "min_child_weight": trial.suggest_float("min_child_weight", 10.0, 1000.0, log=True),
        "reg_lambda": trial.suggest_float("reg_lambda", 1.0, 100.0, log=True),
    }


def ridge(trial: Trial) -> dict[str, Any]:
    """The penalty, and whether volatility may change the weights."""
    return {
        "penalty": trial.suggest_float("penalty", 10.0, 1e5, log=True),
        "interactions": trial.suggest_categorical("interactions", [True, False]),
    }


def ppo(trial: Trial) -> dict[str, Any]:
    """How far the agent looks ahead and how boldly it learns."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 2e-3, log=True),
        "gamma": trial.suggest_categorical("gamma", [0.9, 0.95, 0.97, 0.99]),
        "gae_lambda": trial.suggest_categorical("gae_lambda", [0.8, 0.92, 0.97]),
        "clip_range": trial.suggest_categorical("clip_range", [0.1, 0.2, 0.3]),
        "entropy_weight": trial.suggest_float("entropy_weight", 1e-3, 3e-2, log=True),
        "hidden_size": trial.suggest_categorical("hidden_size", [32, 64, 128]),
        "epochs": trial.suggest_categorical("epochs", [2, 4, 8]),
    }


SPACES: Final[dict[str, Space]] = {"lstm": lstm, "xgboost": xgboost, "ridge": ridge, "ppo": ppo}
ONE_SEED: Final = {"seeds": 1}  # averaging seeds helps every candidate alike and costs as many times as much


def configured(config: Config, family: str, changes: dict[str, Any]) -> Config:
    """Return the configuration with a family's settings changed.

    Raises:
        BadInput: a value is out of bounds.
    """
    settings = getattr(config, family)
    try:
        changed = type(settings).model_validate(settings.model_dump() | changes)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"[{family}] {first['loc'][0]} is {first['input']}; {first['msg'].lower()}") from error
    return config.model_copy(update={family: changed})
