"""What is shipped fits together: dependencies, entry points, containers, the README's commands."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.cli import BATCH, ENTRIES
from tests.builders import ROOT

ROOMS = ("bot", "strategies", "storage", "training", "benchmarks")
NAMES = {  # module -> distribution, where they differ
    "apscheduler": "APScheduler",
    "pandas_ta_classic": "pandas-ta-classic",
    "sklearn": "scikit-learn",
    "sqlalchemy": "SQLAlchemy",
    "talib": "TA-Lib",
    "telegram": "python-telegram-bot",
    "xgboost": "xgboost-cpu",
}
OPTIONAL = {
    "apprise",
    "opentelemetry",
    "ray",
    "dask",
    "distributed",
    "vectorbt",
    "gym_anytrading",
    "pydantic_core",
}  # imported where present


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def bare(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower()


def imported(*rooms: str) -> set[str]:
    modules: set[str] = set()
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    return modules - set(sys.stdlib_module_names) - {*ROOMS, "tests"}


def test_whatever_is_imported_is_declared() -> None:
    declared = {bare(line) for line in (*project()["dependencies"], *project()["optional-dependencies"]["cpu"])}
    used = imported("bot", "strategies", "storage", "training") - OPTIONAL
    assert {name for name in used if NAMES.get(name, name).lower() not in declared} == set()


def test_every_declared_package_is_pinned() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {bare(line).replace("_", "-") for line in constraints if "==" in line}
    extras = [line for extra in project()["optional-dependencies"].values() for line in extra]
    wanted = {bare(line).replace("_", "-") for line in (*project()["dependencies"], *extras)}
    assert wanted - pinned == set()


def test_the_two_xgboosts_are_never_installed_together() -> None:
    extras = project()["optional-dependencies"]
    assert extras["cpu"] == ["xgboost-cpu; sys_platform != 'darwin'", "xgboost; sys_platform == 'darwin'"]
    assert extras["gpu"] == ["xgboost"]
    assert not any(bare(line).startswith("xgboost") for line in project()["dependencies"])


@pytest.mark.parametrize("word", [word for word, entry in ENTRIES.items() if entry.module != BATCH])
def test_every_command_of_the_table_is_there_and_explains_itself(word: str) -> None:
    environment = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, "-m", "bot.cli", word, "--help"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert f"Usage: sigma {word}" in answer.stdout
    if not ENTRIES[word].is_group:
        assert re.search(r"Example:\s+sigma ", answer.stdout)
        assert "--json" in answer.stdout


def test_the_readme_names_only_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    fenced = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    words = set(re.findall(r"^sigma ([a-z-]+)|; sigma ([a-z-]+)", fenced, re.MULTILINE))
    assert {word for pair in words for word in pair if word} - set(ENTRIES) == set()


def test_the_readme_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_make_targets_are_the_documented_ones() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", text, re.MULTILINE))
    assert {"run", "test", "check", "bench", "soak", "clean"} <= targets


def test_continuous_integration_runs_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "\nmake test\n" in script.read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", str(script)], timeout=10).returncode == 0


def test_the_container_is_not_root_and_says_whether_it_lives() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stages = {stage.split(" AS ")[1].split()[0]: stage for stage in text.split("\nFROM ")[1:]}
    assert "/healthz" in stages["slim-base"]
    for folder in ("data", "models", "state", "logs"):
        assert f'"/app/{folder}"' in stages["slim-base"]
    ancestors = {"bot": ["slim-base"], "train": ["train-packages", "base", "slim-base"]}
    for target, above in ancestors.items():
        assert re.search(r"^USER (?!0|root)\S+", stages[target], re.MULTILINE)
        for name, parent in zip([target, *above], above, strict=False):
            assert stages[name].startswith(f"{parent} AS")


def test_dependencies_are_layers_before_the_sources() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for stage in text.split("\nFROM ")[1:]:
        if "-packages" in stage.split("\n")[0] or " AS bot-build" in stage.split("\n")[0]:
            assert not re.search(r"^COPY .*(strategies|bot) ", stage, re.MULTILINE)
    assert text.rindex("AS train-packages") < text.rindex("AS train\n")


def test_the_dockerfile_is_clean() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    answer = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stdout
    assert answer.stdout == ""
