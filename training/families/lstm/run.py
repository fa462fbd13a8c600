"""One recorded run of `train lstm`: fit, tell, judge, save, and write down how.

Between the command, which knows options, and the trainer, which knows arrays. A line per epoch goes to people and to
logs/training.log, curves to TensorBoard, files appear complete or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from torch.utils.tensorboard import SummaryWriter

from storage.config.models import LstmSettings
from storage.models.artefacts import save_artefact
from training.data.dataset import Dataset
from training.families.lstm.export import model_files
from training.families.lstm.step import Acceleration
from training.families.lstm.trainer import EpochReport, Fit, LstmModel
from training.families.lstm.validation import Judged, SampleSplit, fit_parts, judge, parts_of
from training.runtime import records
from training.runtime.artefact_facts import facts_of_run
from training.runtime.device import Device
from training.runtime.progress import say, stage

ABOUT_ACCURACY: Final = (
    "accuracy is the share of right signs; the model learns the size of moves, so it reads about .50 even where the IC "
    "(correlation of score and return) is worth trading: look at the IC"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmRequest:
    """What a run was asked for.

    Attributes:
        source: a model to start from, and `source_name`, what it was called.
        since_ms: leave out what opened before; None: everything.
        models: folder under which lstm/NAME is written.
        runs: folder of records and TensorBoard's events.
    """

    settings: LstmSettings
    seed: int
    device: Device
    acceleration: Acceleration
    source: LstmModel | None
    source_name: str
    since_ms: int | None
    models: Path
    runs: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run came to and where it was written."""

    fit: Fit
    judged: Judged
    folder: Path
    record: Path
    run: str

    def document(self) -> dict[str, Any]:
        """Return the result for programs."""
        return {
            "folder": str(self.folder),
            "record": str(self.record),
            "run": self.run,
            **_result(self.fit, self.judged),
        }

    def text(self) -> str:
        """Return the result for people."""
        losses = [f"{network.best.valid.loss:.4f}" for network in self.fit.networks if network.best.valid]
        return (
            f"best validation loss {', '.join(losses)} after {self.fit.epochs} epochs (median of the seeds)\n"
            f"unseen bars: IC {self.judged.ic:+.4f}, accuracy {self.judged.accuracy:.4f}, {self.judged.rows:,} closes\n"
            f"saved to {self.folder}, recorded in {self.record}"
        )


def run(dataset: Dataset, request: LstmRequest) -> Finished:
    """Train, judge, save and record.

    Raises:
        BadInput: a part of the history has no label.
        StorageFailed: a folder cannot be written.
    """
    began = time.perf_counter()
    parts = parts_of(dataset, request.settings, request.since_ms)
    ended = datetime.fromtimestamp(dataset.until_ms / 1000, UTC)
    test = "" if request.since_ms is None else "_test"
    name = f"lstm_{'-'.join(dataset.symbols)}_{dataset.timeframe.value}_{ended:%Y%m%dT%H%M}{test}"
    _announce(parts, request.settings)
    if request.source is not None and request.source.trained_until_ms > parts.test_from_ms:
        say(f"the source model has seen bars until {_day(request.source.trained_until_ms)}: only later ones are judged")
    with Narrator(
        request.settings, request.runs / "tensorboard" / f"{name}_{_record(dataset, request).id}"
    ) as narrator:
        fitted = fit_parts(
            parts,
            dataset,
            request.settings,
            device=request.device,
            seed=request.seed,
            source=request.source,
            acceleration=request.acceleration,
            on_epoch=narrator,
        )
    judged = judge(fitted.model, dataset, max(parts.test_from_ms, fitted.model.trained_until_ms))
    folder = save_artefact(
        request.models, "lstm", name, model_files(fitted.model), facts_of_run(dataset, request.since_ms)
    ).folder
    record = _record(dataset, request, time.perf_counter() - began, _result(fitted, judged) | {"folder": str(folder)})
    path = records.write(record, request.runs)
    return Finished(fit=fitted, judged=judged, folder=folder, record=path, run=record.id)


class Narrator:
    """Says a line per epoch, moves the bar and writes TensorBoard's event files."""

    def __init__(self, settings: LstmSettings, folder: Path) -> None:
        self._done = 0
        self._writer = SummaryWriter(str(folder))
        self._stage = stage("training", settings.epochs * settings.seeds, plainly=False)

    def __enter__(self) -> Narrator:
        self._move = self._stage.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._stage.__exit__(*details)
        self._writer.close()

    def __call__(self, report: EpochReport) -> None:
        parts = [("train", report.train)] + ([("valid", report.valid)] if report.valid else [])
        said = [f"{name} loss {part.loss:.4f} accuracy {part.accuracy:.3f} IC {part.ic:+.3f}" for name, part in parts]
        say(f"seed {report.seed} epoch {report.epoch}/{report.epochs} | {' | '.join(said)} | {report.seconds:.1f} s")
        for name, part in parts:
            for key in ("loss", "accuracy", "ic"):
                self._writer.add_scalar(f"{key}/{name}/seed-{report.seed}", getattr(part, key), report.epoch)
        self._writer.add_scalar(f"learning_rate/seed-{report.seed}", report.learning_rate, report.epoch)
        self._done += 1
        self._move(self._done)


def _announce(parts: SampleSplit, settings: LstmSettings) -> None:
    bars = sum(len(sequence.features) for sequence in parts.train)
    say(
        f"{bars:,} bars to learn from, stopped by those since {_day(parts.valid_from_ms)}, judged on those since "
        f"{_day(parts.test_from_ms)}"
    )
    say(
        f"a step has {settings.batch_size} chunks of {settings.chunk_bars} labelled bars, each behind "
        f"{settings.seq_length} bars of context"
    )
    say(ABOUT_ACCURACY)


def _record(
    dataset: Dataset, request: LstmRequest, duration_s: float = 0.0, result: Mapping[str, Any] | None = None
) -> records.RunRecord:
    return records.RunRecord(
        kind="train lstm",
        config={
            "lstm": request.settings.model_dump(mode="json"),
            "symbols": list(dataset.symbols),
            "timeframe": dataset.timeframe.value,
            "exchange": dataset.exchange,
            "features": dataset.features.fingerprint,
            "acceleration": asdict(request.acceleration),
            "source_model": request.source_name,
            "since_ms": request.since_ms,
        },
        data_hash=dataset.data_hash,
        seed=request.seed,
        device=str(request.device),
        duration_s=duration_s,
        until_ms=dataset.until_ms,
        result=result or {},
    )


def _result(fitted: Fit, judged: Judged) -> dict[str, Any]:
    networks = [
        {"seed": network.best.seed, "epoch": network.epoch, "train": asdict(network.best.train)}
        | ({"valid": asdict(network.best.valid)} if network.best.valid else {})
        for network in fitted.networks
    ]
    return {"epochs": fitted.epochs, "networks": networks, "test": asdict(judged)}


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"
