"""Measures the house: rooms, arrows between them, sizes of files and functions, how much of it is tests.

`python -m tests.house.measure` prints the table of docs/architecture.md; `--json` prints it for machines. Read from the
sources alone: nothing of the project is imported.
"""

from __future__ import annotations

import ast
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
HOUSE: Final = ("strategies", "storage", "training", "bot")

# The rooms of each folder, in the order of the way through it: a room imports rooms above it in this list, never below.
ORDER: Final[dict[str, tuple[str, ...]]] = {
    "strategies": (
        "errors",
        "values",
        "market",
        "market_versions",
        "resample",
        "kernel",
        "universe",
        "features",
        "patterns",
        "predictors",
        "bundle",
        "minute",
        "history",
        "membership",
        "scoring",
        "engine",
        "explain",
        "warm",
        "oversight",
    ),
    "storage": (
        "lazy",
        "language",
        "durable",
        "private",
        "cron",
        "terminal",
        "charts",
        "config",
        "failures",
        "candles",
        "quality",
        "ledger",
        "models",
        "backup",
        "open",
    ),
    "training": (
        "runtime",
        "data",
        "evidence",
        "families",
        "ensemble",
        "backtest",
        "walk_forward",
        "sizing",
        "imported",
        "tuning",
        "promotion",
        "monitors",
        "simulation",
        "report",
        "commands",
        "command_line",
        "__main__",
    ),
    "bot": (
        "exchange_time",
        "clock",
        "waiting",
        "rate_limit",
        "exchange_info",
        "values",
        "tracing",
        "simulator",
        "feed",
        "exchange",
        "trading",
        "views",
        "operations",
        "retraining",
        "scheduling",
        "alerts",
        "telegram",
        "web",
        "notifications",
        "assembly",
        "accounts",
        "daemon",
        "feed_process",
        "cli",
    ),
}
MOCKS: Final = ("mock", "Mock", "MagicMock", "AsyncMock", "patch", "setattr", "setitem")
MOST_PARAMETERS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """An import from one room of a folder to another: `bot.feed` -> `bot.clock`."""

    folder: str
    source: str
    target: str
    where: str  # file:line


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a parsed source file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def sources(*folders: str) -> list[Path]:
    """Return every Python file below some folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def room_of(path: Path) -> tuple[str, str]:
    """Return (folder, room): ("bot", "feed") for bot/feed/rest.py, ("bot", "clock") for bot/clock.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0], parts[1] if len(parts) > 1 and parts[1] != "__init__" else ""


def modules(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, module.name) of the imports of a file that happen at run time or for types."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def arrows(folder: str) -> list[Arrow]:
    """Return every import from one room of a folder to another."""
    found = []
    for path in sources(folder):
        source = room_of(path)[1]
        for line, module in modules(path):
            parts = module.split(".")
            if parts[0] == folder and len(parts) > 1 and parts[1] != source and source:
                place = path.relative_to(ROOT).as_posix()
                found.append(Arrow(folder=folder, source=source, target=parts[1], where=f"{place}:{line}"))
    return found


def rooms(folder: str) -> list[str]:
    """Return the rooms of a folder: its subfolders and its own files."""
    return sorted({room_of(path)[1] for path in sources(folder)} - {""})


def circles(folder: str) -> list[list[str]]:
    """Return the groups of rooms that import each other in a circle (strongly connected components)."""
    graph: dict[str, set[str]] = {room: set() for room in rooms(folder)}
    for arrow in arrows(folder):
        graph[arrow.source].add(arrow.target)
    reach = {room: _reachable(graph, room) for room in graph}
    groups = {frozenset({room} | {other for other in reach[room] if room in reach[other]}) for room in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def upward(folder: str) -> list[Arrow]:
    """Return the imports that go against the order of the rooms."""
    order = {room: index for index, room in enumerate(ORDER.get(folder, ()))}
    return [
        arrow
        for arrow in arrows(folder)
        if arrow.source in order and arrow.target in order and order[arrow.target] > order[arrow.source]
    ]


def functions(*folders: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield (file:line name, function) of every function."""
    for path in sources(*folders):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno} {node.name}", node


def crowded() -> list[str]:
    """Return the functions with more than eight parameters, compiled leaves of the kernel apart."""
    return [
        f"{name} ({parameters(node)})"
        for name, node in functions(*HOUSE)
        if parameters(node) > MOST_PARAMETERS and not _is_compiled(node)
    ]


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many parameters a function takes, self and cls apart."""
    names = [part.arg for part in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def measure() -> dict[str, object]:
    """Return the figures of the house."""
    product = [len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*HOUSE)]
    tests = [len(path.read_text(encoding="utf-8").splitlines()) for path in sources("tests")]
    lengths = [node.end_lineno - node.lineno + 1 for _, node in functions(*HOUSE) if node.end_lineno]
    inside = sum(
        isinstance(part, ast.Import | ast.ImportFrom)
        for _, function in functions(*HOUSE)
        for part in ast.walk(function)
    )
    written = [node for _, node in functions("tests") if node.name.startswith("test")]
    mocks = sum(
        isinstance(part, ast.Call) and ast.unparse(part.func).split(".")[-1] in MOCKS
        for node in written
        for part in ast.walk(node)
    )
    return {
        "rooms": {folder: len(rooms(folder)) for folder in HOUSE},
        "files": {folder: len(sources(folder)) for folder in HOUSE},
        "arrows": {folder: len({(part.source, part.target) for part in arrows(folder)}) for folder in HOUSE},
        "upward": {folder: len({(part.source, part.target) for part in upward(folder)}) for folder in HOUSE},
        "circles": {folder: len(circles(folder)) for folder in HOUSE},
        "functions over 8 parameters": len(crowded()),
        "imports inside functions": inside,
        "lines of a file, median": statistics.median(product),
        "lines of a file, p90": statistics.quantiles(product, n=10)[-1],
        "lines of a function, median": statistics.median(lengths),
        "lines of a function, p90": statistics.quantiles(lengths, n=10)[-1],
        "product lines": sum(product),
        "test lines": sum(tests),
        "tests / code": round(sum(tests) / sum(product), 2),
        "mocks a test": round(mocks / max(len(written), 1), 3),
    }


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph.get(waiting.pop(), set()) - seen:
            seen.add(target)
            waiting.append(target)
    return seen


def _is_compiled(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {ast.unparse(part).split("(")[0].split(".")[-1] for part in node.decorator_list}
    return bool(names & {"compiled", "inlined", "compiled_parallel", "njit"})


def _print(figures: dict[str, object]) -> None:
    print(f"{'':34}{'  '.join(f'{folder:>10}' for folder in HOUSE)}")
    for name, value in figures.items():
        cells = [value[folder] for folder in HOUSE] if isinstance(value, dict) else [value]
        print(f"{name:34}{'  '.join(f'{cell:>10}' for cell in cells)}")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1)) if "--json" in sys.argv else _print(measure())
