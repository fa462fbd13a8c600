"""`tune ppo`; see `_tune.py`."""

from __future__ import annotations

from training.commands._tune import tuning

command = tuning(
    "ppo", "Search PPO's settings by the out-of-fold IC of its vote: learning rate, horizon, clipping, entropy, size."
)
