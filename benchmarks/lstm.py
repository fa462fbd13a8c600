"""How fast the LSTM learns, beside the usual DataLoader recipe in the same process.

Both learn the same generated market (a momentum edge is planted in it) on one thread. The rival cuts windows of 60
bars, one label each, and feeds them in batches of 32 through a DataLoader to a two-layer LSTM of 128 units. Both are
judged by the squared error on the same later bars; time spent judging counts for neither.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmarks.figures import Figure, show
from storage.candles.store import StoredCandles
from storage.config.models import LstmSettings
from strategies.features import feature_set
from strategies.market import HOUR_MS, Timeframe
from training.data.dataset import Dataset, market_segments
from training.families.lstm.chunks import LabelledSequence, Scaling
from training.families.lstm.sequences import labelled_sequences
from training.families.lstm.step import Acceleration
from training.families.lstm.trainer import EpochReport, Lesson, fit
from training.runtime import device as devices

RIVAL: Final = "DataLoader, windows of 60, H128 x 2, batch 32"
WINDOW: Final = 60
RIVAL_HIDDEN: Final = 128
RIVAL_LAYERS: Final = 2
RIVAL_BATCH: Final = 32
JUDGED_EVERY_BARS: Final = 6
CHECKS: Final = 24  # of the rival's validation loss, evenly spaced over its time; its best one counts
HISTORY_BARS: Final = 24_000
EDGE: Final = 0.08  # drift per bar in deviations at strong momentum


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """What the DataLoader recipe came to."""

    samples_per_s: float
    best_loss: float
    seconds_to_best: float


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lstm", description=__doc__, epilog="Example: python -m benchmarks.lstm --json"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=float, default=120.0, help="training time of the rival (default: 120)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where both train (default: cpu)")
    parser.add_argument("--mixed-precision", action="store_true", help="ours in bfloat16")
    options = parser.parse_args()
    device = devices.choose(options.device, threads=1)
    acceleration = Acceleration(mixed_precision=options.mixed_precision)
    figures = measure(device, acceleration, options.seconds)
    show("lstm", figures, as_json=options.json, device=str(device))


def measure(device: devices.Device, acceleration: Acceleration, rival_seconds: float) -> list[Figure]:
    """Run both and return the figures; the rival's time counts until the check at which it was best."""
    train, valid, directional = planted_market()
    reports: list[EpochReport] = []
    settings = LstmSettings(seeds=1)
    warm = Lesson(train=_last_bars(train), directional=directional)
    fit(warm, settings, device=device, seed=0, acceleration=acceleration)
    fit(
        Lesson(train=train, directional=directional, valid=valid),
        settings,
        device=device,
        seed=0,
        acceleration=acceleration,
        on_epoch=reports.append,
    )
    rival = run_rival(train, valid, directional, device, rival_seconds)
    seconds = np.cumsum([report.seconds for report in reports])
    losses = np.array([report.valid.squared_error for report in reports if report.valid])
    rate = sum(report.train.bars for report in reports) / float(seconds[-1])
    reached = np.flatnonzero(losses <= rival.best_loss)
    share = float(seconds[reached[0]]) / rival.seconds_to_best if len(reached) else None
    bound = f"<= {rival.best_loss:.6g}"
    return [
        Figure(name="labelled_bars_per_s", value=rate, unit="1/s", rival=RIVAL, rival_value=rival.samples_per_s),
        Figure(name="ratio_to_dataloader", value=rate / rival.samples_per_s, unit="x", goal=">= 20"),
        Figure(
            name="valid_loss",
            value=float(losses.min()),
            unit="z^2",
            goal=bound,
            rival=RIVAL,
            rival_value=rival.best_loss,
        ),
        Figure(name="dataloader_valid_loss", value=rival.best_loss, unit="z^2"),
        Figure(name="share_of_dataloader_time", value=share, unit="", goal="<= 0.1"),
    ]


def _last_bars(sequences: Sequence[LabelledSequence]) -> list[LabelledSequence]:
    """Return a little to warm up with, so that nothing timed allocates or compiles for the first time."""
    return [LabelledSequence(features=part.features[-2000:], targets=part.targets[-2000:]) for part in sequences[:1]]


def planted_market() -> tuple[list[LabelledSequence], list[LabelledSequence], np.ndarray]:
    """Return training and later judging sequences of three generated markets, and which columns are directional."""
    features = feature_set()
    rng = np.random.default_rng(11)
    segments = []
    for symbol in ("AUSDT", "BUSDT", "CUSDT"):
        candles = planted_candles(rng)
        stored = StoredCandles(candles=candles, source=np.zeros(len(candles), np.uint8))
        segments += market_segments(symbol, stored, Timeframe.H1, features, 12)
    dataset = Dataset(
        exchange="generated",
        symbols=("AUSDT", "BUSDT", "CUSDT"),
        timeframe=Timeframe.H1,
        features=features,
        horizon_bars=12,
        until_ms=HISTORY_BARS * HOUR_MS,
        segments=tuple(segments),
        data_hash="generated",
    )
    border_ms = round(0.8 * HISTORY_BARS) * HOUR_MS
    train = labelled_sequences(dataset, until_ms=border_ms, second_horizon_bars=24, context_bars=WINDOW)
    valid = labelled_sequences(
        dataset, until_ms=dataset.until_ms, since_ms=border_ms, second_horizon_bars=24, context_bars=WINDOW
    )
    for sequence in valid:
        sequence.targets[np.arange(len(sequence.targets)) % JUDGED_EVERY_BARS != 0] = np.nan
    return train, valid, features.directional


