"""A chronological look at the LSTM: learn from the first part, stop by the second, judge on the third.

This is the guide's 70/15/15. It tells how many epochs are worth training; it is no walk forward. Labels are settled an
embargo before the border that follows them, and the standardisation knows training rows only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from storage.config.models import LstmSettings
from strategies.errors import BadInput
from strategies.oversight.skill import information_coefficient
from strategies.predictors.lstm import LstmPredictor
from training.data.dataset import Dataset
from training.data.market_scores import prepare
from training.data.splits import EMBARGO_MS, chronological
from training.families.lstm.chunks import LabelledSequence
from training.families.lstm.export import onnx_bytes
from training.families.lstm.identity import identity_of, require_same_columns
from training.families.lstm.sequences import labelled_sequences
from training.families.lstm.step import Acceleration
from training.families.lstm.trainer import Fit, Lesson, LstmModel, Observer, fit
from training.runtime.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSplit:
    """Training and validation sequences and the times that part them."""

    train: Sequence[LabelledSequence]
    valid: Sequence[LabelledSequence]
    valid_from_ms: int
    test_from_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Scores of closes that neither taught nor stopped the model, as the live predictor gives them."""

    ic: float
    accuracy: float
    rows: int


def parts_of(dataset: Dataset, settings: LstmSettings, since_ms: int | None = None) -> SampleSplit:
    """Split a dataset in time order.

    Args:
        since_ms: leave out what opened before.

    Raises:
        BadInput: a part has no label.
    """
    from_ms = dataset.from_ms if since_ms is None else since_ms
    valid_from_ms, test_from_ms = chronological(from_ms, dataset.until_ms)

    def part(start_ms: int, end_ms: int) -> list[LabelledSequence]:
        return labelled_sequences(
            dataset,
            since_ms=start_ms,
            until_ms=end_ms - EMBARGO_MS,
            second_horizon_bars=settings.second_horizon_bars,
            context_bars=settings.seq_length,
        )

    train, valid = part(from_ms, valid_from_ms), part(valid_from_ms, test_from_ms)
    if not train or not valid:
        days = (dataset.until_ms - from_ms) / 86_400_000
        raise BadInput(f"{days:.0f} days of candles leave a part without a label; more history is needed")
    return SampleSplit(train=train, valid=valid, valid_from_ms=valid_from_ms, test_from_ms=test_from_ms)


def fit_parts(
    parts: SampleSplit,
    dataset: Dataset,
    settings: LstmSettings,
    *,
    device: Device,
    seed: int,
    source: LstmModel | None,
    acceleration: Acceleration,
    on_epoch: Observer,
) -> Fit:
    """Train on the first part, early stopping on the second.

    Raises:
        BadInput: the source reads other columns or forecasts something else.
    """
    if source is not None:
        require_same_columns(source, dataset)
    fitted = fit(
        Lesson(
            train=parts.train,
            directional=dataset.features.directional,
            valid=parts.valid,
            trained_until_ms=parts.test_from_ms,
            several=len(dataset.all_horizons) > 1,
        ),
        settings,
        device=device,
        seed=seed,
        source=source,
        acceleration=acceleration,
        on_epoch=on_epoch,
    )
    return replace(fitted, model=replace(fitted.model, **identity_of(dataset)))


def judge(model: LstmModel, dataset: Dataset, from_ms: int) -> Judged:
    """Score every close from `from_ms` on through the live predictor and compare with what came."""
    predictor = LstmPredictor(onnx_bytes(model))
    scores, targets = [], []
    for segment in dataset.segments:
        slices = prepare(segment, dataset, from_ms, dataset.until_ms + dataset.timeframe.ms)
        if not slices:
            continue
        row = int(np.searchsorted(segment.open_ms, int(slices[0].candles[slices[0].first, 0])))
        found = np.concatenate(predictor.scores(slices))
        scores.append(found)
        targets.append(segment.target[row : row + len(found)])
    score, target = np.concatenate([[], *scores]), np.concatenate([[], *targets])
    known = np.isfinite(score) & np.isfinite(target)
    return Judged(
        ic=information_coefficient(score, target),
        accuracy=float(((score > 0) == (target > 0))[known].mean()) if known.any() else float("nan"),
        rows=int(known.sum()),
    )
