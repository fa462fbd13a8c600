"""`sigma train ppo`: agents that size positions over the execution kernel, judged in time order and written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import typer
from pydantic import ValidationError

from storage.terminal.output import emit
from strategies.errors import BadInput
from training.runtime.progress import configuration, say

if TYPE_CHECKING:
    from storage.config.models import PpoSettings

TEST_MODE_STEPS: Final = 65_536
_NAMES: Final = {"environments": "--n-envs"}


def command(
    symbol: str = typer.Option("", "--symbol", "--symbols", help="One market, or several, comma separated, pooled."),
    timeframe: str = typer.Option(
        "", "--timeframe", "--timeframes", help="Decision timeframe; with 1h,4h,1d coarser candles are seen too."
    ),
    total_timesteps: int | None = typer.Option(None, help="Bars lived through, all agents together, a seed."),
    learning_rate: float | None = typer.Option(None, help="Adam's at the start; it falls to almost nothing."),
    n_envs: int | None = typer.Option(None, help="Agents that live in parallel."),
    seeds: int | None = typer.Option(None, help="Policies trained; their median is judged, their scores are averaged."),
    seed: int | None = typer.Option(None, help="Of the first policy."),
    device: str | None = typer.Option(None, help="auto, cpu or cuda; the CPU is faster for networks this small."),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
    test_mode: bool = typer.Option(False, help="A few thousand bars, few steps, one seed."),
) -> None:
    """Train PPO on the first 70 % of the candles, compare seeds on the next 15 %, judge on the last 15 %.

    It joins a bundle beside others: sigma train bundle --families xgboost,ppo.

    Example: sigma train ppo --symbol BTCUSDT --timeframe 1h --total-timesteps 100000 --learning-rate 0.0003
    """
    from training.commands._common import open_dataset
    from training.families.ppo.run import Request, run
    from training.runtime import device as devices
    from training.tuning.test_mode import newest_ms

    config = configuration()
    place = devices.choose(_device(device or ("cpu" if config.training.device == "auto" else config.training.device)))
    say(f"training PPO on {place}")
    changes = {
        "total_timesteps": total_timesteps,
        "learning_rate": learning_rate,
        "environments": n_envs,
        "seeds": seeds,
    }
    dataset = open_dataset(config, symbol, timeframe, exchange, until)
    request = Request(
        settings=_settings(config.ppo, changes, test_mode),
        trading=config.trading,
        seed=seed if seed is not None else config.training.seed,
        device=place,
        since_ms=newest_ms(dataset) if test_mode else None,
        models=config.paths.models,
        runs=config.paths.runs,
    )
    finished = run(dataset, request)
    emit(finished.document(), finished.text())


def _settings(base: PpoSettings, changes: dict[str, Any], test_mode: bool) -> PpoSettings:
    """Return the configured settings with what was asked for."""
    from storage.config.models import PpoSettings

    given = {name: value for name, value in changes.items() if value is not None}
    if test_mode:
        given = {"total_timesteps": TEST_MODE_STEPS, "seeds": 1} | given
    try:
        return PpoSettings.model_validate(base.model_dump() | given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        option = _NAMES.get(name, "--" + name.replace("_", "-"))
        raise BadInput(f"{option} is {first['input']}; {first['msg'].lower()}") from error


def _device(name: str) -> Literal["auto", "cpu", "cuda"]:
    match name:
        case "auto" | "cpu" | "cuda":
            return name
        case _:
            raise BadInput(f"--device is {name!r}; auto, cpu or cuda is needed")
