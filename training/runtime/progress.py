"""What a batch command says: lines on the way (stderr), a bar on a terminal, one answer at the end (stdout).

`training/command_line.py` sets the voice around a command; commands call `say`, `stages` and `answer`, and read
their configuration with `configuration`. Lines also go to training.log, errors to error.log, in `[logs] directory`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from storage.config.effective import load
from strategies.errors import SigmaError
from strategies.values import finite
from training.runtime.log_file import append
from training.runtime.parent_watch import STARTED_BY

if TYPE_CHECKING:
    from rich.console import RenderableType

    from storage.config.tree import Config

_PLAIN_LINES: Final = 10  # progress lines of one stage where there is no terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a command was asked to answer."""

    as_json: bool = False
    verbose: bool = False
    despite_findings: bool = False


_voice: ContextVar[Voice] = ContextVar("voice", default=Voice())  # noqa: B039 - a frozen value
_config_path: ContextVar[str | None] = ContextVar("config_path", default=None)


@contextmanager
def speak_with(voice: Voice, config: str | None = None) -> Iterator[None]:
    """Answer in this voice, configured by this file, inside the block."""
    tokens = _voice.set(voice), _config_path.set(config)
    try:
        yield
    finally:
        _voice.reset(tokens[0])
        _config_path.reset(tokens[1])


def configuration() -> Config:
    """Return the configuration: of `--config`, of SIGMA_CONFIG, of ./config.toml, or the defaults where there is
    none.
    """
    chosen = _config_path.get() or os.environ.get("SIGMA_CONFIG")
    return load(chosen) if chosen else load()


def wants_json() -> bool:
    """Whether stdout is for a program."""
    return _voice.get().as_json


def is_verbose() -> bool:
    """Whether the inessential may be said too."""
    return _voice.get().verbose


def despite_findings() -> bool:
    """Whether fatal findings of the data check were overridden."""
    return _voice.get().despite_findings


def say(line: str) -> None:
    """Say one line on stderr and append it to the training log."""
    print(line, file=sys.stderr, flush=True)
    _log("training.log", line)


def detail(line: str) -> None:
    """Log one line; say it on stderr with `--verbose` only."""
    if is_verbose():
        print(line, file=sys.stderr, flush=True)
    _log("training.log", line)


def log_error(line: str) -> None:
    """Append one line to the error log and the training log."""
    _log("error.log", line)
    _log("training.log", f"error: {line}")


@contextmanager
def warnings_aside() -> Iterator[None]:
    """Let libraries' warnings go to the training log, and to stderr with `--verbose` only."""

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        detail(f"{category.__name__}: {message} ({filename}:{lineno})")

    before = warnings.showwarning
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def _log(name: str, line: str) -> None:
    """Append a line with its time; what cannot be logged costs the log, not the training."""
    with suppress(SigmaError):
        append(configuration(), name, line)


def answer(document: dict[str, Any], human: str | RenderableType) -> None:
    """Print the result: the document with `--json`, otherwise the text or table. NaN and infinity become null."""
    if wants_json():
        print(json.dumps(_plain(document), indent=2, default=str, ensure_ascii=False, allow_nan=False), flush=True)
        return
    if isinstance(human, str):
        print(human, flush=True)
        return
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(human)


@contextmanager
def stage(label: str, total: int, *, plainly: bool = True) -> Iterator[Callable[[int], None]]:
    """Show how far a stage is: a bar on a terminal; elsewhere at most ten lines, or none unless `plainly`.

    Yields:
        `done(n)`: call it with how much is done so far, 0..total.
    """
    if sys.stderr.isatty() and not wants_json():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(label, total=total)
            yield lambda so_far: bars.update(task, completed=so_far)
        return
    if os.environ.get(STARTED_BY) == "daemon":
        yield _counted(label, total) if plainly else lambda _so_far: None
        return
    said = 0

    def plain(so_far: int) -> None:
        nonlocal said
        tenth = _PLAIN_LINES * so_far // max(total, 1)
        if plainly and tenth > said:
            said = tenth
            print(f"{label}: {so_far:,} of {total:,}", file=sys.stderr, flush=True)

    yield plain


def _counted(label: str, total: int) -> Callable[[int], None]:
    """Return what tells a daemon each hundredth of a stage, as a line of JSON."""
    began_s, said = time.monotonic(), -1

    def tell(so_far: int) -> None:
        nonlocal said
        share = so_far / max(total, 1)
        if int(share * 100) > said:
            said = int(share * 100)
            left_s = (time.monotonic() - began_s) / share * (1 - share) if share > 0 else 0.0
            step = {"stage": label, "done": so_far, "total": total, "eta_s": round(left_s, 1)}
            print(json.dumps(step), file=sys.stderr, flush=True)

    return tell


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case float():
            return finite(value)
        case _ if hasattr(value, "item"):  # a numpy scalar
            return _plain(value.item())
        case _:
            return value
