"""`sigma train lstm`: one LSTM, judged in time order, written down with everything needed to repeat it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import typer
from pydantic import ValidationError

from storage.terminal.output import emit
from strategies.errors import BadInput
from training.runtime.progress import configuration, say

if TYPE_CHECKING:
    from storage.config.models import LstmSettings
    from storage.config.tree import Config
    from training.families.lstm.trainer import LstmModel

TEST_MODE_EPOCHS: Final = 5
TRANSFER_RATE: Final = 0.25  # of the learning rate, when starting from a trained model and no rate is given


def command(
    symbol: str = typer.Option(
        "", "--symbol", "--symbols", "--target-symbol", help="One market, or several, comma separated, pooled."
    ),
    timeframe: str = typer.Option(
        "",
        "--timeframe",
        "--timeframes",
        help="Decision timeframe, such as 1h; with 1h,4h,1d coarser candles are seen too.",
    ),
    epochs: int | None = typer.Option(None, help="Passes over the history, at most."),
    batch_size: int | None = typer.Option(None, help="Chunks (not windows) a step; a chunk is lstm.chunk_bars labels."),
    seq_length: int | None = typer.Option(None, help="Context: bars that warm the state before a chunk's labels."),
    hidden_size: int | None = typer.Option(None, help="Units of a layer; up to 128 a GPU keeps them in registers."),
    num_layers: int | None = typer.Option(None, help="Stacked layers."),
    dropout: float | None = typer.Option(None, help="Share of units silenced while training."),
    lr: float | None = typer.Option(None, help="Peak of the one-cycle learning rate."),
    weight_decay: float | None = typer.Option(None, help="AdamW's pull towards zero."),
    noise: float | None = typer.Option(None, help="Deviation of noise added to the inputs while training."),
    seeds: int | None = typer.Option(None, help="Networks that are averaged."),
    seed: int | None = typer.Option(None, help="Of the first network."),
    device: str | None = typer.Option(None, help="auto, cpu or cuda."),
    threads: int | None = typer.Option(None, help="CPU threads; one is the fastest for 64 units."),
    mixed_precision: bool = typer.Option(False, help="bfloat16 where it is safe; changes bits."),
    cuda_graphs: bool = typer.Option(True, help="Replay the step as a CUDA graph; without effect on a CPU."),
    source_model: str = typer.Option("", help="Start from this model: a folder or file of a trained LSTM (transfer)."),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
    bundle: bool = typer.Option(True, help="Also walk forward with the epochs found, calibrate and pack a bundle."),
    test_mode: bool = typer.Option(False, help="A few thousand bars, five epochs, one network, no bundle."),
) -> None:
    """Train an LSTM on the first 70 % of the candles, stop it by the next 15 %, judge it on the last 15 %.

    Example: sigma train lstm --symbol BTCUSDT --timeframe 1h --epochs 100 --batch-size 32 --seq-length 60
    """
    from training.commands._common import make_bundle, open_dataset
    from training.commands.train_bundle import summary
    from training.families.lstm.family import LstmFamily
    from training.families.lstm.run import Request, run
    from training.families.lstm.step import Acceleration
    from training.runtime import device as devices
    from training.tuning.test_mode import newest_ms

    config = configuration()
    place = devices.choose(
        _device(device or config.training.device),
        threads=threads if threads is not None else max(config.training.threads, 1),
    )
    say(f"training an LSTM on {place}")
    source = _source(source_model, config) if source_model else None
    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "seq_length": seq_length,
        "hidden_size": hidden_size,
        "num_layers": num_layers,
        "dropout": dropout,
        "lr": lr,
        "weight_decay": weight_decay,
        "noise": noise,
        "seeds": seeds,
    }
    dataset = open_dataset(config, symbol, timeframe, exchange, until)
    request = Request(
        settings=_settings(config.lstm, changes, source, test_mode),
        seed=seed if seed is not None else config.training.seed,
        device=place,
        acceleration=Acceleration(mixed_precision=mixed_precision, graphs=cuda_graphs),
        source=source,
        source_name=source_model,
        since_ms=newest_ms(dataset) if test_mode else None,
        models=config.paths.models,
        runs=config.paths.runs,
    )
    finished = run(dataset, request)
    document, text = finished.document(), finished.text()
    if bundle and not test_mode:
        family = LstmFamily(
            settings=request.settings.model_copy(update={"epochs": finished.fit.epochs}),
            seed=request.seed,
            device=place.kind,
            threads=place.threads,
            source=source,
            acceleration=request.acceleration,
        )
        made = make_bundle(config, dataset, [family], request.seed, "train lstm bundle", years=4.0, months=6)
        document, text = {**document, **made}, f"{text}\n{summary(made)}"
    emit(document, text)


def _settings(base: LstmSettings, changes: dict[str, Any], source: LstmModel | None, test_mode: bool) -> LstmSettings:
    """Return the configured settings with what was asked for; a source model fixes the shape unless it is given."""
    from storage.config.models import LstmSettings

    given = {name: value for name, value in changes.items() if value is not None}
    if source is not None:
        shape = {"hidden_size": source.hidden_size, "num_layers": source.num_layers, "lr": base.lr * TRANSFER_RATE}
        given = shape | given
    if test_mode:
        given = {"epochs": TEST_MODE_EPOCHS, "seeds": 1} | given
    try:
        return LstmSettings.model_validate(base.model_dump() | given)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise BadInput(f"{option} is {first['input']}; {first['msg'].lower()}") from error


def _device(name: str) -> Literal["auto", "cpu", "cuda"]:
    match name:
        case "auto" | "cpu" | "cuda":
            return name
        case _:
            raise BadInput(f"--device is {name!r}; auto, cpu or cuda is needed")


def _source(name: str, config: Config) -> LstmModel:
    """Return the model to start from: a weights file, a folder that has one, or a bundle's id."""
    from storage.models.artefacts import find_artefact
    from training.families.lstm.export import WEIGHTS_FILE, read_weights

    path = Path(name)
    if not path.exists():
        path = find_artefact(config.paths.models, "lstm", name) or config.paths.models / "bundles" / name
    return read_weights(path / WEIGHTS_FILE if path.is_dir() else path)
