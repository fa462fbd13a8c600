"""One recorded run of `train ppo`: fit, tell, compare the seeds, judge, save, and write down how.

Between the command, which knows options, and the trainer, which knows arrays. A line now and then goes to people and to
logs/training.log, curves to TensorBoard, files appear complete or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from storage.config.models import PpoSettings
from storage.models.artefacts import save_artefact
from strategies.kernel.exposure import agent_settings
from strategies.kernel.settings import TradingSettings
from strategies.predictors.ppo_model import PpoModel
from strategies.predictors.ppo_policy import Standard
from training.data.dataset import Dataset
from training.families.ppo.environment_tracks import standard_of, tracks_of
from training.families.ppo.export import files_of
from training.families.ppo.trainer import REPORTS, Lesson, PpoProgress, fit
from training.families.ppo.validation import Borders, Judged, borders_of, judge
from training.runtime import records
from training.runtime.artefact_facts import facts_of_run
from training.runtime.device import Device
from training.runtime.progress import say, stage

ABOUT_REWARD: Final = (
    "reward and equity are those of exploring agents, who also pay for their random choices; IC and net Sharpe are of "
    "the policy's own choices on bars it has not learnt from"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoRequest:
    """What a run was asked for.

    Attributes:
        trading: costs and sizing that the agents live with.
        since_ms: leave out what opened before; None: everything.
        models: folder under which ppo/NAME is written.
        runs: folder of records and TensorBoard's events.
    """

    settings: PpoSettings
    trading: TradingSettings
    seed: int
    device: Device
    since_ms: int | None
    models: Path
    runs: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run came to and where it was written; `seeds` were judged on the validation part, one by one."""

    seeds: tuple[Judged, ...]
    judged: Judged
    folder: Path
    record: Path
    run: str

    @property
    def median(self) -> Judged:
        """The median of the seeds, number by number."""
        return Judged(
            ic=float(np.median([seed.ic for seed in self.seeds])),
            sharpe=float(np.median([seed.sharpe for seed in self.seeds])),
            equity=float(np.median([seed.equity for seed in self.seeds])),
            rows=self.seeds[0].rows,
        )

    def document(self) -> dict[str, Any]:
        """Return the result for programs."""
        return {"folder": str(self.folder), "record": str(self.record), "run": self.run} | _result(
            self.seeds, self.median, self.judged
        )

    def text(self) -> str:
        """Return the result for people."""
        found, median = self.judged, self.median
        return (
            f"validation, median of {len(self.seeds)} seeds: IC {median.ic:+.4f}, net Sharpe {median.sharpe:+.2f}, "
            f"equity x {median.equity:.3f} ({median.rows:,} closes)\n"
            f"unseen bars, all seeds together: IC {found.ic:+.4f}, net Sharpe {found.sharpe:+.2f}, equity x "
            f"{found.equity:.3f} ({found.rows:,} closes)\n"
            f"saved to {self.folder}, recorded in {self.record}"
        )


def run(dataset: Dataset, request: PpoRequest) -> Finished:
    """Train, compare the seeds, judge, save and record.

    Raises:
        BadInput: a part of the history is too short.
        StorageFailed: a folder cannot be written.
    """
    began = time.perf_counter()
    borders = borders_of(dataset, request.since_ms)
    standard = standard_of(dataset, borders.train_until_ms, request.since_ms)
    tracks = tracks_of(
        dataset,
        standard,
        until_ms=borders.train_until_ms,
        episode_bars=request.settings.episode_bars,
        since_ms=request.since_ms,
    )
    ended = datetime.fromtimestamp(dataset.until_ms / 1000, UTC)
    test = "" if request.since_ms is None else "_test"
    name = f"ppo_{'-'.join(dataset.symbols)}_{dataset.timeframe.value}_{ended:%Y%m%dT%H%M}{test}"
    say(f"{len(tracks.open_ms):,} bars to live in, {request.settings.environments:,} agents. {ABOUT_REWARD}")
    with Narrator(
        dataset, request, standard, borders, request.runs / "tensorboard" / f"{name}_{_record(dataset, request).id}"
    ) as narrator:
        model = fit(
            Lesson(tracks=tracks, standard=standard, trained_until_ms=borders.train_until_ms),
            request.settings,
            agent_settings(request.trading, dataset.timeframe),
            seed=request.seed,
            device=request.device.kind,
            on_progress=narrator,
        )
    seeds = tuple(
        judge(replace(model, policies=(policy,)), dataset, borders.valid_from_ms, borders.valid_until_ms)
        for policy in model.policies
    )
    judged = judge(model, dataset, borders.test_from_ms, dataset.until_ms + dataset.timeframe.ms)
    facts = facts_of_run(dataset, request.since_ms)
    folder = save_artefact(request.models, "ppo", name, files_of(model), facts).folder
    finished = Finished(seeds=seeds, judged=judged, folder=folder, record=Path(), run="")
    record = _record(
        dataset, request, time.perf_counter() - began, _result(seeds, finished.median, judged) | {"folder": str(folder)}
    )
    return replace(finished, record=records.write(record, request.runs), run=record.id)


