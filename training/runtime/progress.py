"""Progress of a batch command: lines on stderr, a bar on a terminal, hundredths to the daemon that started it.

Commands call `say` and `stage`, read their configuration with `configuration`, and answer through
`storage/terminal/output.py`. Lines also go to training.log, errors to error.log, in `[logs] directory`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from storage.config.effective import load
from storage.terminal.output import is_verbose, note, progress
from strategies.errors import SigmaError
from training.runtime.log_file import append

if TYPE_CHECKING:
    from storage.config.tree import Config


_config_path: ContextVar[str | None] = ContextVar("config_path", default=None)
_despite_findings: ContextVar[bool] = ContextVar("despite_findings", default=False)


@contextmanager
def configured_by(path: str | None, *, despite_findings: bool) -> Iterator[None]:
    """Go by this configuration file inside the block, and by data with fatal findings where that was asked for."""
    tokens = _config_path.set(path), _despite_findings.set(despite_findings)
    try:
        yield
    finally:
        _config_path.reset(tokens[0])
        _despite_findings.reset(tokens[1])


def configuration() -> Config:
    """Return the configuration: of `--config`, of SIGMA_CONFIG, of ./config.toml, or the defaults where there is
    none.
    """
    chosen = _config_path.get() or os.environ.get("SIGMA_CONFIG")
    return load(chosen) if chosen else load()


def despite_findings() -> bool:
    """Whether fatal findings of the data check were overridden."""
    return _despite_findings.get()


def say(line: str) -> None:
    """Say one line on stderr and append it to the training log."""
    note(line)
    _log("training.log", line)


def detail(line: str) -> None:
    """Log one line; say it on stderr with `--verbose` only."""
    if is_verbose():
        note(line)
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


@contextmanager
def stage(label: str, total: int, *, plainly: bool = True) -> Iterator[Callable[[int], None]]:
    """Show how far a stage is: a bar on a terminal; elsewhere ten lines, or unless `plainly` one a minute.

    Yields:
        `done(n)`: call it with how much is done so far, 0..total.
    """
    with progress(label, total, plainly=plainly) as done:
        yield done
