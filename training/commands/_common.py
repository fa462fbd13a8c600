"""What training commands share: candles chosen from options and configuration, one line a fold, the stored bundle."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from storage.candles.store import CandleStore
from storage.config.tree import Config
from storage.lazy import lazily
from storage.models.registry import Registry
from strategies.bundle.files import RECORD
from strategies.errors import BadInput
from strategies.features import feature_set, higher_groups
from strategies.market import HOUR_MS, Timeframe, typed_symbol
from training.commands._options import Candles
from training.commands._traded import Asked, universe_between, usable_symbols
from training.data.choices import Gaps, Reading, Teaching
from training.data.columns import Making
from training.data.dataset import Dataset, build
from training.data.labels import Labelling
from training.ensemble.bundle import TrainedBundle, train
from training.ensemble.explained import explained
from training.ensemble.family_figures import family_figures
from training.ensemble.fits import Means
from training.ensemble.out_of_fold import FoldReport
from training.ensemble.plan import Plan, recipe_id
from training.ensemble.stacking import Weighting
from training.evidence.daily_skill import walked_skill
from training.families.interface import ModelFamily
from training.runtime import records
from training.runtime.compute import Compute, threads_of
from training.runtime.file_cache import FileCache
from training.runtime.learning_curves import curve
from training.runtime.progress import say, stage
from training.runtime.sound_data import sound_symbols

with lazily():
    from training.runtime.device import card_name


def open_dataset(config: Config, asked: Candles, *, gaps: Gaps = "split", scored: str = "") -> Dataset:
    """Return the dataset that options and configuration name.

    Args:
        asked: whose symbols teach; without any those of `[training] teach` do.
        scored: symbols, comma separated, that need not teach, and are only scored where they do not.

    Raises:
        BadInput: a name cannot be read, or a market has no candles.
        DataGap: `gaps` is "refuse" and there is one.
    """
    chosen = asked.exchange or config.exchange.name
    frame, groups = views_of(config, asked.timeframe)
    store = CandleStore(config.data.directory)
    named = _names(asked.symbols or "")
    teachers = named or teachers_of(config, store, chosen, frame, asked.until_ms)
    names = tuple(dict.fromkeys((*_names(scored), *teachers)))
    features = feature_set(config.features.extra, groups, frame)
    names = usable_symbols(store, chosen, names, frame, config.exchange.market, asked.until_ms)
    names = sound_symbols(config, store, chosen, names, frame, config.exchange.market)
    teachers = tuple(name for name in teachers if name in names)
    dataset = build(
        store,
        chosen,
        names,
        frame,
        features,
        asked.until_ms,
        reading=Reading(
            kind=config.exchange.market,
            gaps=gaps,
            strict=named or config.exchange.symbols,
            making=Making(
                kept=FileCache(root=config.paths.runs / "columns"), compute=compute_of(config, config.training.workers)
            ),
        ),
        teaching=Teaching(
            horizon_bars=config.decision.horizon_bars,
            horizons=config.decision.horizons,
            labelling=labelling_of(config),
            taught_by=None if set(names) == set(teachers) else teachers,
            thinning=config.training.thinning,
        ),
    )
    _say_data(dataset, len(teachers))
    return dataset


def _say_data(dataset: Dataset, teachers: int) -> None:
    names = dataset.symbols
    bars = sum(len(segment.candles) for segment in dataset.segments)
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    say(
        f"data: {dataset.exchange} {shown} {dataset.timeframe.value}, "
        f"taught by {teachers}, {bars:,} bars in {len(dataset.segments)} segments, "
        f"{day_of(dataset.from_ms)} to {day_of(dataset.until_ms)}, {len(dataset.features.names)} features"
    )


def compute_of(config: Config, workers: int) -> Compute:
    """Return where units are carried out, as configured; so many at once, 0: all processors."""
    return Compute(backend=config.training.backend, address=config.training.address, workers=workers)


def seed_of(config: Config, seed: int | None) -> int:
    """Return the seed that was asked for, or the configured one."""
    return config.training.seed if seed is None else seed


def means_of(config: Config, workers: int | None, *, cache: bool = True) -> Means:
    """Return who fits and where models are kept, of options and configuration."""
    compute = compute_of(config, config.training.workers if workers is None else workers)
    return Means(cache=FileCache(root=config.paths.runs / "folds" if cache else None), compute=compute)


def teachers_of(
    config: Config, store: CandleStore, exchange: str, timeframe: Timeframe, until_ms: int | None = None
) -> tuple[str, ...]:
    """Return the markets that teach: those of `[training] teach`, the account's first.

    "universe" are those that ever were members by the rules of `[universe]`, as known then, up to `until_ms`.

    Raises:
        BadInput: nothing is stored, or no stored market ever passed the rules.
    """
    asked = config.training.teach
    if asked == ("universe",):
        rules = Asked(exchange=exchange, universe="top")
        members = universe_between(store, config, rules, None, until_ms)
        assert members is not None  # rules were asked for
        return members.ever
    if asked != ("stored",):
        return tuple(name.upper() for name in asked)
    stored = [each for each in store.markets(exchange) if each.timeframe is timeframe]
    found = [each.symbol for each in stored if each.kind == config.exchange.market]
    own = [symbol for symbol in config.exchange.symbols if symbol in found]
    return tuple(dict.fromkeys((*own, *found))) or config.exchange.symbols


def _names(text: str) -> tuple[str, ...]:
    return tuple(typed_symbol(part) for part in text.split(",") if part.strip())


def labelling_of(config: Config) -> Labelling:
    """Return how the configuration wants closes labelled; what a trade costs is what trading costs."""
    round_trip_bps = 2 * (config.execution.fee_bps + config.execution.slippage_bps)
    return Labelling(
        target=config.training.target, barrier=config.training.barrier_sigmas, cost=round_trip_bps / 10_000
    )


def make_bundle(
    config: Config, dataset: Dataset, plan: Plan, kind: str, *, means: Means | None = None, test_mode: bool = False
) -> dict[str, Any]:
    """Train a bundle, store it, record the run, and return the command's document.

    Raises:
        BadInput: the history is too short.
    """
    started = time.perf_counter()
    with stage("fits", 100, plainly=False) as done:
        means = replace(means or Means(), on_fit=lambda fitted: done(round(100 * fitted.number / fitted.total)))
        trained = train(dataset, plan, _said, means=means)
    duration_s = time.perf_counter() - started
    bundle = store(config, trained, duration_s, test_mode=test_mode)
    document = document_of(trained, duration_s)
    record = records.RunRecord(
        kind=kind,
        config={family.name: family.describe() for family in plan.families} | {"recipe": recipe_id(dataset, plan)},
        data_hash=dataset.data_hash,
        seed=plan.seed,
        device=trained_on(config, plan.families),
        duration_s=duration_s,
        until_ms=dataset.until_ms,
        result=document,
    )
    path = records.write(record, config.paths.runs)
    say(f"bundle {bundle}: {trained.verdict.reason}")
    if test_mode:
        say(f"bundle {bundle} was made in test mode: its figures mean nothing, and it is promoted with --force only")
    return {"bundle": bundle, "test_mode": test_mode, **document, "record": str(path)}


def trained_on(config: Config, families: Sequence[ModelFamily]) -> str:
    """Return where the families were trained; torch is asked only if one of them may take a card."""
    place = f"cpu, {threads_of(config.training.threads)} threads"
    asked = [family.name for family in families if getattr(family, "device", "cpu") != "cpu"]
    if not asked:
        return place
    card = card_name()
    return place if card is None else f"{place}; {', '.join(asked)} on cuda ({card})"


def plan_of(config: Config, families: Sequence[ModelFamily], seed: int, *, years: float = 4.0, months: int = 6) -> Plan:
    """Return how the configuration wants a bundle made."""
    return Plan(
        families=families,
        trading=config.trading,
        validation=config.validation,
        weighting=Weighting(method=config.ensemble.weights, share_rate=config.ensemble.share_rate),
        ppo_floor=config.ensemble.ppo_floor,
        ppo_cap=config.ensemble.ppo_cap,
        window_d=config.ensemble.deviation_window_d,
        refit_months=months,
        years=years,
        embargo_ms=round(config.training.embargo_h * HOUR_MS),
        seed=seed,
    )


def views_of(config: Config, timeframes: str | None) -> tuple[Timeframe, tuple[str, ...]]:
    """Return the decision timeframe, the finest of the comma separated ones, and the feature groups of all of them.

    Raises:
        BadInput: a timeframe is unknown, or one does not divide another.
    """
    asked = (timeframes or "").split(",")
    frames = sorted({timeframe_of(part.strip()) for part in asked if part.strip()}, key=lambda f: f.ms)
    if not frames:
        return config.decision.timeframe, config.features.groups
    return frames[0], tuple(dict.fromkeys((*config.features.groups, *higher_groups(frames[1:]))))


def timeframe_of(text: str) -> Timeframe:
    """Return the timeframe of a word.

    Raises:
        BadInput: there is none of that name.
    """
    try:
        return Timeframe(text)
    except ValueError as error:
        raise BadInput(f"timeframe {text!r} is unknown; one of {', '.join(Timeframe)} is needed") from error


def day_of(ms: int) -> str:
    """Return the UTC day of a time."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def _said(report: FoldReport) -> None:
    period = f"{day_of(report.start_ms)} to {day_of(report.end_ms)}"
    say(f"fold {report.number} of {report.folds} {period}: {report.family} IC {report.ic:+.3f}")
    curve("walk forward", report.number, report.folds, {f"{report.family} IC": report.ic})


