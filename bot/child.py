"""A batch command as a child process: niced, limited, watched, and killed by a ladder when it must end.

The child shares nothing with the daemon but files. Its stdout is one JSON document, its stderr lines of progress.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

TERM_WAIT_S: Final = 5.0
MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
MAX_LINE_BYTES: Final = 64 * 1024
SECRET_MARKS: Final = ("TOKEN", "PASSWORD", "SECRET")
GIB: Final = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may use."""

    nice: int = 10
    memory_gb: float = 8.0
    threads: int = 1
    deadline_s: float = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended: its document, or why there is none."""

    code: int
    document: dict[str, Any] | None
    cause: str  # "" when all is well
    last_lines: tuple[str, ...]


async def run_training(arguments: Sequence[str], limits: Limits, on_line: Callable[[str], None]) -> Ended:
    """Run `python -m training ARGUMENTS --json` to its end, its deadline, or this task's cancellation."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "training",
        *arguments,
        "--json",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(limits),
        start_new_session=True,
        limit=MAX_LINE_BYTES,
    )
    _limit(process.pid, limits)
    last_lines: deque[str] = deque(maxlen=20)
    output = asyncio.create_task(_read_document(process), name="child-stdout")
    lines = asyncio.create_task(_read_lines(process, last_lines, on_line), name="child-stderr")
    cause = ""
    try:
        async with asyncio.timeout(limits.deadline_s):
            await process.wait()
    except TimeoutError:
        cause = f"passed its deadline of {limits.deadline_s / 60:.0f} min"
    finally:
        await _end(process)
    content = await output
    await lines
    return _ended(process.returncode or 0, content, cause, tuple(last_lines))


def _ended(code: int, content: bytes, cause: str, last_lines: tuple[str, ...]) -> Ended:
    document: dict[str, Any] | None = None
    if not cause and code < 0:
        name = signal.Signals(-code).name
        cause = f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    elif not cause and code > 0:
        cause = last_lines[-1] if last_lines else f"ended with exit code {code}"
    if not cause:
        try:
            parsed = orjson.loads(content)
            document = parsed if isinstance(parsed, dict) else None
        except orjson.JSONDecodeError:
            document = None
        if document is None:
            cause = f"printed {len(content)} bytes that are no JSON document"
    return Ended(code=code, document=document, cause=cause, last_lines=last_lines)


async def _read_document(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    content = bytearray()
    while part := await process.stdout.read(65_536):
        if len(content) < MAX_DOCUMENT_BYTES:
            content += part
    return bytes(content)


async def _read_lines(process: asyncio.subprocess.Process, last: deque[str], on_line: Callable[[str], None]) -> None:
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # longer than MAX_LINE_BYTES: dropped
            continue
        if not line:
            return
        text = line.decode(errors="replace").rstrip()
        if text:
            last.append(text)
            on_line(text)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Terminate, wait, kill: the whole session of the child."""
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(TERM_WAIT_S):
                await process.wait()
        except TimeoutError:
            pass
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _limit(pid: int, limits: Limits) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, pid, limits.nice)
        memory = round(limits.memory_gb * GIB)
        resource.prlimit(pid, resource.RLIMIT_DATA, (memory, memory))
    except (ProcessLookupError, PermissionError):
        pass


def _environment(limits: Limits) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not any(mark in name for mark in SECRET_MARKS)}
    threads = {name: str(limits.threads) for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return kept | threads | {"PYTHONUNBUFFERED": "1"}
