"""Who may import whom, and what may not be used where: read from the sources, and once from a running interpreter."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.builders import ROOT
from tests.house import measure

ALLOWED = {
    "strategies": {"strategies"},
    "storage": {"storage", "strategies"},
    "training": {"training", "storage", "strategies"},
    "bot": {"bot", "storage", "strategies"},
}
ROOMS = {*ALLOWED, "benchmarks", "tests"}
FACES = ("bot/web/", "bot/telegram/", "bot/cli/")  # they read through storage and command through control
NOT_IN_THE_DAEMON = {"torch", "sklearn", "stable_baselines3", "gymnasium", "optuna", "tensorboard"}
NOT_PURE = {
    "asyncio",
    "logging",
    "structlog",
    "time",
    "random",
    "socket",
    "subprocess",
    "aiohttp",
    "sqlalchemy",
    "ccxt",
}
PICKLES = {"pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal"}
WALL_CLOCK = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
LONGEST_FILE = 300
MOST_IMPORTS_INSIDE = 26  # libraries of the pure rooms and optional ones; a lower number may be written here


def sources(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, full module name) of every import, also those inside functions."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    wrong = [
        f"{named(path)}:{line} imports {module}"
        for path in sources(room)
        for line, module in imports(path)
        if module.split(".")[0] in ROOMS - ALLOWED[room]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", measure.HOUSE)
def test_inside_a_folder_every_arrow_goes_one_way(folder: str) -> None:
    assert set(measure.rooms(folder)) <= set(measure.ORDER[folder]), (
        "a new room needs its place in tests/house/measure.py"
    )
    wrong = [f"{arrow.where} imports {arrow.target}" for arrow in measure.upward(folder)]
    assert not wrong, "\n".join(wrong)


def test_web_telegram_and_cli_never_reach_into_the_trader() -> None:
    wrong = [
        f"{named(path)}:{line} imports {module}"
        for path in sources("bot")
        if named(path).startswith(FACES)
        for line, module in imports(path)
        if module == "bot.trading.trader" or module.startswith("bot.trading.trader.")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_deciding_room_is_pure() -> None:
    wrong = [
        f"{named(path)}:{line} imports {module}"
        for path in sources("strategies")
        for line, module in imports(path)
        if module.split(".")[0] in NOT_PURE
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_loads_pickles() -> None:
    wrong = [
        f"{named(path)}:{line} imports {module}"
        for path in sources(*ALLOWED)
        for line, module in imports(path)
        if module.split(".")[0] in PICKLES or module in {"joblib.load", "torch.load"}
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_clock_reads_the_wall_clock() -> None:
    wrong = [
        f"{named(path)}:{node.lineno} calls {ast.unparse(node.func)}"
        for path in sources("strategies", "storage", "bot")
        if named(path) != "bot/clock.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ".".join(ast.unparse(node.func).split(".")[-2:]) in WALL_CLOCK
    ]
    assert not wrong, "\n".join(wrong)


def test_the_daemons_rooms_never_name_a_training_library() -> None:
    wrong = [
        f"{named(path)}:{line} imports {module}"
        for path in sources("strategies", "storage", "bot")
        for line, module in imports(path)
        if module.split(".")[0] in NOT_IN_THE_DAEMON
    ]
    assert not wrong, "\n".join(wrong)


def test_importing_the_whole_bot_loads_no_training_library() -> None:
    modules = [
        named(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in sources("strategies", "storage", "bot")
        if path.name != "__main__.py" and "migrations" not in path.parts
    ]
    program = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        f"print(*sorted({NOT_IN_THE_DAEMON | {'training'}!r} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == []


def test_every_module_says_what_it_is() -> None:
    silent = [named(path) for path in sources(*ALLOWED) if tree_of(path).body and not ast.get_docstring(tree_of(path))]
    assert not silent, "\n".join(silent)


def test_no_function_takes_more_than_eight_parameters() -> None:
    assert measure.crowded() == [], "a value that holds what belongs together is needed"


def test_imports_stand_at_the_top() -> None:
    inside = [
        f"{name}: {ast.unparse(part)}"
        for name, function in measure.functions(*measure.HOUSE)
        for part in ast.walk(function)
        if isinstance(part, ast.Import | ast.ImportFrom)
    ]
    assert len(inside) <= MOST_IMPORTS_INSIDE, (
        "`with lazily():` at the top loads a name when it is used:\n" + "\n".join(inside)
    )


def test_no_file_needs_a_map() -> None:
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*ALLOWED)}
    too_long = [f"{name}: {lines} lines" for name, lines in lengths.items() if lines > LONGEST_FILE]
    assert not too_long, "\n".join(too_long)
