"""`train bundle`: all that is needed to decide, calibrated out of fold, refitted on everything, ready to promote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storage.lazy import lazily
from storage.terminal.options import takes
from storage.terminal.output import emit
from storage.terminal.times import day_of
from training.commands._options import Cache, Candles, Families, RefitMonths, Seed, TestMode, Workers, Years
from training.runtime.progress import configuration

with lazily():
    from storage.models.worth import shares_of
    from training.commands._common import make_bundle, means_of, open_dataset, plan_of, seed_of
    from training.ensemble.voters import voters
    from training.tuning.test_mode import newest, small


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Candles):
    """Who votes, what scores them out of fold, and what is kept on the way."""

    families: Families = None
    seed: Seed = None
    years: Years = 4.0
    refit_months: RefitMonths = 6
    workers: Workers = None
    cache: Cache = True
    test_mode: TestMode = False


@takes(Options)
def command(options: Options) -> None:
    """Train, calibrate and pack a bundle; print what it was worth out of fold.

    Example: sigma train bundle --symbols BTCUSDT,ETHUSDT,SOLUSDT --timeframe 1h --until 2024-07-01
    """
    config = small(configuration()) if options.test_mode else configuration()
    seed = seed_of(config, options.seed)
    families = voters(config, options.families, seed)
    plan = plan_of(config, families, seed, years=options.years, months=options.refit_months)
    dataset = open_dataset(config, options)
    document = make_bundle(
        config,
        newest(dataset) if options.test_mode else dataset,
        plan,
        "train bundle",
        means=means_of(config, options.workers, cache=options.cache),
        test_mode=options.test_mode,
    )
    emit(document, summary(document))


def summary(document: dict[str, Any]) -> str:
    """Return the lines for people."""

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
        f"trained until {day_of(document['trained_until_ms'])}; first out-of-sample bar "
        f"{day_of(document['first_out_of_sample_ms'])}",
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

    votes = shares_of(document["weights"], document["ppo_weight"])
    return votes.get(family, f"slope after shrinking {document['slope']:.4f}")
