"""`tune xgboost`; see `_tune.py`."""

from __future__ import annotations

from training.commands._tune import tuning

command = tuning(
    "xgboost", "Search XGBoost's settings by out-of-fold IC: trees, depth, learning rate, sampling, regularisation."
)
