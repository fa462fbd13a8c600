"""One optimisation step of the network on static shapes, replayed as a CUDA graph where asked.

Gather, mirror, forward, loss, backward, clip, AdamW: the same code runs eagerly on the CPU and is captured once on a
card. Learning rate, chunk starts and mirror signs go in through fixed tensors; running sums for the epoch's line stay
on the device until the epoch ends. Knows nothing of epochs, schedules or files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from storage.config.models import LstmSettings
from training.families.lstm.chunks import ResidentChunks, head_signs
from training.families.lstm.network import LstmNetwork, dense_loss, estimate

EAGER_STEPS_BEFORE_CAPTURE: Final = 3  # cuDNN and the optimiser allocate lazily; a graph may not
_SUMS: Final = 8
SCALE_CHUNKS: Final = 200  # chunks from which the deviations of the heads are taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """How estimates of the scaled return fared.

    Attributes:
        loss: over all heads; each batch counts by its labelled bars.
        squared_error: mean, of the first head alone.
        accuracy: share of right signs.
        ic: Pearson correlation with the target.
        bars: labelled ones.
    """

    loss: float
    squared_error: float
    accuracy: float
    ic: float
    bars: int


class RunningMetrics:
    """Sums over labelled bars, kept on the device so that no step waits for them."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(_SUMS, dtype=torch.float64, device=device)

    def add(self, loss: Tensor, estimates: Tensor, targets: Tensor, labelled: Tensor) -> None:
        """Add a batch; all but `loss` are (time, batch) of the first head."""
        e, y = (estimates * labelled).double(), (targets * labelled).double()
        hits = ((estimates > 0) == (targets > 0)) * labelled
        bars = labelled.sum().double()
        weighted = loss.detach().double() * bars
        sums = (e.sum(), y.sum(), (e * e).sum(), (y * y).sum(), (e * y).sum(), hits.sum().double())
        self._sums += torch.stack([weighted, bars, *sums])

    def take(self) -> Metrics:
        """Return the metrics since the last call and start again from zero."""
        weighted, bars, e, y, ee, yy, ey, hits = self._sums.tolist()
        self._sums.zero_()
        count = max(bars, 1.0)
        spread = math.sqrt(max(ee - e * e / count, 0.0) * max(yy - y * y / count, 0.0))
        return Metrics(
            loss=weighted / count,
            squared_error=(ee - 2 * ey + yy) / count,
            accuracy=hits / count,
            ic=(ey - e * y / count) / spread if spread > 0 else 0.0,
            bars=int(bars),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceleration:
    """Ways to be faster that change bits or need a card.

    Attributes:
        mixed_precision: run the network in bfloat16; weights, loss and optimiser stay float32.
        graphs: capture the step as a CUDA graph after a few eager ones; without effect on the CPU.
    """

    mixed_precision: bool = False
    graphs: bool = True


class OptimisationStep:
    """The step of one network over resident chunks; `settings.noise` is Gaussian noise on the standardised inputs."""

    def __init__(
        self,
        network: LstmNetwork,
        chunks: ResidentChunks,
        directional: Tensor,
        settings: LstmSettings,
        acceleration: Acceleration,
        device: torch.device,
    ) -> None:
        self._network, self._chunks, self._directional = network, chunks, directional
        self._settings, self._device = settings, device
        self._mixed_precision = acceleration.mixed_precision
        self._learning_rate = torch.zeros((), device=device)
        self._starts = torch.zeros(settings.batch_size, dtype=torch.int64, device=device)
        self._signs = torch.ones(settings.batch_size, device=device)
        self._optimiser = torch.optim.AdamW(
            network.parameters(),
            lr=self._learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
            capturable=device.type == "cuda",
        )
        self.metrics = RunningMetrics(device)
        self._wants_graph = acceleration.graphs and device.type == "cuda"
        self._graph: torch.cuda.CUDAGraph | None = None
        self._steps = 0

    def __call__(self, starts: Tensor, signs: Tensor, learning_rate: float) -> None:
        """Learn from one batch: chunk starts (batch,) int64, mirror signs (batch,) +1 or -1."""
        self._starts.copy_(starts)
        self._signs.copy_(signs)
        self._learning_rate.fill_(learning_rate)
        if self._graph is not None:
            self._graph.replay()
        elif self._wants_graph and self._steps >= EAGER_STEPS_BEFORE_CAPTURE:
            self._capture()
        elif self._wants_graph:
            self._advance_aside()
        else:
            self._advance()
        self._steps += 1

    def _advance_aside(self) -> None:
        """Advance on a stream of its own, as torch asks of the steps before a capture."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._advance()
        torch.cuda.current_stream().wait_stream(stream)

    def _capture(self) -> None:
        """Record the step, then run it once: capturing alone executes nothing."""
        torch.cuda.synchronize()
        self._optimiser.zero_grad(set_to_none=True)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._advance()
        self._graph.replay()

    def _advance(self) -> None:
        batch = self._chunks.gather(self._starts)
        flips = torch.where(self._directional, self._signs[:, None], 1.0)  # (batch, F)
        inputs = batch.inputs * flips
        if self._settings.noise > 0:
            inputs = inputs + self._settings.noise * torch.randn_like(inputs)
        targets = batch.targets * head_signs(self._signs, self._chunks.heads)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._mixed_precision):
            estimates, _ = self._network(inputs)
        estimates = estimates[self._chunks.burn_in :].float()
        loss = dense_loss(estimates, targets, batch.labelled, self._settings.volatility_loss)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), self._settings.clip_norm)
        self._optimiser.step()
        self.metrics.add(loss, estimates.detach()[..., 0], targets[..., 0], batch.labelled[..., 0])


@torch.no_grad()
def evaluate(
    network: LstmNetwork, chunks: ResidentChunks, directional: Tensor, settings: LstmSettings, device: torch.device
) -> Metrics:
    """Return the metrics of the antisymmetric estimates over all labelled bars."""
    network.eval()
    metrics = RunningMetrics(device)
    for starts in torch.from_numpy(chunks.batches(chunks.starts(0), settings.batch_size)):
        batch = chunks.gather(starts.to(device))
        estimates = estimate(network, batch.inputs, directional if settings.mirror else None)[chunks.burn_in :]
        loss = dense_loss(estimates, batch.targets, batch.labelled, settings.volatility_loss)
        metrics.add(loss, estimates[..., 0], batch.targets[..., 0], batch.labelled[..., 0])
    network.train()
    return metrics.take()


@torch.no_grad()
def head_deviations(
    networks: Sequence[LstmNetwork],
    chunks: ResidentChunks,
    directional: Tensor | None,
    batch: int,
    device: torch.device,
) -> tuple[float, ...]:
    """Return the deviation of each return's mean estimate over (a part of) the bars that taught.

    Args:
        networks: of all seeds, in evaluation mode on `device`.
        directional: (F,) bool where the mirrored market is asked, too; None where not.
    """
    starts = chunks.starts(0)
    part = starts[:: max(1, len(starts) // SCALE_CHUNKS)]
    sums = torch.zeros((3, chunks.heads - 1), dtype=torch.float64, device=device)
    for some in torch.from_numpy(chunks.batches(part, batch)):
        piece = chunks.gather(some.to(device))
        found = torch.stack([estimate(network, piece.inputs, directional) for network in networks]).mean(0)
        mask = piece.labelled[..., :-1]
        values = (found[chunks.burn_in :, :, :-1] * mask).double()
        sums += torch.stack([mask.double().sum((0, 1)), values.sum((0, 1)), (values * values).sum((0, 1))])
    count, total, squares = sums[0].clamp(min=1.0), sums[1], sums[2]
    spread = torch.sqrt((squares / count - (total / count) ** 2).clamp(min=1e-18))
    return tuple(float(value) for value in spread)
