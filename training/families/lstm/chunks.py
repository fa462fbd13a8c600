"""Labelled sequences, standardised and resident on the device, cut into chunks at a new phase each epoch.

A chunk is `chunk` bars with a loss on each, preceded by `burn_in` bars that only warm the state. Everything lies in one
padded tensor, so a batch is one gather; there is no DataLoader. Chunks never cross from one sequence into another.
Knows nothing of networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from strategies.errors import BadInput

CLIP: Final = 4.0  # standardised inputs beyond this say no more


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSequence:
    """Contiguous bars of one market.

    Attributes:
        features: (n, F) float32; NaN before a column's warm-up.
        targets: (n, heads) float32: returns over each horizon, then the log volatility to come; NaN where there is no
            label (context, purged, unknown yet).
    """

    features: np.ndarray
    targets: np.ndarray

    def __post_init__(self) -> None:
        rows = len(self.features)
        if self.features.ndim != 2 or self.targets.ndim != 2 or len(self.targets) != rows or self.heads < 2:
            raise BadInput(
                f"features {self.features.shape} and targets {self.targets.shape}; (n, F) and (n, 2 or more) are needed"
            )

    @property
    def heads(self) -> int:
        """Columns of the targets."""
        return int(self.targets.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Standardisation fitted on training rows: (x - mean) / deviation, clipped; NaN becomes 0.

    The mean of directional columns is 0, else the mirror image of a market would not be its mirror image.
    """

    mean: np.ndarray  # (F,) float32
    deviation: np.ndarray  # (F,) float32
    directional: np.ndarray  # (F,) bool

    @classmethod
    def fit(cls, sequences: Sequence[LabelledSequence], directional: np.ndarray) -> Scaling:
        rows = np.concatenate([sequence.features[_span(sequence)] for sequence in sequences]).astype(np.float64)
        present = np.isfinite(rows)
        counts = np.maximum(present.sum(0), 1)
        values = np.where(present, rows, 0.0)
        mean = values.sum(0) / counts
        deviation = np.sqrt(np.where(present, (values - mean) ** 2, 0.0).sum(0) / counts)
        flips = np.asarray(directional, bool)
        return cls(
            mean=np.where(flips, 0.0, mean).astype(np.float32),
            deviation=(deviation + 1e-4).astype(np.float32),
            directional=flips,
        )

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Return (n, F) float32 standardised features."""
        found: np.ndarray = np.nan_to_num(
            np.clip((features - self.mean) / self.deviation, -CLIP, CLIP), nan=0.0
        ).astype(np.float32)
        return found


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks side by side, time-major."""

    inputs: Tensor  # (burn_in + chunk, batch, F)
    targets: Tensor  # (chunk, batch, heads)
    labelled: Tensor  # (chunk, batch, heads) 0 or 1


class ResidentChunks:
    """All training (or validation) bars on one device, gathered a batch of chunks at a time."""

    def __init__(
        self, sequences: Sequence[LabelledSequence], scaling: Scaling, *, chunk: int, burn_in: int, device: torch.device
    ) -> None:
        front, back = burn_in + chunk, chunk
        self.chunk, self.burn_in = chunk, burn_in
        self._firsts, self._lengths = [], []
        total = sum(len(sequence.features) + front + back for sequence in sequences)
        features = np.zeros((total, len(scaling.mean)), np.float32)
        self.heads = sequences[0].heads if sequences else 2
        targets = np.full((total, self.heads), np.nan, np.float32)
        row = 0
        for sequence in sequences:
            first, after = row + front, row + front + len(sequence.features)
            features[first:after] = scaling.apply(sequence.features)
            targets[first:after] = sequence.targets
            self._firsts.append(first)
            self._lengths.append(after - first)
            row = after + back
        known = np.isfinite(targets)
        self.labelled_bars = int(known[:, 0].sum())
        self._labels_before = np.concatenate([[0], np.cumsum(known.any(1))])
        self._features = torch.from_numpy(features).to(device)
        self._targets = torch.from_numpy(np.nan_to_num(targets)).to(device)
        self._labelled = torch.from_numpy(known.astype(np.float32)).to(device)
        self._input_rows = torch.arange(-burn_in, chunk, device=device)[:, None]

    def starts(self, phase: int) -> np.ndarray:
        """Return the first rows of the chunks that hold a label; chunks begin at `phase` bars, 0 <= phase < chunk."""
        begin = [
            np.arange(first + phase - (self.chunk if phase else 0), first + length, self.chunk)
            for first, length in zip(self._firsts, self._lengths, strict=True)
        ]
        starts = np.concatenate(begin) if begin else np.zeros(0, np.int64)
        return starts[self._labels_before[starts + self.chunk] > self._labels_before[starts]]

    def batches(self, starts: np.ndarray, size: int) -> np.ndarray:
        """Return starts as (batches, size) int64, the last batch filled up with chunks of padding without a label."""
        empty = -len(starts) % size
        return np.concatenate([starts, np.full(empty, self.burn_in)]).reshape(-1, size).astype(np.int64)

    def gather(self, starts: Tensor) -> Batch:
        """Return the chunks that begin at `starts`, (batch,) int64 on the device."""
        rows = self._input_rows + starts
        labels = rows[self.burn_in :]
        return Batch(self._features[rows], self._targets[labels], self._labelled[labels])


def head_signs(chunk_signs: Tensor, heads: int) -> Tensor:
    """Return (batch, heads): +1 or -1 for the heads that change sign in the mirror, +1 for the last, the volatility."""
    return torch.stack([chunk_signs] * (heads - 1) + [torch.ones_like(chunk_signs)], dim=1)


def _span(sequence: LabelledSequence) -> slice:
    """Return the rows from the first to the last label: what may be learnt from, scaling included."""
    labelled = np.flatnonzero(np.isfinite(sequence.targets).any(1))
    return slice(0, 0) if not len(labelled) else slice(int(labelled[0]), int(labelled[-1]) + 1)
