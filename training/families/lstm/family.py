"""The LSTM, and its rivals of the same trainer, as families of a bundle: fitted on what is known by a time.

Bundles train all epochs of the settings on everything; early stopping and its split belong to `train lstm`, which finds
how many epochs that should be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from storage.config.models import LstmSettings
from strategies.errors import BadInput
from strategies.predictors.lstm import LstmPredictor
from training.data.dataset import Dataset
from training.data.thinning import FEW
from training.families.lstm.export import model_files
from training.families.lstm.identity import identity_of, require_same_columns
from training.families.lstm.sequences import labelled_sequences
from training.families.lstm.step import Acceleration
from training.families.lstm.trainer import EpochReport, Lesson, LstmModel, fit
from training.runtime import device as devices

LEAST_PASSES: Final = 3  # over the bars of a large pool
SMALLER: Final = 4  # batches of a pool are so many times smaller than those of few markets


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmFiles:
    """A trained sequence model: what scores, and what is written into a bundle."""

    files: dict[str, bytes]
    kind: str = "lstm"

    @property
    def predictor(self) -> LstmPredictor:
        return LstmPredictor(self.files[f"{self.kind}.onnx"], self.kind)


def settings_of(asked: LstmSettings, markets: int) -> LstmSettings:
    """Return the settings of a pool: fewer passes over more bars, in smaller batches.

    A network that foretells so little needs gradient steps before all else. On coins that had not taught it, one that
    31 coins taught had an IC of .013 after one pass in large batches (105 steps), .023 after three, and .035 after
    three in batches a quarter as large, which take a quarter longer.
    """
    if markets <= FEW:
        return asked
    passes = max(min(asked.epochs, LEAST_PASSES), round(asked.epochs * FEW / markets))
    return asked.model_copy(update={"epochs": passes, "batch_size": max(1, asked.batch_size // SMALLER)})


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmFamily:
    """Equal arguments give equal bytes on the same machine with the same number of threads.

    Attributes:
        settings: the recipe.
        seed: of the first network.
        device: auto, cpu or cuda.
        threads: of torch on the CPU.
        source: a model to start from (transfer); None: from scratch. Where it has seen more than a fit may know, that
            fit starts from scratch too: markets move together, so another market's future is a leak as well.
        on_epoch: told about every epoch.
        name: "lstm", or a rival's, whose layers stand where its layers stand: "gru", "tcn", "transformer".
    """

    settings: LstmSettings = field(default_factory=LstmSettings)
    seed: int = 0
    device: devices.DeviceRequest = "cpu"
    threads: int = 1
    source: LstmModel | None = None
    acceleration: Acceleration = field(default_factory=Acceleration)
    on_epoch: Callable[[EpochReport], None] | None = None
    name: str = "lstm"

    def fit(self, dataset: Dataset, known_by_ms: int) -> LstmFiles:
        """Learn from the labels of `dataset` that were settled by `known_by_ms`, and from nothing else.

        Raises:
            BadInput: there is no such label, or the device is not there.
        """
        sequences = labelled_sequences(
            dataset,
            until_ms=known_by_ms,
            second_horizon_bars=self.settings.second_horizon_bars,
            context_bars=self.settings.seq_length,
        )
        if not sequences:
            raise BadInput(f"{self.name}: found no labelled bar before the border; a longer history is needed")
        fitted = fit(
            Lesson(
                train=sequences,
                directional=dataset.features.directional,
                trained_until_ms=known_by_ms,
                kind=self.name,
                several=len(dataset.all_horizons) > 1,
            ),
            settings_of(self.settings, len(dataset.teachers)),
            device=devices.choose(self.device, threads=self.threads),
            seed=self.seed,
            source=self._source(dataset, known_by_ms),
            acceleration=self.acceleration,
            on_epoch=self.on_epoch or (lambda report: None),
        )
        model = replace(fitted.model, **identity_of(dataset))
        return LstmFiles(files=model_files(model), kind=self.name)

    def _source(self, dataset: Dataset, known_by_ms: int) -> LstmModel | None:
        if self.source is not None:
            require_same_columns(self.source, dataset)
        if self.source is None or self.source.trained_until_ms > known_by_ms:
            return None
        return self.source

    def describe(self) -> dict[str, object]:
        """Return the settings that make the recipe."""
        return self.settings.model_dump(mode="json")
