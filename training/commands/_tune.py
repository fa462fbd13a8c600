"""What the `tune` commands share: their options, a line a trial, the best settings as a piece of config.toml."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import typer

from storage.terminal.output import emit
from training.runtime.progress import configuration, say, stage

if TYPE_CHECKING:
    from training.tuning.study_trials import Request, Scored
    from training.tuning.tune import Tuned

SHOWN: Final = 10


def tuning(family: str, summary: str) -> Callable[..., None]:
    """Return the typer command that tunes a family."""

    def command(
        symbols: str = typer.Option("", "--symbol", "--symbols", help="Comma separated, pooled; empty: as configured."),
        timeframe: str = typer.Option(
            "", "--timeframe", "--timeframes", help="Decision timeframe; with 1h,4h,1d coarser candles are seen too."
        ),
        exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
        until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
        trials: int = typer.Option(50, min=1, help="Trials in all, those of an interrupted study included."),
        resume: bool = typer.Option(False, help="Go on with the study of the same data, settings and seed."),
        workers: int = typer.Option(1, min=0, help="Processes that try in parallel; 0: one per core."),
        years: float = typer.Option(3.0, min=0.2, help="At most so many recent years score a trial, out of fold."),
        seed: int = typer.Option(-1, help="Of proposals and models; -1: training.seed."),
        test_mode: bool = typer.Option(False, help="A few thousand bars, tiny models: to try the command."),
    ) -> None:
        from training.commands._common import open_dataset
        from training.tuning.study_trials import Request
        from training.tuning.test_mode import newest
        from training.tuning.tune import tune

        config = configuration()
        dataset = open_dataset(config, symbols, timeframe, exchange, until)
        if test_mode:
            dataset = newest(dataset)
        request = Request(
            family=family,
            trials=trials,
            years=years,
            seed=config.training.seed if seed < 0 else seed,
            workers=workers,
            resume=resume,
            test_mode=test_mode,
            started_ms=int(datetime.now(UTC).timestamp() * 1000),
        )
        began = time.perf_counter()
        with stage(f"tuning {family}", trials, plainly=False) as done:
            tuned = tune(dataset, config, request, _Narrator(done))
        document = _document(tuned, family) | {"record": _record(tuned, request, dataset, time.perf_counter() - began)}
        emit(document, _text(tuned, family))

    command.__doc__ = f"{summary}\n\nExample: sigma tune {family} --symbol BTCUSDT --timeframe 1h --trials 50\n"
    return command


class _Narrator:
    """Says a line per trial and moves the bar."""

    def __init__(self, done: Callable[[int], None]) -> None:
        self._done = done

    def __call__(self, scored: Scored) -> None:
        from training.tuning.tune import line

        say(line(scored))
        self._done(scored.number + 1)


def _document(tuned: Tuned, family: str) -> dict[str, Any]:
    states = [trial.state for trial in tuned.trials]
    return {
        "study": tuned.study,
        "folder": str(tuned.folder),
        "trials": len(states),
        **{state: states.count(state) for state in ("complete", "pruned", "fail")},
        "null_deviation": tuned.null_deviation,
        "ranked": [asdict(trial) for trial in tuned.ranked[:SHOWN]],
        "config": {family: tuned.ranked[0].params} if tuned.ranked else {},
    }


def _text(tuned: Tuned, family: str) -> str:
    from training.tuning.tune import line

    document = _document(tuned, family)
    head = (
        f"study {tuned.study}: {document['trials']} trials, {document['complete']} complete, {document['pruned']} "
        f"pruned, {document['fail']} failed; kept in {tuned.folder}, each counted in the trial ledger"
    )
    if not tuned.ranked:
        return f"{head}\nno trial was completed"
    warning = (
        f"the best of {document['trials']} is flattered by having been chosen (a score without skill has IC "
        f"0 ± {tuned.null_deviation:.4f} here): prove it with sigma walk-forward on bars that chose nothing"
    )
    settings = [f"{name} = {_toml(value)}" for name, value in tuned.ranked[0].params.items()]
    return "\n".join([head, *(line(trial) for trial in tuned.ranked[:SHOWN]), warning, "", f"[{family}]", *settings])


def _record(tuned: Tuned, request: Request, dataset: Any, duration_s: float) -> str:
    from training.runtime import records

    record = records.RunRecord(
        kind=f"tune {request.family}",
        config={
            "study": tuned.study,
            "trials": request.trials,
            "years": request.years,
            "symbols": list(dataset.symbols),
            "timeframe": dataset.timeframe.value,
        },
        data_hash=dataset.data_hash,
        seed=request.seed,
        device="cpu",
        duration_s=duration_s,
        until_ms=dataset.until_ms,
        result=_document(tuned, request.family),
    )
    return str(records.write(record, configuration().paths.runs))


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
