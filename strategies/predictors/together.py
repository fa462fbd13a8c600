"""The predictors of a bundle over the same slices, side by side; who reads the scores of others comes last.

The scores that PPO sees are those of the bundle's own predictors on every bar that it rolls through: so its vote, too,
is a function of the slice. Others are asked once, for the rows that PPO has to see and for their own votes together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from strategies.predictors.base import Predictor, PreparedSlice

if TYPE_CHECKING:
    from strategies.predictors.ppo import Roll


@runtime_checkable
class ScoreReader(Protocol):
    """A predictor that sees the scores of the families `reads`, from some row before those asked for."""

    @property
    def family(self) -> str: ...

    @property
    def reads(self) -> tuple[str, ...]: ...

    def rolls(self, slices: Sequence[PreparedSlice]) -> list[Roll]: ...

    def votes(self, rolls: Sequence[Roll], seen: Sequence[np.ndarray]) -> list[np.ndarray]: ...


def score_all(predictors: Sequence[Predictor], slices: Sequence[PreparedSlice]) -> list[list[np.ndarray]]:
    """Return for each predictor, in order, the (rows,) float64 scores of every slice; one call per predictor."""
    if not slices:
        return [[] for _ in predictors]
    reader = _reader(predictors)
    if reader is None:
        return [predictor.scores(slices) for predictor in predictors]
    rolls = reader.rolls(slices)
    wide = [replace(part, first=min(roll.first, part.first)) for roll, part in zip(rolls, slices, strict=True)]
    scores = {each.family: each.scores(wide) for each in predictors if each.family != reader.family}
    seen = [np.stack([scores[family][index] for family in reader.reads], axis=1) for index in range(len(slices))]
    asked = {
        family: [row[len(row) - part.rows :] for row, part in zip(rows, slices, strict=True)]
        for family, rows in scores.items()
    }
    return [asked[each.family] if each.family != reader.family else reader.votes(rolls, seen) for each in predictors]


def reads_of(predictors: Sequence[Predictor]) -> tuple[str, ...]:
    """Return the families whose scores one of the predictors sees; () where none does."""
    reader = _reader(predictors)
    return () if reader is None else reader.reads


def _reader(predictors: Sequence[Predictor]) -> ScoreReader | None:
    readers = [each for each in predictors if isinstance(each, ScoreReader) and each.reads]
    return readers[0] if readers else None
