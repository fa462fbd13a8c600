"""Questions about what decides: bundles, the training, live skill."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bot.trading.control import Control
from bot.values.training import LearningCurves, TrainingProgress
from bot.views.bundles import Models, models_of
from bot.views.live_skill import Drift, drift_of
from bot.web.app_keys import CONTROL, READING
from bot.web.operations import Operations

operations: Final = Operations("models")
ENDED_TRIALS: Final = 10


@operations.get("/api/models")
async def models(request: web.Request) -> Models:
    """Return the bundles with what their walk-forward was worth, the pointer's moves, and who is watched beside it."""
    control = request.app[CONTROL]
    active = None if control.snapshot is None else control.snapshot.bundle_id
    return await request.app[READING].ask(_models, control, active)


@operations.get("/api/training")
async def training(request: web.Request) -> TrainingProgress:
    """Say what the embedded trainer is doing, and what came of its last run."""
    return request.app[CONTROL].training.progress()


@operations.get("/api/training/curves")
async def training_curves(request: web.Request) -> LearningCurves:
    """Return how the models of the training that goes on, or of the last one, learnt."""
    return request.app[CONTROL].training.curves()


@operations.get("/api/drift")
async def drift(request: web.Request) -> Drift:
    """Compare the live skill of the active bundle's votes with what its walk-forward promised."""
    return await request.app[READING].ask(drift_of, request.app[CONTROL])


def _models(control: Control, active: str | None) -> Models:
    return models_of(
        control.registry,
        control.exchange_info.exchange,
        active=active,
        shadow_tests=[] if control.shadow_tests is None else control.shadow_tests.newest(ENDED_TRIALS),
        why=control.why_active(),
    )
