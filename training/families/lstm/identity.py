"""Model identity: which columns a model reads and what it forecasts, compared before its weights are continued."""

from __future__ import annotations

from typing import Any

from strategies.errors import BadInput
from training.data.dataset import Dataset
from training.families.lstm.trainer import LstmModel


def identity_of(dataset: Dataset) -> dict[str, Any]:
    """Return the fields of `LstmModel` that say what a dataset teaches."""
    return {
        "fingerprint": dataset.features.fingerprint,
        "horizon_bars": dataset.horizon_bars,
        "timeframe": dataset.timeframe.value,
    }


def require_same_columns(source: LstmModel, dataset: Dataset) -> None:
    """Refuse to go on from weights that read other columns or forecast something else.

    Raises:
        BadInput: with both; weights from before identities were kept are compared by shape alone.
    """
    wanted = identity_of(dataset)
    names = {"fingerprint": "features", "horizon_bars": "a horizon in bars of", "timeframe": "the timeframe"}
    for field, what in names.items():
        found, needed = getattr(source, field), wanted[field]
        if found and found != needed:
            raise BadInput(f"the source model was trained on {what} {found}; {needed} is needed to go on from it")
