"""`train bundle`: all that is needed to decide, calibrated out of fold, refitted on everything, ready to promote."""

from __future__ import annotations

from typing import Any

import typer

from storage.terminal.output import emit
from training.runtime.progress import configuration


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
    families: str = typer.Option("", help="Voters, such as xgboost,ridge; empty: ensemble.families."),
    seed: int = typer.Option(-1, help="Of everything random; -1: training.seed."),
    years: float = typer.Option(4.0, min=0.2, help="At most so many recent years are scored out of fold."),
    refit_months: int = typer.Option(6, min=1, max=24, help="Months between refits of the walk forward."),
    workers: int = typer.Option(-1, min=-1, help="Models fitted at once; 0: all cores; -1: training.workers."),
    cache: bool = typer.Option(True, help="Keep fold models, so that a month later only new ones are fitted."),
    test_mode: bool = typer.Option(False, help="A few thousand bars, tiny models: to try the command."),
) -> None:
    """Train, calibrate and pack a bundle; print what it was worth out of fold.

    Example: sigma train bundle --symbols BTCUSDT,ETHUSDT,SOLUSDT --timeframe 1h --until 2024-07-01
    """
    from training.commands._common import make_bundle, means_of, open_dataset
    from training.ensemble.voters import voters
    from training.tuning.test_mode import newest, small

    config = small(configuration()) if test_mode else configuration()
    chosen_seed = config.training.seed if seed < 0 else seed
    chosen = voters(config, families, chosen_seed)
    dataset = open_dataset(config, symbols, timeframe, exchange, until)
    dataset = newest(dataset) if test_mode else dataset
    document = make_bundle(
        config,
        dataset,
        chosen,
        chosen_seed,
        "train bundle",
        means=means_of(config, workers, cache=cache),
        years=years,
        months=refit_months,
        test_mode=test_mode,
    )
    emit(document, summary(document))


def summary(document: dict[str, Any]) -> str:
    """Return the lines for people."""
    from training.commands._common import day_of

    fold = document["out_of_fold"]
    lines = [
        f"bundle {document['bundle']} ({', '.join(document['families'])}), recipe {document['recipe']}, "
        f"{document['duration_s']:.0f} s",
        f"out of fold {day_of(fold['from_ms'])} to {day_of(fold['until_ms'])}, {fold['rows']:,} rows, accuracy "
        f"{fold['accuracy']:.4f}; P(up) fitted on the older half, judged on the newer",
        f"  {'':<8} {'IC':>7} {'slope':>7} {'AUC':>6} {'error of P(up)':>15} {'log-loss gain':>14}  weight",
        *(_figures(document, part) for part in document["family_figures"]),
        *(f"  {note}" for note in document["weight_notes"]),
        *(
            f"  {side:<8} {wins['trades']} trades, {wins['win_rate']:.1%} won, average win {wins['average_win']:+.2%}, "
            f"loss {wins['average_loss']:+.2%}, held {wins['average_hold_h']:.0f} h"
            for side, wins in document["wins"].items()
        ),
        document["verdict"]["reason"],
        f"trained until {day_of(document['trained_until_ms'])}; first honest test bar "
        f"{day_of(document['first_honest_ms'])}",
    ]
    return "\n".join(lines)


def _figures(document: dict[str, Any], part: dict[str, Any]) -> str:
    """Return the line of a family, or of the ensemble."""
    name, gain = part["name"], 1_000 * part["log_loss_gain"]
    return (
        f"  {name:<8} {part['ic']:>+7.4f} {part['slope']:>7.3f} {part['auc']:>6.4f} {part['calibration_error']:>15.2%} "
        f"{gain:>+9.3f} mnat  {_weight(document, name)}"
    )


def _weight(document: dict[str, Any], family: str) -> str:
    """Return what a family weighs: in the mean of votes, or (PPO) after smoothing."""
    from storage.models.worth import shares_of

    votes = shares_of(document["weights"], document["ppo_weight"])
    return votes.get(family, f"slope after shrinking {document['slope']:.4f}")
