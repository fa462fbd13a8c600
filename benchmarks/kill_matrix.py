"""Kills a program before and after every write, sync, rename and commit of everything that it does, and compares.

    python -m benchmarks.kill_matrix --kills 200 --seed 7

Each kill is a SIGKILL inside a process of its own, at an operation chosen by the seed. A second process then goes on
from what is left; tape, facts, decisions, candles, state, alerts, archive and the restored copy must be, to the byte,
those of a run that nobody interrupted.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event

from benchmarks.figures import Figure, parser, show
from benchmarks.kill_story import STAGES, Story, story_of

OPERATIONS: Final = ("write", "sync", "rename", "commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Where a run is killed: the `number`-th operation of its kind in a stage, before or after it is done."""

    stage: str
    operation: str
    number: int
    is_after: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a kill left: the names of the parts that differ from the uninterrupted run's."""

    kill: Kill
    was_killed: bool
    differing: tuple[str, ...]


class Operations:
    """Counts what a process does to its disk, and kills it where it is told to."""

    def __init__(self, folder: Path, kill: Kill | None = None) -> None:
        self._folder = str(folder)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._kill = kill
        self._stage = ""

    def enter(self, stage: str) -> None:
        """Count for this stage from here on."""
        self._stage = stage

    @contextmanager
    def around(self, operation: str) -> Iterator[None]:
        """Count one operation; the process may end before or after it."""
        place = (self._stage, operation)
        self.counts[place] += 1
        kill = self._kill
        is_here = kill is not None and place == (kill.stage, kill.operation) and self.counts[place] == kill.number
        if is_here and kill is not None and not kill.is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        yield
        if is_here:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Stand around the operating system's calls and the database's commits, for the rest of this process."""
        os.fsync = self._wrapped("sync", os.fsync)
        os.rename, os.replace = self._wrapped("rename", os.rename), self._wrapped("rename", os.replace)
        Path.write_bytes = self._wrapped("write", Path.write_bytes)  # type: ignore[method-assign]
        Path.write_text = self._wrapped("write", Path.write_text)  # type: ignore[method-assign]
        open_commits: list[Any] = []

        def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement == "COMMIT":
                open_commits.append(self.around("commit"))
                open_commits[-1].__enter__()

        def after(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement == "COMMIT":
                open_commits.pop().__exit__(None, None, None)

        event.listen(Engine, "before_cursor_execute", before)
        event.listen(Engine, "after_cursor_execute", after)

    def _is_ours(self, what: Any) -> bool:
        """Tell whether an operation is on the story's files: compilers keep caches of their own, once."""
        path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else os.path.abspath(what)
        return path.startswith(self._folder)

    def _wrapped(self, operation: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if not self._is_ours(arguments[0]):
                return call(*arguments, **options)
            with self.around(operation):
                return call(*arguments, **options)

        return wrapped


def run_matrix(folder: Path, kills: int, seed: int) -> tuple[Counter[tuple[str, str]], list[Outcome]]:
    """Play the story once undisturbed and once for every kill.

    Returns:
        How often each stage did each operation, and what every kill left.
    """
    whole, wanted = prepared(folder, seed)
    counts = counted(whole)
    kills_to_do = enumerate(chosen(counts, kills, seed))
    return counts, [outcome_of(whole, folder / f"kill-{number}", kill, wanted) for number, kill in kills_to_do]


def prepared(folder: Path, seed: int) -> tuple[Story, dict[str, str]]:
    """Play the story of a seed undisturbed; return it, and what every other run has to come to."""
    whole = story_of(folder / "whole", seed)
    whole.fresh()  # compiled once, before the first fork
    whole.folder.mkdir(parents=True)
    if _in_child(whole.play):
        raise SystemExit("the undisturbed run failed; see above")
    return whole, _facts(whole)


def chosen(counts: Counter[tuple[str, str]], kills: int, seed: int) -> list[Kill]:
    """Return kills spread over all stages and operations, before and after, as evenly as they go."""
    rng = random.Random(seed)
    cells = [(*place, is_after) for place in sorted(counts) for is_after in (False, True)]
    rng.shuffle(cells)
    taken = [cells[number % len(cells)] for number in range(kills)]
    return [
        Kill(stage=stage, operation=operation, number=rng.randint(1, counts[stage, operation]), is_after=is_after)
        for stage, operation, is_after in taken
    ]


def table(counts: Counter[tuple[str, str]], outcomes: list[Outcome]) -> str:
    """Return kills by stage and operation, `kills/differing`; a dash where a stage has no such operation."""
    lines = [f"{'stage':<12}" + "".join(f"{operation:>12}" for operation in OPERATIONS)]
    for stage in STAGES:
        cells = []
        for operation in OPERATIONS:
            here = [part for part in outcomes if (part.kill.stage, part.kill.operation) == (stage, operation)]
            differing = sum(bool(part.differing) for part in here)
            cells.append(f"{len(here)}/{differing}" if counts[stage, operation] else "–")
        lines.append(f"{stage:<12}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


def outcome_of(whole: Story, folder: Path, kill: Kill, wanted: dict[str, str]) -> Outcome:
    """Play the story in a folder of its own, kill it, let another process go on, and compare."""
    story = Story(folder, whole.taken, whole.fresh)
    try:
        return _outcome(story, kill, wanted)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _outcome(story: Story, kill: Kill, wanted: dict[str, str]) -> Outcome:
    story.folder.mkdir(parents=True)
    status = _in_child(lambda: _play(story, Operations(story.folder, kill)))
    was_killed = os.WIFSIGNALED(status)
    if was_killed and _in_child(story.play):
        return Outcome(kill=kill, was_killed=True, differing=("it could not go on",))
    found = _facts(story)
    names = sorted(wanted.keys() | found.keys())
    return Outcome(
        kill=kill,
        was_killed=was_killed,
        differing=tuple(name for name in names if wanted.get(name) != found.get(name)),
    )


def counted(whole: Story) -> Counter[tuple[str, str]]:
    """Return how often each stage does each operation, from a run of its own: compilers have filled their caches."""
    story = Story(whole.folder.with_name("counted"), whole.taken, whole.fresh)
    story.folder.mkdir(parents=True)
    path = story.folder.with_suffix(".counts")

    def count() -> None:
        operations = Operations(story.folder)
        _play(story, operations)
        with path.open("w") as file:
            json.dump([[*place, number] for place, number in operations.counts.items()], file)

    if _in_child(count):
        raise SystemExit("the run that is counted failed; see above")
    return Counter({(stage, operation): number for stage, operation, number in json.loads(path.read_text())})


def _play(story: Story, operations: Operations) -> None:
    operations.install()
    story.play(operations.enter)


def _facts(story: Story) -> dict[str, str]:
    """Read a story's facts in a process of its own: this one opens no database before it forks."""
    path = story.folder.with_suffix(".facts")

    def read() -> None:
        path.write_text(json.dumps(story.facts()))

    if _in_child(read):
        return {"readable": "no"}
    return dict(json.loads(path.read_text()))


def _in_child(work: Callable[[], None]) -> int:
    """Do something in a child and return how it ended, as `os.waitpid` says it."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        work()
    except BaseException as error:
        print(f"kill matrix: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def main() -> int:
    """Kill, compare and print; exit code 1 when anything differs."""
    arguments = parser("kill_matrix", "kills at every kind of operation, each compared with an undisturbed run")
    arguments.add_argument("--kills", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=7)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="sigma-kills-") as folder:
        counts, outcomes = run_matrix(Path(folder), options.kills, options.seed)
    differing = [part for part in outcomes if part.differing]
    if not options.json:
        print(f"kills/differing, seed {options.seed}\n{table(counts, outcomes)}")
    for part in differing:
        print(f"{part.kill}: {', '.join(part.differing)}", file=sys.stderr)
    figures = [
        Figure(name="kills", value=sum(part.was_killed for part in outcomes), unit="", goal=f"== {options.kills}"),
        Figure(name="differing", value=len(differing), unit="", goal="== 0"),
    ]
    show("kill_matrix", figures, as_json=options.json)
    return int(any(figure.is_met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
