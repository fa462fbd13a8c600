"""A batch command as a child process: niced, limited, watched, and ended step by step when it must end.

The child shares nothing with the daemon but files. Its stdout is one JSON document, its stderr lines of progress, and
its stdin a pipe whose end tells it that the daemon is gone (`storage/terminal/parent_watch.py`). However it ends, there
is a document or a cause in words.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson

PROGRAM: Final = (sys.executable, "-m", "training")
CLI: Final = (sys.executable, "-m", "bot.cli")
TERM_WAIT_S: Final = 5.0
PIPE_WAIT_S: Final = 5.0  # a grandchild that escaped may hold the pipes open
MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
MAX_LINE_BYTES: Final = 64 * 1024
MAX_CAUSE_CHARACTERS: Final = 500
SECRET_MARKS: Final = ("TOKEN", "PASSWORD", "SECRET", "PASSPHRASE", "APPRISE")
MEMORY_MARKS: Final = ("MemoryError", "bad_alloc", "Cannot allocate memory", "not enough memory", "out of memory")
THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "SIGMA_TRAINING__THREADS",
)
GIB: Final = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may use."""

    nice: int = 10  # on top of the daemon's own
    background: bool = True  # Linux: it runs only where nothing else wants the processor, and not on the first core
    memory_gb: float = 8.0
    threads: int = 1
    workers: int = 1  # fits at once; 0: as many as a cluster has processors
    deadline_s: float = 3_600.0
    account: str = ""  # whose configuration it reads; "": as the environment says
    exchange_url: str = ""  # of the built-in exchange that runs inside the daemon; "": as configured


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended: its document, or why there is none."""

    code: int
    document: dict[str, Any] | None
    cause: str  # "" when all is well
    last_lines: tuple[str, ...]


async def run_child(
    arguments: Sequence[str],
    limits: Limits,
    on_line: Callable[[str], None],
    program: Sequence[str] = PROGRAM,
    needs: Sequence[str] = (),
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Ended:
    """Run `PROGRAM ARGUMENTS --json` to its end, its deadline, or this task's cancellation.

    Args:
        arguments: of the program.
        limits: what it may use; its children inherit them.
        on_line: told every line of its stderr.
        program: what stands before them, `python -m training` where nobody asks for another.
        needs: names of secrets in the environment that this child cannot do without; it gets no others.
        settings: environment variables that this child gets besides.
    """
    process = await asyncio.create_subprocess_exec(
        *program,
        *arguments,
        "--json",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(limits, needs) | dict(settings),
        start_new_session=True,
        limit=MAX_LINE_BYTES,
    )
    _limit(process.pid, limits)
    last_lines: deque[str] = deque(maxlen=20)
    content = bytearray()
    readers = [
        asyncio.create_task(_read_document(process, content), name="child-stdout"),
        asyncio.create_task(_read_lines(process, last_lines, on_line), name="child-stderr"),
    ]
    cause = ""
    try:
        async with asyncio.timeout(limits.deadline_s):
            await process.wait()
    except TimeoutError:
        cause = f"passed its deadline of {limits.deadline_s / 60:g} min"
    finally:
        await _end(process, readers)
    return _ended(process.returncode or 0, bytes(content), cause, tuple(last_lines), limits)


def _ended(code: int, content: bytes, cause: str, last_lines: tuple[str, ...], limits: Limits) -> Ended:
    document: dict[str, Any] | None = None
    if not cause and code:
        cause = _cause_of(code, last_lines, limits)
    if not cause:
        document = _document(content)
        if document is None:
            cause = f"printed {len(content):,} bytes that are no JSON document"
    return Ended(code=code, document=document, cause=cause[:MAX_CAUSE_CHARACTERS], last_lines=last_lines)


def _cause_of(code: int, last_lines: tuple[str, ...], limits: Limits) -> str:
    said = last_lines[-1] if last_lines else ""
    if any(mark in line for line in last_lines[-5:] for mark in MEMORY_MARKS):
        return f"filled its memory cap of {limits.memory_gb:g} GB ([training] memory_gb); it said: {said}"
    if code < 0:
        name = signal.Signals(-code).name
        return f"was killed by {name}" + (", as the kernel does when memory runs out" if name == "SIGKILL" else "")
    return said or f"ended with exit code {code} and no word"


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


async def _read_document(process: asyncio.subprocess.Process, content: bytearray) -> None:
    assert process.stdout is not None
    while part := await process.stdout.read(65_536):
        if len(content) < MAX_DOCUMENT_BYTES:
            content += part


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


async def _end(process: asyncio.subprocess.Process, readers: Sequence[asyncio.Task[None]]) -> None:
    """Terminate, wait, kill: the whole session of the child; then read what its pipes still hold."""
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TERM_WAIT_S):
                await process.wait()
    _signal(process.pid, signal.SIGKILL)
    await process.wait()
    _, unfinished = await asyncio.wait(readers, timeout=PIPE_WAIT_S)
    for reader in unfinished:
        reader.cancel()


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _limit(pid: int, limits: Limits) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, min(19, os.getpriority(os.PRIO_PROCESS, 0) + limits.nice))
        memory = round(limits.memory_gb * GIB)
        resource.prlimit(pid, resource.RLIMIT_DATA, (memory, memory))
    if limits.background and hasattr(os, "SCHED_IDLE"):
        _send_to_the_back(pid)


def _send_to_the_back(pid: int) -> None:
    """Let a child run only while no ordinary task wants its core, and leave the first core to the daemon.

    An idle task gives way at once, where a niced one keeps its slice; but the scheduler counts its core as free, and
    would move the daemon there, away from its caches, at every wake-up.
    """
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.suppress(OSError):  # a sandbox may forbid it; the nice value stays
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        os.sched_setaffinity(pid, cores[1:] or cores)


def _environment(limits: Limits, needs: Sequence[str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in needs or not any(mark in name for mark in SECRET_MARKS)
    }
    threads = dict.fromkeys(THREAD_VARIABLES, str(limits.threads))
    workers = {"SIGMA_TRAINING__WORKERS": str(limits.workers)}
    if limits.account:
        workers["SIGMA_ACCOUNT__NAME"] = limits.account
    if limits.exchange_url:
        workers["SIGMA_EXCHANGE__URL"] = limits.exchange_url
    return kept | threads | workers | {"PYTHONUNBUFFERED": "1", "SIGMA_STARTED_BY": "daemon"}
