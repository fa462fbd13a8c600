"""`train xgboost`: chronological report with feature importance, then a bundle calibrated out of fold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from training.progress import answer, configuration, say


def command(
    symbols: str = typer.Option(
        "", "--symbol", "--symbols", help="Comma separated, pooled; empty: exchange.symbols of the configuration."
    ),
    timeframe: str = typer.Option(
        "",
        "--timeframe",
        "--timeframes",
        help="Decision timeframe, such as 1h; with 1h,4h,1d coarser candles are seen too.",
    ),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
    task: str = typer.Option("return", help="What is learnt: return (the one that trades)."),
    n_estimators: int = typer.Option(0, min=0, help="Trees a seed; 0: xgboost.n_estimators."),
    max_depth: int = typer.Option(0, min=0, help="Of a tree; 0: xgboost.max_depth."),
    learning_rate: float = typer.Option(0.0, min=0.0, help="0: xgboost.learning_rate."),
    seeds: int = typer.Option(0, min=0, help="Models averaged; 0: xgboost.seeds."),
    seed: int = typer.Option(-1, help="Of everything random; -1: training.seed."),
    plot: Path = typer.Option(Path("reports/xgboost-importance.png"), help="Where the importance chart goes."),
    bundle: bool = typer.Option(True, help="Also walk forward, calibrate and pack a bundle."),
) -> None:
    """Train boosted trees; print IC on 70/15/15 of time, feature importance, and the bundle's out-of-fold worth.

    Example: sigma train xgboost --task return --symbols BTCUSDT,ETHUSDT --timeframe 1h --n-estimators 250
    """
    from strategies.errors import BadInput
    from training.commands._common import make_bundle, open_dataset
    from training.commands.train_bundle import summary
    from training.compute import threads_of
    from training.families import XGBoostFamily

    if task != "return":
        raise BadInput(f"task {task!r} is unknown; return is needed")
    config = configuration()
    asked = {"n_estimators": n_estimators, "max_depth": max_depth, "learning_rate": learning_rate, "seeds": seeds}
    settings = config.xgboost.model_copy(update={name: value for name, value in asked.items() if value})
    chosen_seed = config.training.seed if seed < 0 else seed
    family = XGBoostFamily(settings=settings, seed=chosen_seed, threads=threads_of(config.training.threads))
    dataset = open_dataset(config, symbols, timeframe, exchange, until)
    report = _chronological(dataset, family)
    _plot(report, plot)
    document: dict[str, Any] = {"task": task, **report.document, "plot": str(plot)}
    text = report.text
    if bundle:
        made = make_bundle(config, dataset, [family], chosen_seed, "train xgboost", years=4.0, months=6)
        document, text = {**document, **made}, f"{text}\n{summary(made)}"
    answer(document, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    ics: dict[str, float]
    gain: dict[str, float]
    permutation: dict[str, float]
    rows: int

    @property
    def document(self) -> dict[str, Any]:
        return {"ic": self.ics, "train_rows": self.rows, "gain": self.gain, "permutation": self.permutation}

    @property
    def text(self) -> str:
        head = "  ".join(f"{part} IC {ic:+.4f}" for part, ic in self.ics.items())
        lines = [
            f"chronological 70/15/15, {self.rows:,} training rows: {head}",
            "feature                        gain   IC lost",
        ]
        top = list(self.gain)[:15]
        return "\n".join(
            [*lines, *(f"{name:<28} {self.gain[name]:6.1%}  {self.permutation[name]:+.4f}" for name in top)]
        )


def _chronological(dataset: Any, family: Any) -> _Report:
    """Fit on the first 70 % of time and report the IC of the three parts, purged at the borders."""
    import numpy as np

    from training import xgboost
    from training.dataset import Rows
    from training.out_of_fold import information_coefficient
    from training.progress import stage
    from training.splits import EMBARGO_MS, chronological

    first, second = chronological(dataset.from_ms, dataset.until_ms)
    rounds = family.settings.seeds * family.settings.n_estimators
    with stage("boosting", rounds) as done:
        model = xgboost.fit(
            dataset,
            first - EMBARGO_MS,
            family.settings,
            seed=family.seed,
            threads=family.threads,
            progress=lambda so_far, _: done(so_far),
        )
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
    return _Report(
        ics=ics,
        gain=xgboost.gain(model, names),
        permutation=xgboost.permutation(model, parts["valid"], names, np.random.default_rng(family.seed)),
        rows=model.rows,
    )


def _plot(report: _Report, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(report.gain)[:20][::-1]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 6), sharey=True)
    left.barh(names, [report.gain[name] for name in names], color="#3b6ea8")
    left.set_title("share of the gain")
    right.barh(names, [report.permutation[name] for name in names], color="#c2703d")
    right.set_title("IC lost when shuffled (validation)")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    say(f"importance chart: {path}")