def planted_candles(rng: np.random.Generator) -> np.ndarray:
    """Return (n, 6) hourly candles with clustered volatility and a drift that follows the last day's momentum."""
    noise = rng.standard_t(5, HISTORY_BARS) * np.sqrt(3 / 5)
    volatility = 0.006 * np.exp(0.4 * np.convolve(rng.normal(size=HISTORY_BARS), np.ones(72) / np.sqrt(72), "same"))
    returns = np.zeros(HISTORY_BARS)
    momentum = 0.0
    for bar in range(HISTORY_BARS):
        returns[bar] = volatility[bar] * (noise[bar] + EDGE * np.tanh(2 * momentum))
        oldest = returns[bar - 24] / volatility[bar - 24] if bar >= 24 else 0.0
        momentum += (returns[bar] / volatility[bar] - oldest) / np.sqrt(24)
    close = 100 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]])
    wick = volatility * np.abs(rng.normal(size=(2, HISTORY_BARS))) / 2
    high, low = np.maximum(opened, close) * (1 + wick[0]), np.minimum(opened, close) * (1 - wick[1])
    volume = 1000 * np.exp(rng.normal(size=HISTORY_BARS) / 2)
    return np.column_stack([np.arange(HISTORY_BARS) * HOUR_MS, opened, high, low, close, volume])


class Windows(TorchDataset[Any]):
    """One window of bars and one label per item, as in most tutorials."""

    def __init__(self, sequences: list[LabelledSequence], scaling: Scaling) -> None:
        self._inputs = [torch.from_numpy(scaling.apply(sequence.features)) for sequence in sequences]
        self._targets = [torch.from_numpy(sequence.targets[:, 0]) for sequence in sequences]
        self._items = [
            (index, int(row))
            for index, sequence in enumerate(sequences)
            for row in np.flatnonzero(np.isfinite(sequence.targets[:, 0]))
            if row >= WINDOW - 1
        ]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        index, row = self._items[item]
        return self._inputs[index][row - WINDOW + 1 : row + 1], self._targets[index][row]


class WindowNetwork(nn.Module):
    """Two LSTM layers; the last step's output goes through a linear layer."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, RIVAL_HIDDEN, RIVAL_LAYERS, batch_first=True, dropout=0.2)
        self.head = nn.Linear(RIVAL_HIDDEN, 1)

    def forward(self, windows: Tensor) -> Tensor:
        values, _ = self.lstm(windows)
        found: Tensor = self.head(values[:, -1]).squeeze(-1)
        return found


def run_rival(
    train: list[LabelledSequence],
    valid: list[LabelledSequence],
    directional: np.ndarray,
    device: devices.Device,
    seconds: float,
) -> Rival:
    """Train the usual recipe for `seconds` and return its rate and the best validation loss it reached."""
    torch.manual_seed(0)
    scaling = Scaling.fit(train, directional)
    network = WindowNetwork(len(directional)).to(device.torch)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    loader = DataLoader(Windows(train, scaling), batch_size=RIVAL_BATCH, shuffle=True)
    judge = DataLoader(Windows(valid, scaling), batch_size=512)
    spent, samples, best, at, check = 0.0, 0, float("inf"), seconds, 1
    while spent < seconds:
        began = time.perf_counter()
        for windows, targets in loader:
            loss = nn.functional.mse_loss(network(windows.to(device.torch)), targets.to(device.torch))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            samples += len(targets)
            now = spent + time.perf_counter() - began
            if now >= seconds * check / CHECKS:
                spent, check = now, check + 1
                reached = judged(network, judge, device)
                best, at = (reached, spent) if reached < best else (best, at)
                began = time.perf_counter()
            if spent >= seconds:
                break
        else:
            spent += time.perf_counter() - began
    return Rival(samples_per_s=samples / spent, best_loss=best, seconds_to_best=at)


@torch.no_grad()
def judged(network: WindowNetwork, judge: DataLoader[Any], device: devices.Device) -> float:
    """Return the mean squared error over the judging windows."""
    network.eval()
    errors = [(network(windows.to(device.torch)).cpu() - targets) ** 2 for windows, targets in judge]
    network.train()
    return float(torch.cat(errors).mean())


if __name__ == "__main__":
    main()
