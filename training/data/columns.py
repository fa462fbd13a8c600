"""Columns of a market's candles, computed once: features and deviations of contiguous runs, in parallel, kept.

They are found again by a digest of the candles, the features' fingerprint, the code that computes them and the
libraries' versions; what a training finds again has the bits it would have computed.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Final

import numpy as np

import strategies.features
from strategies.features import FeatureSet, block_slices, compute, volatility
from strategies.features.plugin import installed_features
from strategies.market import CandleArray, Timeframe
from training.runtime.compute import Compute, fan_out
from training.runtime.file_cache import FileCache
from training.runtime.records import versions

COLUMNS: Final = ("features", "sigma", "volatility")
WORTH_A_POOL: Final = 8  # runs to compute from which processes are started for them

Columns = Mapping[str, np.ndarray]  # features (n, F) float32; sigma, volatility (n,) float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How columns are made: where they are kept (nowhere, by default), and who computes them."""

    kept: FileCache = field(default_factory=FileCache)
    compute: Compute = field(default_factory=Compute)


def columns_of(
    runs: Sequence[CandleArray], features: FeatureSet, timeframe: Timeframe, making: Making | None = None
) -> list[Columns]:
    """Return the columns of each contiguous run of candles.

    Args:
        runs: (n, 6) float64 each.
        features: which columns.
        timeframe: of the candles.
        making: a cache and processes; none by default. They change no bit.
    """
    making = making or Making()
    found: dict[int, Columns] = {}
    keys = [columns_key(run, features, timeframe) if making.kept.root else "" for run in runs]
    for number, key in enumerate(keys):
        files = making.kept.find(key) if key else None
        if files is not None:
            found[number] = {name: np.load(io.BytesIO(files[f"{name}.npy"])) for name in COLUMNS}

    def keep(number: int, columns: Columns) -> None:
        found[number] = columns
        if keys[number]:
            making.kept.keep(keys[number], {f"{name}.npy": _npy(columns[name]) for name in COLUMNS})

    missing = [(number, runs[number]) for number in range(len(runs)) if number not in found]
    is_own = any(name in installed_features() for name in features.selected)  # workers know no plug-ins
    by = making.compute if len(missing) >= WORTH_A_POOL and not is_own else Compute()
    work = partial(_computed, features=features, timeframe=timeframe)
    fan_out(work, missing, by, lambda item, columns: keep(item[0], columns))
    return [found[number] for number in range(len(runs))]


def columns_key(candles: CandleArray, features: FeatureSet, timeframe: Timeframe) -> str:
    """Return the digest of everything that shapes the columns of a run."""
    digest = hashlib.sha256(f"{features.fingerprint} {timeframe.value} {_code()}".encode())
    digest.update(np.ascontiguousarray(candles).tobytes())
    return digest.hexdigest()[:24]


def _computed(item: tuple[int, CandleArray], *, features: FeatureSet, timeframe: Timeframe) -> Columns:
    slices = block_slices(item[1], timeframe)
    deviations = [volatility(part.candles, timeframe) for part in slices]
    return {
        "features": np.concatenate([compute(part.candles, features, timeframe)[part.first :] for part in slices]),
        "sigma": np.concatenate([fast[part.first :] for part, (fast, _) in zip(slices, deviations, strict=True)]),
        "volatility": np.concatenate([slow[part.first :] for part, (_, slow) in zip(slices, deviations, strict=True)]),
    }


@cache
def _code() -> str:
    """Return the digest of the modules that compute features, and of the libraries' versions."""
    folder = Path(strategies.features.__file__).parent
    sources = b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(sources + repr(sorted(versions().items())).encode()).hexdigest()[:16]


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
