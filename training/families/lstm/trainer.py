"""The LSTM trainer: dense loss over chunks of bars, one-cycle AdamW, mirrored markets, several seeds averaged.

The recipe walked forward best: one layer of 64 units, squared error of the scaled return, eight epochs of hours.
`seq_length` is the context of a chunk (burn-in bars without a loss) and `batch_size` counts chunks, not windows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from storage.config.models import LstmSettings
from strategies.errors import BadInput
from training.families.lstm.chunks import LabelledSequence, ResidentChunks, Scaling
from training.families.lstm.network import RETURNS, LstmNetwork
from training.families.lstm.schedule import one_cycle
from training.families.lstm.step import Acceleration, Metrics, OptimisationStep, evaluate, head_deviations
from training.runtime.device import Device

Weights = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """What one epoch of one seed came to; `valid` is None without later bars, `seconds` is training time."""

    seed: int
    epoch: int
    epochs: int
    train: Metrics
    valid: Metrics | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNetwork:
    """The best epoch of one seed."""

    weights: Weights
    epoch: int
    reports: tuple[EpochReport, ...]

    @property
    def best(self) -> EpochReport:
        return self.reports[self.epoch - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmModel:
    """Everything that scores: the standardisation and one set of weights per seed, as numpy arrays.

    `kind` are its layers, `returns` its heads of returns; their `deviations` let several horizons weigh alike in the
    score, their mean; () where it is the first head. By `trained_until_ms` all that it learnt from was known.
    `fingerprint`, `horizon_bars`, `timeframe`: columns read and forecast; empty and 0 in files from before.
    """

    scaling: Scaling
    networks: tuple[Weights, ...]
    hidden_size: int
    num_layers: int
    mirrored: bool
    trained_until_ms: int
    fingerprint: str = ""
    horizon_bars: int = 0
    timeframe: str = ""
    kind: str = "lstm"
    returns: int = RETURNS
    deviations: tuple[float, ...] = ()

    def build(self, index: int) -> LstmNetwork:
        """Return the network of one seed in evaluation mode, on the CPU."""
        network = LstmNetwork(
            features=len(self.scaling.mean),
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            dropout=0.0,
            kind=self.kind,
            returns=self.returns,
        )
        network.load_state_dict({name: torch.from_numpy(array) for name, array in self.networks[index].items()})
        return network.eval()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted model and how it came about."""

    model: LstmModel
    networks: tuple[FittedNetwork, ...]

    @property
    def epochs(self) -> int:
        """The epochs worth training, the median over seeds of the best one: what a refit on everything uses."""
        return int(np.median([fitted.epoch for fitted in self.networks]))


