"""What a `tune` command says: a line a trial, the best settings as a piece of config.toml, the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from training.runtime import records
from training.runtime.progress import configuration, say
from training.tuning.study_trials import Scored, StudyRequest
from training.tuning.tune import Tuned, line

SHOWN: Final = 10


class Narrator:
    """Says a line per trial and moves the bar."""

    def __init__(self, done: Callable[[int], None]) -> None:
        self._done = done

    def __call__(self, scored: Scored) -> None:

        say(line(scored))
        self._done(scored.number + 1)


def document_of(tuned: Tuned, family: str) -> dict[str, Any]:
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


def text_of(tuned: Tuned, family: str) -> str:

    document = document_of(tuned, family)
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


def record_of(tuned: Tuned, request: StudyRequest, dataset: Any, duration_s: float) -> str:

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
        result=document_of(tuned, request.family),
    )
    return str(records.write(record, configuration().paths.runs))


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
