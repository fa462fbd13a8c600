"""`sigma train ppo`: agents that size positions over the execution kernel, judged in time order and written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import typer

from storage.lazy import lazily
from storage.terminal.options import takes
from storage.terminal.output import emit
from training.commands._options import Candles, Seed, TestMode
from training.runtime.progress import configuration, say

with lazily():
    from storage.config.models import PpoSettings
    from training.commands._common import open_dataset, seed_of
    from training.commands._settings import changed_settings, device_of
    from training.families.ppo.run import PpoRequest, run
    from training.runtime.device import choose
    from training.tuning.test_mode import newest_ms

TEST_MODE_STEPS: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Candles):
    """What the agents live through, how many there are, and how they learn."""

    total_timesteps: Annotated[int | None, typer.Option(help="Bars lived through, all agents together, a seed.")] = None
    learning_rate: Annotated[float | None, typer.Option(help="Adam's at the start; it falls to almost nothing.")] = None
    n_envs: Annotated[int | None, typer.Option(help="Agents that live in parallel.")] = None
    seeds: Annotated[int | None, typer.Option(help="Policies: the median is judged, scores are averaged.")] = None
    seed: Seed = None
    device: Annotated[
        str | None, typer.Option(help="auto, cpu or cuda; the CPU is faster for networks this small.")
    ] = None
    test_mode: TestMode = False


@takes(Options)
def command(options: Options) -> None:
    """Train PPO on the first 70 % of the candles, compare seeds on the next 15 %, judge on the last 15 %.

    It joins a bundle beside others: sigma train bundle --families xgboost,ppo.

    Example: sigma train ppo --symbols BTCUSDT --timeframe 1h --total-timesteps 100000 --learning-rate 0.0003
    """
    config = configuration()
    configured = "cpu" if config.training.device == "auto" else config.training.device
    place = choose(device_of(options.device or configured))
    say(f"training PPO on {place}")
    dataset = open_dataset(config, options)
    request = PpoRequest(
        settings=_settings(config.ppo, options),
        trading=config.trading,
        seed=seed_of(config, options.seed),
        device=place,
        since_ms=newest_ms(dataset) if options.test_mode else None,
        models=config.paths.models,
        runs=config.paths.runs,
    )
    finished = run(dataset, request)
    emit(finished.document(), finished.text())


def _settings(base: PpoSettings, options: Options) -> PpoSettings:
    """Return the configured settings with what was asked for."""
    asked = {
        "total_timesteps": options.total_timesteps,
        "learning_rate": options.learning_rate,
        "environments": options.n_envs,
        "seeds": options.seeds,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if options.test_mode:
        given = {"total_timesteps": TEST_MODE_STEPS, "seeds": 1} | given
    return changed_settings(base, given, spelled={"environments": "--n-envs"})
