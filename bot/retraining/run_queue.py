"""The run queue: backtests, walks, searches and downloads as children of the daemon, one after the other.

A run waits for the one before it, and for a training: they share the slot of one child. What came of each is kept as
JSON under the state folder, so that runs of yesterday can be compared with runs of today.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from bot.clock import wall_ms
from bot.retraining.child_process import Limits, run_child
from bot.retraining.run_kinds import COMMANDS, Command, command_of
from bot.retraining.steps import point_of, step_of
from bot.values.callers import where
from bot.values.training import MOST_POINTS, LearningPoint
from bot.views.runs import Run, RunKind, RunPage, figures_of
from storage.durable import replace_files
from storage.language import language
from strategies.errors import Conflict, NotFound, SigmaError

MOST_WAITING: Final = 16
KEPT: Final = 200
DEADLINE_S: Final = 12 * 3_600.0
RUN_ID: Final = re.compile(r"r-\d{5,9}")

Listener = Callable[[Run], None]


class RunQueue:
    """Takes runs, runs them one at a time, remembers them.

    Args:
        folder: where they are remembered.
        limits: of a child.
        slot: held while a child runs; shared with the trainer.
        on_change: told of every change.
        commands: what may be run.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        slot: asyncio.Lock,
        on_change: Listener = lambda _run: None,
        commands: Mapping[str, Command] = COMMANDS,
    ) -> None:
        self._folder = folder
        self._limits = replace(limits, deadline_s=max(limits.deadline_s, DEADLINE_S))
        self._slot = slot
        self._commands = commands
        self._runs: dict[str, Run] = {}
        self._points: dict[str, deque[LearningPoint]] = {}
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._child: tuple[str, asyncio.Task[None]] | None = None
        self.on_change = on_change
        self._log = structlog.get_logger("runs")

    def kinds(self) -> list[RunKind]:
        """Return what may be run."""
        return [part.shown for part in self._commands.values()]

    def all(self) -> list[Run]:
        """Return the runs, newest first."""
        return sorted(self._runs.values(), key=lambda run: run.id, reverse=True)

    def open(self) -> None:
        """Read what was remembered; what was going on when the daemon ended is said to have been cut short."""
        for path in sorted(self._folder.glob("r-*.json"))[-KEPT:]:
            try:
                run = Run.model_validate(orjson.loads(path.read_bytes())["run"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if run.id != path.stem or not RUN_ID.fullmatch(run.id):
                continue
            self._runs[run.id] = run
            if not run.is_over:
                self._keep(run.after(state="failed", finished_ms=wall_ms(), outcome="cut short: the daemon ended"))

    def page(self, name: str) -> RunPage:
        """Return a run with its whole answer. Reads a file.

        Raises:
            NotFound: there is none.
        """
        run = self._known(name)
        document = None
        if run.state == "done":
            with contextlib.suppress(OSError, ValueError, AttributeError):
                document = orjson.loads(self._path(name, ".json").read_bytes()).get("document")
        return RunPage(run=run, document=document, points=list(self._points.get(name, ())))

    def report(self, name: str) -> Path:
        """Return where a run's report lies.

        Raises:
            NotFound: it has none.
        """
        path = self._path(self._known(name).id, ".html")
        if not path.is_file():
            raise NotFound(f"run {name} has no report")
        return path

    def start(self, kind: str, options: Mapping[str, str], by: str) -> Run:
        """Put a run into the queue.

        Raises:
            NotFound: the kind or an option is not known.
            Conflict: an option is not what it has to look like, or too many runs wait already.
        """
        command = self._commands.get(kind) or command_of(kind)
        given = {name: value.strip() for name, value in options.items() if value.strip()}
        number = 1 + max((int(name[2:]) for name in self._runs), default=0)
        run = Run(
            id=f"r-{number:05}",
            kind=kind,
            title=command.shown.title,
            options=given,
            by=by,
            state="queued",
            asked_ms=wall_ms(),
            language=language(),
        )
        command.arguments(given, self._path(run.id, ".html"))
        if self._waiting.qsize() >= MOST_WAITING:
            raise Conflict(f"{MOST_WAITING} runs wait already; cancel one or wait")
        self._keep(run)
        self._waiting.put_nowait(run.id)
        return run

    def cancel(self, name: str, by: str) -> Run:
        """End a run, or take it out of the queue; its child is terminated, then killed.

        Raises:
            NotFound: there is none.
            Conflict: it has ended.
        """
        run = self._known(name)
        if run.is_over:
            raise Conflict(f"run {name} is {run.state} already")
        if self._child is not None and self._child[0] == name:
            self._change(name, outcome=f"cancelled {where(by)}")
            self._child[1].cancel()
            return self._runs[name]
        self._keep(run.after(state="cancelled", finished_ms=wall_ms(), outcome=f"cancelled {where(by)}"))
        return self._runs[name]

    async def run(self) -> None:
        """Serve until cancelled; a child that runs is ended with this task."""
        while True:
            name = await self._waiting.get()
            if self._runs[name].is_over:
                continue
            task = asyncio.create_task(self._run_one(name), name=f"run-{name}")
            self._child = name, task
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                task.cancel()
                await asyncio.wait([task])
                raise
            finally:
                self._child = None
            if task.cancelled():
                self._keep(self._runs[name].after(state="cancelled", finished_ms=wall_ms()))

    async def _run_one(self, name: str) -> None:
        try:
            async with self._slot:
                await self._supervise(name)
        except SigmaError as error:
            self._keep(self._runs[name].after(state="failed", finished_ms=wall_ms(), outcome=str(error)))
        except Exception as error:  # a task boundary: a run's fault must not end the daemon
            self._log.exception("run failed", run=name)
            self._keep(self._runs[name].after(state="failed", finished_ms=wall_ms(), outcome=repr(error)))

    async def _supervise(self, name: str) -> None:
        run = self._runs[name]
        command = self._commands[run.kind]
        report = self._path(name, ".html")
        self._keep(run.after(state="running", started_ms=wall_ms()))
        self._log.info("run begins", run=name, kind=run.kind)
        arguments = command.arguments(run.options, report)
        spoken = {"SIGMA_REPORTS__LANGUAGE": run.language}
        heard = partial(self._hear, name)
        ended = await run_child(arguments, self._limits, heard, command.program, settings=spoken)
        self._log.info("run ended", run=name, cause=ended.cause)
        last = self._runs[name].after(finished_ms=wall_ms(), has_report=report.is_file(), eta_s=None)
        if ended.document is None:
            self._keep(last.after(state="failed", outcome=ended.cause))
        else:
            done = last.after(state="done", outcome=_outcome(ended.document), figures=figures_of(ended.document))
            self._keep(done, ended.document)

    def _hear(self, name: str, line: str) -> None:
        point, step = point_of(line), step_of(line)
        if point is not None:
            self._points.setdefault(name, deque(maxlen=MOST_POINTS)).append(point)
        elif step is None:
            self._change(name, line=line)
        else:
            stage, done, total, eta_s = step
            self._change(name, stage=stage, done=done, total=total, eta_s=eta_s)

    def _change(self, name: str, **changes: object) -> None:
        self._runs[name] = self._runs[name].after(**changes)
        self.on_change(self._runs[name])

    def _keep(self, run: Run, document: dict[str, Any] | None = None) -> None:
        self._runs[run.id] = run
        content = orjson.dumps({"run": run.model_dump(mode="json"), "document": document})

        def write(target: Path) -> None:
            target.write_bytes(content)

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_files([(self._path(run.id, ".json"), write)])
        except (OSError, SigmaError) as error:
            self._log.error("run not remembered", run=run.id, error=str(error))
        for old in sorted(self._runs)[:-KEPT]:
            del self._runs[old]
            for suffix in (".json", ".html"):
                with contextlib.suppress(OSError):  # a disk that takes no writes keeps it; the next start forgets it
                    self._path(old, suffix).unlink(missing_ok=True)
        self.on_change(run)

    def _known(self, name: str) -> Run:
        if name not in self._runs:
            raise NotFound(f"run {name!r} is not known; GET /api/runs lists them")
        return self._runs[name]

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}{suffix}"


def _outcome(document: Mapping[str, Any]) -> str:
    """Return the verdict of an answer in words, where it has one."""
    for name in ("verdict", "text", "reason", "outcome"):
        value = document.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, dict):
            words = next((part for part in (value.get("reason"), value.get("text")) if isinstance(part, str)), "")
            if words:
                return words
    bundle = document.get("bundle")
    return f"bundle {bundle}" if isinstance(bundle, str) else "done"
