"""Command output: a document for programs or text for people, one line for an error, progress for the patient.

Commands call `emit(document, human)` once, at the end. `--json`, `--wide` and `--verbose` are set around every
command by `storage/terminal/run.py`; nobody passes them along. The daemon's command line and training's share it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from storage.lazy import lazily
from storage.terminal.counted_steps import counted_steps
from storage.terminal.parent_watch import STARTED_BY
from storage.terminal.table import fitted, terminal_width
from storage.terminal.words import printable
from strategies.errors import SigmaError
from strategies.values import finite

with lazily():
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from rich.console import RenderableType

_PLAIN_STEPS = 10  # progress lines where there is no terminal
_SILENCE_S = 60.0  # and one more where nothing was said for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How this command line wants to be answered."""

    as_json: bool = False
    verbose: bool = False
    wide: bool = False


_style: ContextVar[Style] = ContextVar("style", default=Style())  # noqa: B039 — a frozen value


@contextmanager
def style(*, as_json: bool, verbose: bool, wide: bool = False) -> Iterator[None]:
    """Answer in this style inside the block."""
    token = _style.set(Style(as_json=as_json, verbose=verbose, wide=wide))
    try:
        yield
    finally:
        _style.reset(token)


def wants_json() -> bool:
    """Whether stdout is for a program."""
    return _style.get().as_json


def is_verbose() -> bool:
    """Whether stderr may have more than the essential."""
    return _style.get().verbose


def forwarded() -> list[str]:
    """Return the options of this command line that a batch command must be given again."""
    return [*(["--json"] if wants_json() else []), *(["--verbose"] if is_verbose() else [])]


def width() -> int | None:
    """Return how long a line may be; None: as long as it gets."""
    return None if _style.get().wide else terminal_width()


def emit(document: Any, human: str | RenderableType | Callable[[], str | RenderableType]) -> None:
    """Print the answer of a command: the document with `--json`, otherwise the text.

    Args:
        document: JSON types, pydantic models and dataclasses excluded; times as int64 ms, ratios as fractions; numpy
            scalars become numbers, NaN and infinity null.
        human: text, or anything rich can draw; a function is only called when its result is shown.
    """
    if wants_json():
        print(json.dumps(_plain(document), indent=2, default=str, ensure_ascii=False, allow_nan=False), flush=True)
        return
    shown = human() if callable(human) and not hasattr(human, "__rich_console__") else human
    if isinstance(shown, str):
        print(fitted(printable(shown), width()), flush=True)
        return
    Console(width=width() or 400, highlight=False).print(shown)


def note(text: str) -> None:
    """Say something on the way, on stderr."""
    print(printable(text), file=sys.stderr, flush=True)


def fail(error: SigmaError, stream: TextIO | None = None, *, as_json: bool = False) -> int:
    """Print an error as one line on stderr, and as JSON on stdout when asked; return the exit code that is its own."""
    line = printable(" ".join(str(error).split())) or type(error).__name__
    if as_json:
        document = {"error": line, "kind": type(error).__name__, "exit_code": error.exit_code}
        print(json.dumps(document, ensure_ascii=False), flush=True)
    print(f"sigma: {line}", file=stream or sys.stderr, flush=True)
    return error.exit_code


@contextmanager
def progress(label: str, total: int, unit: str = "", *, plainly: bool = True) -> Iterator[Callable[[int], None]]:
    """Show how far a long task is, on stderr: a bar on a terminal, steps to a daemon, else plain lines.

    Args:
        plainly: a line for each tenth where there is no terminal; without it a line a minute is all that is said.

    Yields:
        `done(n)`: call it with how much is done so far, 0..total.
    """
    if os.environ.get(STARTED_BY) == "daemon":
        yield counted_steps(label, total) if plainly else lambda _so_far: None
    elif sys.stderr.isatty() and not wants_json():
        with _bar(label, total, unit) as done:
            yield done
    else:
        yield lines_of(label, total, unit, steps=_PLAIN_STEPS if plainly else 0)


def lines_of(
    label: str, total: int, unit: str = "", *, steps: int = 0, silence_s: float = _SILENCE_S
) -> Callable[[int], None]:
    """Return what says a line whenever one more of so many steps is done, and after so long a silence."""
    said, said_s = -1 if steps else 0, time.monotonic()

    def done(so_far: int) -> None:
        nonlocal said, said_s
        step, now_s = steps * so_far // max(total, 1), time.monotonic()
        if step > said or now_s - said_s >= silence_s:
            said, said_s = step, now_s
            note(f"{label}: {so_far:,} of {total:,} {unit}".rstrip())

    return done


@contextmanager
def _bar(label: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(label, total=total)
        yield lambda so_far: bars.update(task, completed=so_far)


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
