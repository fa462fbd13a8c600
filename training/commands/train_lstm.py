"""`sigma train lstm`: one LSTM, judged in time order, written down with everything needed to repeat it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from storage.lazy import lazily
from storage.terminal.options import takes
from storage.terminal.output import emit
from training.commands._options import Candles, Device, PackBundle, Seed, SourceModel, TestMode
from training.commands.train_bundle import summary
from training.runtime.progress import configuration, say

with lazily():
    from storage.config.models import LstmSettings
    from storage.config.tree import Config
    from storage.models.artefacts import find_artefact
    from training.commands._common import make_bundle, open_dataset, plan_of, seed_of
    from training.commands._settings import changed_settings, device_of
    from training.data.dataset import Dataset
    from training.families.lstm import export
    from training.families.lstm.family import LstmFamily
    from training.families.lstm.run import LstmRequest, run
    from training.families.lstm.step import Acceleration
    from training.families.lstm.trainer import LstmModel
    from training.runtime.device import choose
    from training.tuning.test_mode import newest_ms

TEST_MODE_EPOCHS: Final = 5
TRANSFER_RATE: Final = 0.25  # of the learning rate, when starting from a trained model and no rate is given


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Candles):
    """What the network learns from, how it is shaped and trained, and where."""

    epochs: Annotated[int | None, typer.Option(help="Passes over the history, at most.")] = None
    batch_size: Annotated[int | None, typer.Option(help="Chunks of lstm.chunk_bars labels a step.")] = None
    seq_length: Annotated[int | None, typer.Option(help="Bars that warm the state before a chunk's labels.")] = None
    hidden_size: Annotated[int | None, typer.Option(help="Units of a layer; up to 128 a GPU is fastest.")] = None
    num_layers: Annotated[int | None, typer.Option(help="Stacked layers.")] = None
    dropout: Annotated[float | None, typer.Option(help="Share of units silenced while training.")] = None
    lr: Annotated[float | None, typer.Option(help="Peak of the one-cycle learning rate.")] = None
    weight_decay: Annotated[float | None, typer.Option(help="AdamW's pull towards zero.")] = None
    noise: Annotated[float | None, typer.Option(help="Deviation of noise added to the inputs in training.")] = None
    seeds: Annotated[int | None, typer.Option(help="Networks that are averaged.")] = None
    seed: Seed = None
    device: Device = None
    threads: Annotated[int | None, typer.Option(help="CPU threads; one is the fastest for 64 units.")] = None
    mixed_precision: Annotated[
        bool, typer.Option("--mixed-precision", help="bfloat16 where it is safe; changes bits.")
    ] = False
    cuda_graphs: Annotated[bool, typer.Option(help="Replay the step as a CUDA graph; nothing on a CPU.")] = True
    source_model: SourceModel = None
    bundle: PackBundle = True
    test_mode: TestMode = False


SETTINGS: Final = (
    *("epochs", "batch_size", "seq_length", "hidden_size", "num_layers"),
    *("dropout", "lr", "weight_decay", "noise", "seeds"),
)


@takes(Options)
def command(options: Options) -> None:
    """Train an LSTM on the first 70 % of the candles, stop it by the next 15 %, judge it on the last 15 %.

    Example: sigma train lstm --symbols BTCUSDT --timeframe 1h --epochs 100 --batch-size 32 --seq-length 60
    """
    config = configuration()
    threads = max(config.training.threads, 1) if options.threads is None else options.threads
    place = choose(device_of(options.device or config.training.device), threads=threads)
    say(f"training an LSTM on {place}")
    source = _source(options.source_model, config) if options.source_model else None
    dataset = open_dataset(config, options)
    request = LstmRequest(
        settings=_settings(config.lstm, options, source),
        seed=seed_of(config, options.seed),
        device=place,
        acceleration=Acceleration(mixed_precision=options.mixed_precision, graphs=options.cuda_graphs),
        source=source,
        source_name=options.source_model or "",
        since_ms=newest_ms(dataset) if options.test_mode else None,
        models=config.paths.models,
        runs=config.paths.runs,
    )
    finished = run(dataset, request)
    document, text = finished.document(), finished.text()
    if options.bundle and not options.test_mode:
        made = _bundle(config, dataset, request, finished.fit.epochs)
        document, text = {**document, **made}, f"{text}\n{summary(made)}"
    emit(document, text)


def _bundle(config: Config, dataset: Dataset, request: LstmRequest, epochs: int) -> dict[str, Any]:
    """Walk forward with the epochs that were found best, and pack the bundle."""
    family = LstmFamily(
        settings=request.settings.model_copy(update={"epochs": epochs}),
        seed=request.seed,
        device=request.device.kind,
        threads=request.device.threads,
        source=request.source,
        acceleration=request.acceleration,
    )
    return make_bundle(config, dataset, plan_of(config, [family], request.seed), "train lstm bundle")


def _settings(base: LstmSettings, options: Options, source: LstmModel | None) -> LstmSettings:
    """Return the configured settings with what was asked for; a source model fixes the shape unless it is given."""
    given = {name: value for name in SETTINGS if (value := getattr(options, name)) is not None}
    if source is not None:
        shape = {"hidden_size": source.hidden_size, "num_layers": source.num_layers, "lr": base.lr * TRANSFER_RATE}
        given = shape | given
    if options.test_mode:
        given = {"epochs": TEST_MODE_EPOCHS, "seeds": 1} | given
    return changed_settings(base, given)


def _source(name: str, config: Config) -> LstmModel:
    """Return the model to start from: a weights file, a folder that has one, or a bundle's id."""
    path = Path(name)
    if not path.exists():
        path = find_artefact(config.paths.models, "lstm", name) or config.paths.models / "bundles" / name
    return export.read_weights(path / export.WEIGHTS_FILE if path.is_dir() else path)
