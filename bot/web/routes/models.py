"""Questions about what decides: bundles, the training, live skill."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from bot.trading.control import Control
from bot.views.live_skill import drift_of
from bot.web.app_keys import CONTROL, READING
from bot.web.model_responses import BundleSummary, Drift, Models
from bot.web.operations import Operations
from bot.web.responses import TrainingState
from storage.models.registry import Registry
from strategies.bundle.manifest import Manifest
from strategies.errors import BundleRefused

operations: Final = Operations("models")
ENDED_TRIALS: Final = 10


@operations.get("/api/models")
async def models(request: web.Request) -> Models:
    """Return the bundles with what their walk-forward was worth, the pointer's moves, and who is watched beside it."""
    control = request.app[CONTROL]
    deciding = None if control.snapshot is None else control.snapshot.bundle_id
    return await request.app[READING].ask(_models, control, deciding)


@operations.get("/api/training")
async def training(request: web.Request) -> TrainingState:
    """Say what the embedded trainer is doing, and what came of its last run."""
    return TrainingState(**request.app[CONTROL].training.progress())


@operations.get("/api/drift")
async def drift(request: web.Request) -> Drift:
    """Compare the live skill of the deciding bundle's votes with what its walk-forward promised."""
    return await request.app[READING].ask(drift_of, request.app[CONTROL])


def _models(control: Control, deciding: str | None) -> Models:
    registry, exchange = control.registry, control.exchange_info.exchange
    production = registry.production(exchange)
    summaries = [
        _summary(bundle, manifest, registry.record(bundle), production, deciding)
        for bundle in registry.ids()
        if (manifest := _manifest(registry, bundle)) is not None
    ]
    summaries.sort(key=lambda part: part.trained_until_ms, reverse=True)
    return Models(
        deciding=deciding,
        production=production,
        champion=control.champion,
        bundles=summaries,
        history=registry.history(exchange)[::-1],
        trials=[] if control.trials is None else control.trials.newest(ENDED_TRIALS),
    )


def _manifest(registry: Registry, bundle: str) -> Manifest | None:
    """Return what a bundle says about itself; None when it is damaged: `sigma models show` says how."""
    try:
        return registry.manifest(bundle)
    except BundleRefused:
        return None


def _summary(
    bundle: str, manifest: Manifest, record: dict[str, Any], production: str | None, deciding: str | None
) -> BundleSummary:
    found = manifest.out_of_fold
    return BundleSummary(
        bundle=bundle,
        is_production=bundle == production,
        is_deciding=bundle == deciding,
        test_mode=bool(record.get("test_mode")),
        exchange=manifest.exchange,
        symbols=list(manifest.symbols),
        timeframe=manifest.timeframe,
        horizon_bars=manifest.horizon_bars,
        families=list(manifest.families),
        weights=manifest.weights,
        recipe=manifest.recipe,
        trained_from_ms=manifest.trained_from_ms,
        trained_until_ms=manifest.trained_until_ms,
        first_out_of_sample_ms=manifest.first_out_of_sample_ms,
        ic=None if found is None else found.ic,
        auc=None if found is None else found.auc,
        accuracy=None if found is None else found.accuracy,
        family_ic={} if found is None else found.family_ic,
        out_of_fold_rows=None if found is None else found.rows,
        record=record,
    )
