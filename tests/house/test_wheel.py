"""What people install: a wheel built from the sources runs in an environment of its own, outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.builders import ROOT

CARRIED = ("bot", "strategies", "storage", "training", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in CARRIED:
        path = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(path, source / name, ignore=ignored) if path.is_dir() else shutil.copy(path, source)
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(source)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert made.returncode == 0, made.stderr[-2000:]
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`sigma` of a new environment: the wheel, and beside it the packages that are installed here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (site / "packages.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    script = folder / "sigma"
    script.write_text("import sys\nfrom bot.cli import main\nsys.exit(main())\n")
    return script


def sigma(program: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SIGMA_", "PYTHONPATH"))}
    python = program.parent / "bin" / "python"
    command = [str(python), "-P", str(program), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


def test_the_wheel_holds_the_product_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    assert {name for name in folders if not name.endswith(".dist-info")} == {"bot", "storage", "strategies", "training"}
    data = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "bot" / "web" / "dashboard").rglob("*") if path.is_file()
    }
    data = {name for name in data if "__pycache__" not in name}
    assert data - set(names) == set(), "files of the dashboard are missing from [tool.setuptools.package-data]"
    assert any(name.endswith("script.py.mako") for name in names)
    assert all(f"{folder}/py.typed" in names for folder in ("bot", "storage", "strategies", "training"))


def test_it_runs_outside_the_checkout(program: Path, tmp_path: Path) -> None:
    said = sigma(program, tmp_path, "version")
    assert said.returncode == 0, said.stderr
    assert sigma(program, tmp_path, "config", "check").returncode == 0
    assert sigma(program, tmp_path, "models", "list").returncode == 0
    assert list(tmp_path.iterdir()) == []
    batch = sigma(program, tmp_path, "backtest", "--help")
    assert batch.returncode == 0, batch.stderr
