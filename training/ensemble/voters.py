"""Voters: the families that can vote in a bundle, made from the configuration, each imported when it is chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from storage.config.tree import Config
from storage.lazy import lazily
from strategies.predictors.plugin import installed_families
from training.ensemble.families import RidgeFamily, XGBoostFamily, choose
from training.families.interface import ModelFamily
from training.families.plugin import PluginFamily
from training.runtime.compute import threads_of
from training.runtime.learning_curves import curve

with lazily():
    from training.families.lstm.family import LstmFamily
    from training.families.ppo.family import PpoFamily

if TYPE_CHECKING:
    from training.families.lstm.trainer import EpochReport
    from training.families.ppo.trainer import PpoProgress


def makers(config: Config, seed: int) -> dict[str, Callable[[], ModelFamily]]:
    """Return for every family a function that makes it with the configured settings."""
    threads = threads_of(config.training.threads)
    return {
        "xgboost": lambda: XGBoostFamily(settings=config.xgboost, seed=seed, threads=threads),
        "ridge": lambda: RidgeFamily(settings=config.ridge),
        "lstm": lambda: _sequence(config, seed, "lstm"),
        "gru": lambda: _sequence(config, seed, "gru"),
        "tcn": lambda: _sequence(config, seed, "tcn"),
        "transformer": lambda: _sequence(config, seed, "transformer"),
        "ppo": lambda: _ppo(config, seed),
        **{name: partial(PluginFamily, plugin=plugin, seed=seed) for name, plugin in installed_families().items()},
    }


def voters(config: Config, names: str | None, seed: int) -> list[ModelFamily]:
    """Return the families called `names`, comma separated; None: those of `[ensemble] families`.

    Each fit has one thread: fits stand beside each other, and bits do not depend on where or how many.
    """
    single = config.model_copy(update={"training": config.training.model_copy(update={"threads": 1})})
    chosen = [part.strip() for part in (names or "").split(",") if part.strip()] or list(config.ensemble.families)
    return choose(chosen, makers(single, seed))


def _sequence(config: Config, seed: int, name: str) -> ModelFamily:
    threads = max(config.training.threads, 1)
    return LstmFamily(
        settings=config.lstm,
        seed=seed,
        device=config.training.device,
        threads=threads,
        name=name,
        on_epoch=partial(_sequence_learnt, name),
    )


def _ppo(config: Config, seed: int) -> ModelFamily:
    device = "cpu" if config.training.device == "auto" else config.training.device
    return PpoFamily(settings=config.ppo, trading=config.trading, seed=seed, device=device, on_progress=_ppo_learnt)


def _sequence_learnt(name: str, report: EpochReport) -> None:
    valid = None if report.valid is None else report.valid.loss
    curve(name, report.epoch, report.epochs, {"training loss": report.train.loss, "validation loss": valid})


def _ppo_learnt(progress: PpoProgress) -> None:
    curve("ppo", progress.steps, progress.total_steps, {"episode reward": progress.reward})
