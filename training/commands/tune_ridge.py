"""`tune ridge`; see `_tune.py`."""

from __future__ import annotations

from training.commands._tune import tuning

command = tuning("ridge", "Search the linear model's settings by out-of-fold IC: penalty and interactions.")
