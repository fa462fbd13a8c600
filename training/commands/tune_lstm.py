"""`tune lstm`; see `_tune.py`."""

from __future__ import annotations

from training.commands._tune import tuning

command = tuning(
    "lstm", "Search the LSTM's settings by out-of-fold IC: hidden size, layers, dropout, learning rate, context."
)
