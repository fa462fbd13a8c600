"""`sigma logs`: the daemon's log as people read it, and what comes next with `-f`. Reads files; no daemon is asked."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from storage.config.effective import load
from storage.terminal.output import emit, wants_json, width
from storage.terminal.table import fitted
from storage.terminal.words import field_text, printable
from strategies.errors import BadInput

app = typer.Typer(add_completion=False)
POLL_S: Final = 0.3
READ_BYTES: Final = 4_000_000  # from the end of the file
LABELS: Final = {"warning": "warning: ", "error": "error: ", "critical": "error: "}


@app.command()
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many of the newest.")] = 40,
    errors: Annotated[bool, typer.Option("--errors", help="Only errors.")] = False,
) -> None:
    """Show the newest lines of the daemon's log; with -f also those that come.

    Example: sigma logs -f
    """
    path = Path(load().logs.directory) / ("error.log" if errors else "sigma.log")
    if not path.exists() and not follow:
        raise BadInput(f"there is no log {path} yet; `sigma run` writes it")
    newest, position = tail(path, lines)
    if not follow:
        emit({"log": str(path), "lines": [event_of(line) for line in newest]}, "\n".join(map(text_of, newest)))
        return
    say: Callable[[str], str] = (
        (lambda line: json.dumps(event_of(line), ensure_ascii=False))
        if wants_json()
        else (lambda line: fitted(text_of(line), width()))
    )
    for line in newest:
        print(say(line), flush=True)
    for line in following(path, position, lambda: time.sleep(POLL_S)):
        print(say(line), flush=True)


def tail(path: Path, count: int) -> tuple[list[str], int]:
    """Return the newest whole lines of a file and the position behind them; nothing of a file that is not there."""
    if not path.exists():
        return [], 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - READ_BYTES))
        content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    found = whole.decode(errors="replace").splitlines()
    return found[-count:] if count else [], size - (len(content) - len(whole))


def following(path: Path, position: int, wait: Callable[[], None]) -> Iterator[str]:
    """Yield the lines that are appended behind `position`, for ever; a rotated log goes on with its new file.

    Args:
        path: of the log.
        position: byte from which on lines are new.
        wait: called whenever there is nothing new; what it raises ends the following.
    """
    known = _identity(path)
    while True:
        if (now := _identity(path)) is not None and (now != known or path.stat().st_size < position):
            known, position = now, 0
        content = b""
        if now is not None:
            with path.open("rb") as file:
                file.seek(position)
                content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        position += len(whole)
        yield from whole.decode(errors="replace").splitlines()
        if not whole:
            wait()


def event_of(line: str) -> dict[str, Any]:
    """Return the event of a line; a line that is no JSON object is an event of itself."""
    try:
        found = json.loads(line)
    except ValueError:
        return {"event": line}
    return found if isinstance(found, dict) else {"event": line}


def text_of(line: str) -> str:
    """Return "05-05 13:04:12 fill  trade=BTCUSDT-1 side=LONG": a line as the console says it, with its day."""
    event = event_of(line)
    ms, level = event.pop("time_ms", None), str(event.pop("level", ""))
    event.pop("logger", None)
    phrase = printable(str(event.pop("event", "")), one_line=True)
    trace = printable(str(event.pop("exception", "")))
    when = f"{datetime.fromtimestamp(ms / 1000, UTC):%m-%d %H:%M:%S} " if isinstance(ms, int) else ""
    fields = "".join(f" {name}={field_text(value)}" for name, value in event.items())
    return f"{when}{LABELS.get(level, '')}{phrase}" + (f" {fields}" if fields else "") + (f"\n{trace}" if trace else "")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
