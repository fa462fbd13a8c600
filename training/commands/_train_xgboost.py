"""What `train xgboost` does for the task that trades: fit, explain, judge in time order, pack a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from storage.config.tree import Config
from storage.terminal.output import emit
from strategies.errors import BadInput
from strategies.oversight.skill import information_coefficient
from training.commands._common import make_bundle
from training.commands.train_bundle import summary
from training.data.dataset import Dataset, Rows
from training.data.splits import EMBARGO_MS, chronological
from training.ensemble.families import XGBoostFamily
from training.families.xgboost import trainer as xgboost
from training.families.xgboost.importance import Importance
from training.families.xgboost.transfer import xgboost_source
from training.runtime.compute import threads_of
from training.runtime.progress import say, stage


def judging(dataset: Dataset, held_out: str) -> str:
    """Return the market that only judges a classifier, "" where there is one market alone."""
    last = dataset.symbols[-1] if len(dataset.symbols) > 1 else ""
    chosen = held_out or last
    if chosen and (chosen not in dataset.symbols or len(dataset.symbols) < 2):
        raise BadInput(f"--held-out {chosen} must be one of several symbols; they are {', '.join(dataset.symbols)}")
    return chosen


def train_return(
    config: Config,
    dataset: Dataset,
    changes: dict[str, Any],
    seed: int,
    source_model: str,
    chart: Path | None,
    since_ms: int | None,
    bundle: bool,
) -> None:

    source = xgboost_source(source_model, config.paths.models) if source_model else None
    if source is not None:
        source.require_same_forecast(dataset.horizon_bars, dataset.timeframe.value)
    family = XGBoostFamily(
        settings=config.xgboost.model_copy(update=changes),
        seed=seed,
        threads=threads_of(config.training.threads),
        source=source,
    )
    report = _chronological(dataset, family, since_ms)
    name = f"importance-return-{'-'.join(dataset.symbols)}-{dataset.timeframe.value}"
    chart = chart or report.importance.path_under(config.paths.runs, name)
    report.importance.draw(chart)
    say(f"importance chart: {chart}")
    document: dict[str, Any] = {"task": "return", **report.document, "plot": str(chart)}
    text = report.text
    if bundle:
        made = make_bundle(config, dataset, [family], seed, "train xgboost", years=4.0, months=6)
        document, text = {**document, **made}, f"{text}\n{summary(made)}"
    emit(document, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    ics: dict[str, float]
    importance: Importance
    rows: int

    @property
    def document(self) -> dict[str, Any]:
        found = self.importance
        return {"ic": self.ics, "train_rows": self.rows, "gain": found.gain, "permutation": found.lost}

    @property
    def text(self) -> str:
        head = "  ".join(f"{part} IC {ic:+.4f}" for part, ic in self.ics.items())
        return f"chronological 70/15/15, {self.rows:,} training rows: {head}\n{self.importance.table()}"


def _chronological(dataset: Dataset, family: XGBoostFamily, since_ms: int | None) -> _Report:
    """Fit on the first 70 % of time and report the IC of the three parts, purged at the borders."""

    first, second = chronological(since_ms or dataset.from_ms, dataset.until_ms)
    rounds = family.settings.seeds * family.settings.n_estimators
    with stage("boosting", rounds) as done:
        model = xgboost.fit(
            dataset,
            first - EMBARGO_MS,
            family.settings,
            seed=family.seed,
            threads=family.threads,
            source=family.source,
            progress=lambda so_far, _: done(so_far),
        )
    if family.source is not None and family.source.trained_until_ms > first - EMBARGO_MS:
        say("the source model has seen bars after the training part: this look starts from scratch")
    parts: dict[str, Rows] = {
        "train": dataset.known_by(first - EMBARGO_MS, every_bars=3),
        "valid": dataset.known_by(second, since_ms=first),
        "test": dataset.known_by(dataset.until_ms, since_ms=second),
    }
    predictor = model.predictor
    ics = {
        name: information_coefficient(predictor.score_rows(rows.features), rows.target) for name, rows in parts.items()
    }
    for name, ic in ics.items():
        say(f"{name}: IC {ic:+.4f} over {len(parts[name]):,} rows")
    names = dataset.features.names
    lost = xgboost.permutation(model, parts["valid"], names, np.random.default_rng(family.seed))
    importance = Importance(gain=xgboost.gain(model, names), lost=lost, measure="IC")
    return _Report(ics=ics, importance=importance, rows=model.rows)