Observer = Callable[[EpochReport], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What networks learn from.

    Attributes:
        train: the sequences; the standardisation is fitted on these rows alone.
        directional: (F,) bool, columns that change sign in the mirrored market.
        valid: later bars. With them a network stops after `settings.patience` epochs without a better loss and keeps
            its best epoch; without them it trains all epochs.
        trained_until_ms: by when all labels given were known, for the record.
        kind: of the layers; see `layers.py`.
        several: the score is the mean of all returns' heads, each standardised, and not the first one.
    """

    train: Sequence[LabelledSequence]
    directional: np.ndarray
    valid: Sequence[LabelledSequence] = ()
    trained_until_ms: int = 0
    kind: str = "lstm"
    several: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """A lesson on the device, standardised; `flips` (F,) bool: columns that change sign in the mirrored market."""

    train: ResidentChunks
    valid: ResidentChunks | None
    flips: np.ndarray
    kind: str = "lstm"


def fit(
    lesson: Lesson,
    settings: LstmSettings,
    *,
    device: Device,
    seed: int,
    source: LstmModel | None = None,
    acceleration: Acceleration | None = None,
    on_epoch: Observer = lambda report: None,
) -> Fit:
    """Train `settings.seeds` networks and return them as one model.

    Args:
        lesson: what to learn from.
        seed: of the first network; the next ones count up.
        source: a model to start from (transfer): its weights and its standardisation are taken over.

    Raises:
        BadInput: there is no label to learn from, or the source does not fit.
    """
    if source is not None:
        _require_same_shape(source, settings, lesson)
    scaling = source.scaling if source is not None else Scaling.fit(lesson.train, lesson.directional)
    chunks = Chunks(
        train=_resident(lesson.train, scaling, settings, device),
        valid=_resident(lesson.valid, scaling, settings, device) if lesson.valid else None,
        flips=scaling.directional,
        kind=lesson.kind,
    )
    if not chunks.train.labelled_bars:
        raise BadInput(f"found no labelled bar in {len(lesson.train)} training sequences; at least one is needed")
    networks = []
    for index in range(settings.seeds):
        start = source.networks[index % len(source.networks)] if source is not None else None
        networks.append(
            fit_network(
                chunks,
                settings,
                device=device,
                seed=seed + index,
                start=start,
                acceleration=acceleration or Acceleration(),
                on_epoch=on_epoch,
            )
        )
    model = LstmModel(
        scaling=scaling,
        networks=tuple(network.weights for network in networks),
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        mirrored=settings.mirror,
        trained_until_ms=max(lesson.trained_until_ms, source.trained_until_ms if source is not None else 0),
        kind=lesson.kind,
        returns=chunks.train.heads - 1,
    )
    if lesson.several:
        model = replace(model, deviations=_deviations(model, chunks.train, settings, device))
    return Fit(model=model, networks=tuple(networks))


def fit_network(
    chunks: Chunks,
    settings: LstmSettings,
    *,
    device: Device,
    seed: int,
    start: Weights | None,
    acceleration: Acceleration,
    on_epoch: Observer,
) -> FittedNetwork:
    """Train one network; same seed, data, threads and machine give the same bits."""
    with torch.random.fork_rng(devices=[0] if device.kind == "cuda" else []):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        train, valid, flips = chunks.train, chunks.valid, torch.from_numpy(chunks.flips).to(device.torch)
        network = LstmNetwork(
            features=len(chunks.flips),
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            dropout=settings.dropout,
            kind=chunks.kind,
            returns=train.heads - 1,
        ).to(device.torch)
        if start is not None:
            network.load_state_dict({name: torch.from_numpy(array) for name, array in start.items()})
        plan = [_epoch_batches(train, settings, rng) for _ in range(settings.epochs)]
        total = sum(len(batches) for batches in plan)
        step = OptimisationStep(network, train, flips, settings, acceleration, device.torch)
        reports: list[EpochReport] = []
        best, weights, done, rate = float("inf"), _weights(network), 0, 0.0
        best_epoch = 0
        for epoch, batches in enumerate(plan, start=1):
            began = time.perf_counter()
            for starts, signs in zip(
                torch.from_numpy(batches).to(device.torch), _signs(batches, settings, rng, device), strict=True
            ):
                rate = one_cycle(done, total, settings.lr)
                step(starts, signs, rate)
                done += 1
            trained = step.metrics.take()
            seconds = time.perf_counter() - began
            validated = None if valid is None else evaluate(network, valid, flips, settings, device.torch)
            reports.append(
                EpochReport(
                    seed=seed,
                    epoch=epoch,
                    epochs=settings.epochs,
                    train=trained,
                    valid=validated,
                    learning_rate=rate,
                    seconds=seconds,
                )
            )
            on_epoch(reports[-1])
            if validated is None or validated.loss < best:
                best = validated.loss if validated is not None else best
                best_epoch, weights = epoch, _weights(network)
            elif epoch - best_epoch >= settings.patience:
                break
    return FittedNetwork(weights=weights, epoch=best_epoch, reports=tuple(reports))


def _resident(
    sequences: Sequence[LabelledSequence], scaling: Scaling, settings: LstmSettings, device: Device
) -> ResidentChunks:
    return ResidentChunks(
        sequences, scaling, chunk=settings.chunk_bars, burn_in=settings.seq_length, device=device.torch
    )


def _epoch_batches(train: ResidentChunks, settings: LstmSettings, rng: np.random.Generator) -> np.ndarray:
    starts = train.starts(int(rng.integers(settings.chunk_bars)))
    return train.batches(rng.permutation(starts), settings.batch_size)


def _signs(batches: np.ndarray, settings: LstmSettings, rng: np.random.Generator, device: Device) -> torch.Tensor:
    """Return (batches, batch) +1 or -1: half of the chunks are shown upside down."""
    flipped = (rng.random(batches.shape) < 0.5) & settings.mirror
    return torch.from_numpy(np.where(flipped, -1.0, 1.0).astype(np.float32)).to(device.torch)


def _weights(network: LstmNetwork) -> Weights:
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in network.state_dict().items()}


def _deviations(model: LstmModel, chunks: ResidentChunks, settings: LstmSettings, device: Device) -> tuple[float, ...]:
    networks = [model.build(index).to(device.torch) for index in range(len(model.networks))]
    flips = torch.from_numpy(model.scaling.directional).to(device.torch) if settings.mirror else None
    return head_deviations(networks, chunks, flips, settings.batch_size, device.torch)


def _require_same_shape(source: LstmModel, settings: LstmSettings, lesson: Lesson) -> None:
    found = (len(source.scaling.mean), source.hidden_size, source.num_layers)
    needed = (len(lesson.directional), settings.hidden_size, settings.num_layers)
    returns = lesson.train[0].heads - 1 if lesson.train else RETURNS
    if found != needed:
        raise BadInput(
            f"the source model has (features, hidden_size, num_layers) = {found}; {needed} are needed to start from it"
        )
    if (source.kind, source.returns) != (lesson.kind, returns):
        raise BadInput(
            f"the source model is a {source.kind} that forecasts {source.returns} horizons; "
            f"a {lesson.kind} of {returns} is needed to start from it"
        )
