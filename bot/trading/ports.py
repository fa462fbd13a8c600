"""Ports of `Control` to the feed and the trainer: what they say about themselves, and what they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.feed.listing import Listing
from bot.values.training import LearningCurves, TrainingProgress


class FeedHealth(Protocol):
    """What the feed says about itself."""

    ready: dict[str, bool]
    last_frame_ms: int

    async def describe(self, symbols: Sequence[str]) -> dict[str, Listing]: ...

    @property
    def conditions(self) -> dict[str, str]:
        """What is wrong beyond single markets, by name, in words."""


class Training(Protocol):
    """What the embedded trainer says about itself and takes."""

    def progress(self) -> TrainingProgress: ...

    def curves(self) -> LearningCurves: ...

    async def start(self, why: str) -> None: ...

    async def cancel(self, by: str) -> None: ...
