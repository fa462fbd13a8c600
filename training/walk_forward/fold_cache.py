"""Under which key a fitted fold model is kept, so that next month's walk forward fits one new fold and not all of them.

A model is found again by a digest of everything that shaped it: the candles up to its border, the features, the
scores of others that it saw, the family's settings, seed and threads, the trainer's own source and the libraries'
versions. What is kept are the bundle files of the model; see `training/runtime/file_cache.py`.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Final

from strategies.features import HISTORY_BARS
from strategies.market import OPEN_MS
from strategies.predictors.lstm import RIVALS
from training.data.dataset import Dataset
from training.data.splits import Fold
from training.families.interface import ModelFamily
from training.runtime.records import versions

SHARED_SOURCES: Final = ("data/labels.py", "data/dataset.py", "data/thinning.py", "families/interface.py")


def fold_key(family: ModelFamily, dataset: Dataset, fold: Fold) -> str:
    """Return the digest of everything that shapes a family's model of one fold. Later candles are no part of it."""
    recipe = {
        "family": family.name,
        "settings": family.describe(),
        "seed": getattr(family, "seed", 0),
        "threads": getattr(family, "threads", 1),
        "device": getattr(family, "device", "cpu"),
        "features": dataset.features.fingerprint,
        "horizons": dataset.all_horizons,
        "thinning": dataset.thinning,
        "timeframe": dataset.timeframe.value,
        "train_from_ms": fold.train_from_ms,
        "train_until_ms": fold.train_until_ms,
        "others": dataset.others,
        "labelling": dataset.labelling.key,
        "source": _source(family.name),
        "versions": versions(),
    }
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True, default=str).encode())
    first_ms = 0 if fold.train_from_ms is None else fold.train_from_ms - HISTORY_BARS * dataset.timeframe.ms
    for segment in dataset.segments:
        taught = (segment.candles[:, OPEN_MS] >= first_ms) & (segment.candles[:, OPEN_MS] <= fold.train_until_ms)
        digest.update(segment.symbol.encode() + segment.candles[taught].tobytes() + segment.source[taught].tobytes())
        if segment.others is not None:
            digest.update(segment.others[taught].tobytes())
    return digest.hexdigest()[:24]


@cache
def _source(family: str) -> str:
    """Return the digest of the trainer's own modules: a model is not found again once they have changed."""
    training = Path(__file__).parents[1]
    families = training / "families"
    room = "lstm" if family in RIVALS else family
    own = sorted([*families.glob(f"{room}.py"), *families.glob(f"{room}/*.py")])
    paths = own + [training / name for name in SHARED_SOURCES]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]
