"""Child limits: what a training child of an account may use, and which production pointer it trains for."""

from __future__ import annotations

from bot.retraining.child_process import Limits
from storage.config.tree import Config


def pointer_name(config: Config) -> str:
    """Return what an account's production pointer is called; the shared one is `production`."""
    return config.account.bundle or "production"


def limits_of(config: Config) -> Limits:
    """Return what a child may use."""
    training = config.training
    here = training.backend == "loky"  # a cluster's processors are not this machine's, which trades
    return Limits(
        nice=training.nice,
        background=training.background,
        memory_gb=training.memory_gb,
        threads=training.threads or 1,
        workers=(training.threads or 1) if here else training.workers,
        deadline_s=training.deadline_min * 60,
        account=config.account.name if config.accounts else "",
    )
