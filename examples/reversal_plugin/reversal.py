"""Reversal: what fell against its own deviation is expected to come back. A model family in one file.

Put it into the folder of `[plugins] folder`, or install this package; then name it in `[ensemble] families`.
"""

from __future__ import annotations

import json

import numpy as np
from pydantic import BaseModel, Field

from strategies.market import CLOSE
from strategies.predictors.plugin import FamilyPlugin


class Settings(BaseModel):
    """`[plugins.settings.reversal]`."""

    hours: int = Field(24, ge=1, le=500)  # bars looked back


class ReversalPredictor:
    """Scores minus the move of the last bars, in deviations."""

    family = "reversal"

    def __init__(self, hours: int) -> None:
        self._hours = hours

    def scores(self, slices):
        """Return for each slice (rows,) float64."""
        return [self._score(part) for part in slices]

    def _score(self, part):
        close = np.log(part.candles[:, CLOSE])
        before = np.concatenate([np.full(self._hours, np.nan), close[: -self._hours]])
        score = -(close - before) / (part.sigma * np.sqrt(self._hours))
        return np.where(part.is_warm, score[part.first :], np.nan)


def fit(dataset, known_by_ms, settings, seed):
    """Nothing is learnt: the rule's one number is the model."""
    return {"reversal.json": json.dumps({"hours": settings.hours}).encode()}


def load(files, settings):
    """Return the predictor of the files that `fit` gave."""
    return ReversalPredictor(json.loads(files["reversal.json"])["hours"])


family = FamilyPlugin(name="reversal", fit=fit, load=load, settings=Settings)
