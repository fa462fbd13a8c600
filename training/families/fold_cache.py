"""Fitted fold models and their scores on disk, so that next month's walk forward fits one new fold and not all of them.

A model is found again by a digest of everything that shaped it: the candles up to its border, the features, the
scores of others that it saw, the family's settings, seed and threads, the trainer's own source and the libraries'
versions. What is stored are the bundle files of the model (UBJSON, ONNX, JSON, safetensors) with their checksums;
anything else is fitted again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from strategies.features import HISTORY_BARS
from strategies.market import OPEN_MS
from strategies.predictors.lstm import RIVALS
from training.data.dataset import Dataset
from training.data.segment import Segment
from training.data.splits import Fold
from training.families.interface import ModelFamily
from training.runtime.records import versions

SHARED_SOURCES: Final = ("data/labels.py", "data/dataset.py", "data/thinning.py", "families/interface.py")


def border(known_by_ms: int) -> Fold:
    """Return what stands for "all that is known by a time" where a fold is asked for: nothing is tested behind it."""
    return Fold(train_until_ms=known_by_ms, start_ms=known_by_ms + 1, end_ms=known_by_ms + 2)


def fold_key(family: ModelFamily, dataset: Dataset, fold: Fold, seen: bytes | None = None) -> str:
    """Return the digest of everything that shapes a family's model of one fold. Later candles are no part of it.

    Args:
        seen: `candles_digest` of the dataset and the fold, where many families share it.
    """
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
    digest.update(candles_digest(dataset, fold) if seen is None else seen)
    return digest.hexdigest()[:24]


def scores_key(models: Sequence[str], segment: Segment, dataset: Dataset, fold: Fold) -> str:
    """Return the digest of everything that shapes the scores of a fold's closes in a segment; "": a model has no key.

    Args:
        models: keys of the models, in the order of the columns.
    """
    if not models or not all(models):
        return ""
    seen = segment.candles[:, OPEN_MS] < fold.end_ms
    told = [*models, segment.symbol, fold.start_ms, fold.end_ms, dataset.features.fingerprint, versions()]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    digest.update(segment.candles[seen].tobytes())
    return f"scores-{digest.hexdigest()[:24]}"


def candles_digest(dataset: Dataset, fold: Fold) -> bytes:
    """Return the digest of the candles, and of the scores of others, that a fold's models may see."""
    digest = hashlib.sha256()
    first_ms = 0 if fold.train_from_ms is None else fold.train_from_ms - HISTORY_BARS * dataset.timeframe.ms
    for segment in dataset.segments:
        taught = (segment.candles[:, OPEN_MS] >= first_ms) & (segment.candles[:, OPEN_MS] <= fold.train_until_ms)
        digest.update(segment.symbol.encode() + segment.candles[taught].tobytes() + segment.source[taught].tobytes())
        if segment.others is not None:
            digest.update(segment.others[taught].tobytes())
    return digest.digest()


@cache
def _source(family: str) -> str:
    """Return the digest of the trainer's own modules: a model is not found again once they have changed."""
    training = Path(__file__).parents[1]
    families = training / "families"
    room = "lstm" if family in RIVALS else family
    own = sorted([*families.glob(f"{room}.py"), *families.glob(f"{room}/*.py")])
    paths = own + [training / name for name in SHARED_SOURCES]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]