class Narrator:
    """Says how training stands, moves the bar and writes TensorBoard's event files."""

    def __init__(
        self, dataset: Dataset, request: PpoRequest, standard: Standard, borders: Borders, folder: Path
    ) -> None:
        self._dataset, self._request, self._standard, self._borders = dataset, request, standard, borders
        self._writer = SummaryWriter(str(folder))
        self._stage = stage("training", REPORTS * request.settings.seeds, plainly=False)
        self._done = 0

    def __enter__(self) -> Narrator:
        self._move = self._stage.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._stage.__exit__(*details)
        self._writer.close()

    def __call__(self, progress: PpoProgress) -> None:
        found = judge(self._model(progress), self._dataset, self._borders.valid_from_ms, self._borders.valid_until_ms)
        lived = (
            f"reward {progress.reward:+.2f} equity x {progress.equity:.4f}" if progress.episodes else "none ended yet"
        )
        say(
            f"seed {progress.seed} step {progress.steps:,}/{progress.total_steps:,} | episodes {progress.episodes:,} "
            f"{lived} | valid IC {found.ic:+.3f} "
            f"net Sharpe {found.sharpe:+.2f} equity x {found.equity:.3f} | {progress.steps_per_s:,.0f} steps/s"
        )
        values = {
            "reward/train": progress.reward,
            "equity/train": progress.equity,
            "ic/valid": found.ic,
            "sharpe/valid": found.sharpe,
            "equity/valid": found.equity,
        }
        for key, value in values.items():
            self._writer.add_scalar(f"{key}/seed-{progress.seed}", value, progress.steps)
        self._done += 1
        self._move(self._done)

    def _model(self, progress: PpoProgress) -> PpoModel:
        request = self._request
        return PpoModel(
            policies=(progress.policy,),
            standard=self._standard,
            trading=agent_settings(request.trading, self._dataset.timeframe),
            timeframe=self._dataset.timeframe,
            roll_bars=request.settings.roll_bars,
            mirrored=request.settings.mirror,
            trained_until_ms=self._borders.train_until_ms,
        )


def _record(
    dataset: Dataset, request: PpoRequest, duration_s: float = 0.0, result: Mapping[str, Any] | None = None
) -> records.RunRecord:
    return records.RunRecord(
        kind="train ppo",
        config={
            "ppo": request.settings.model_dump(mode="json"),
            "execution": request.trading.execution.model_dump(mode="json"),
            "risk": request.trading.risk.model_dump(mode="json"),
            "symbols": list(dataset.symbols),
            "timeframe": dataset.timeframe.value,
            "exchange": dataset.exchange,
            "features": dataset.features.fingerprint,
            "since_ms": request.since_ms,
        },
        data_hash=dataset.data_hash,
        seed=request.seed,
        device=str(request.device),
        duration_s=duration_s,
        until_ms=dataset.until_ms,
        result=result or {},
    )


def _result(seeds: tuple[Judged, ...], median: Judged, judged: Judged) -> dict[str, Any]:
    return {"seeds": [asdict(seed) for seed in seeds], "median": asdict(median), "test": asdict(judged)}