def store(config: Config, trained: TrainedBundle, duration_s: float, *, test_mode: bool = False) -> str:
    """Add a trained bundle to the registry, with the record of its making, and return its id."""
    record = {
        "created_ms": int(datetime.now(UTC).timestamp() * 1000),
        "duration_s": round(duration_s, 3),
        "test_mode": test_mode,
        "git_commit": records.git_commit(),
        "machine": records.processor(),
        "verdict": asdict(trained.verdict),
        "expected": trained.expected.document(),
        "skill": walked_skill(trained.scales.convictions).last_year.document(),
    }
    manifest = trained.bundle.manifest
    ensemble = family_figures(trained.scales, manifest.horizon_bars)[-1]
    record["worth"] = {
        name: value if math.isfinite(value) else None for name, value in (("ic", ensemble.ic), ("auc", ensemble.auc))
    }
    record["explained"] = explained(trained.scales, manifest.horizon_bars, trained.files, manifest.feature_names)
    content = json.dumps(record, indent=1).encode()
    return Registry.of(config).add_files({**trained.files, RECORD: content})


def document_of(trained: TrainedBundle, duration_s: float) -> dict[str, Any]:
    """Return what a training command prints about its bundle."""
    manifest = trained.bundle.manifest
    return {
        "verdict": asdict(trained.verdict),
        "recipe": manifest.recipe,
        "families": list(manifest.families),
        "out_of_fold": manifest.out_of_fold.model_dump() if manifest.out_of_fold else {},
        "weights": manifest.weights,
        "ppo_weight": manifest.ppo_weight,
        "weight_notes": list(trained.scales.weight_notes),
        "seats": [asdict(seat) for seat in trained.scales.seats],
        "hold_bars": manifest.calibration.hold_bars,
        "family_figures": [asdict(part) for part in family_figures(trained.scales, manifest.horizon_bars)],
        "deviations": manifest.deviations,
        "slope": manifest.calibration.slope,
        "probability_slope": manifest.calibration.probability_slope,
        "wins": {side: wins.model_dump() for side, wins in manifest.wins.items()},
        "trained_until_ms": manifest.trained_until_ms,
        "first_out_of_sample_ms": manifest.first_out_of_sample_ms,
        "duration_s": round(duration_s, 1),
    }
