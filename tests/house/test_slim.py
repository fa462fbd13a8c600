"""What the image `bot` leaves out is needed by nothing that it does: all of the daemon is imported without it."""

from __future__ import annotations

import runpy
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.builders import ROOT

SLIM: dict[str, Any] = runpy.run_path(str(ROOT / "deploy" / "slim.py"), run_name="slim")
PROGRAM = """
import importlib, pkgutil, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if any(name == gone or name.startswith(gone + ".") for gone in GONE):
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Missing())
import bot, storage, strategies
for package in (strategies, storage, bot):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
import onnxruntime, pyarrow.compute, pyarrow.csv, pyarrow.feather, pyarrow.parquet, talib, xgboost
from babel.messages.pofile import read_po
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
figure = Figure()
figure.add_subplot().plot([1, 2])
FigureCanvasAgg(figure).print_png(sys.argv[1])
"""


def packages() -> Path:
    """Return where the packages of this interpreter are that the image has, too."""
    import numpy

    return Path(numpy.__file__).parents[1]


def gone() -> set[str]:
    """Return the modules that are left out, by their names."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    found = set()
    for path, _ in SLIM["spare"](packages()):
        relative = path.relative_to(packages())
        if path.is_dir() or path.suffix == ".py" or path.name.endswith(suffix):
            name = ".".join((*relative.parts[:-1], relative.name.removesuffix(suffix).removesuffix(".py")))
            found.add(name.removesuffix(".__init__"))
    trainers = {"sklearn", "torch", "stable_baselines3", "optuna", "gymnasium", "tensorboard", "ray", "dask"}
    return (found | trainers) - {"pip", "setuptools"}  # these are there: what is tried here is not installed anew


def test_nothing_of_what_the_image_leaves_out_is_missed(tmp_path: Path) -> None:
    left_out = gone()
    assert {"scipy.stats", "pyarrow._flight", "onnxruntime.transformers", "fontTools.ttLib"} <= left_out
    assert not left_out & {"scipy.sparse", "pyarrow.lib", "pyarrow._parquet", "fontTools.agl"}
    picture = tmp_path / "chart.png"
    program = f"GONE = {sorted(left_out)!r}\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program, str(picture)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert picture.stat().st_size > 1_000


def test_everything_that_is_left_out_has_its_reason_and_is_there() -> None:
    found = SLIM["spare"](packages())
    assert all(why and path.exists() for path, why in found)
    named = {pattern for pattern in SLIM["SPARE"] if not pattern.startswith("**")}
    there = {path.relative_to(packages()).as_posix() for path, _ in found}
    unused = [pattern for pattern in named if not any(Path(path).match(pattern) for path in there)]
    assert set(unused) <= {"pip", "setuptools", "ccxt/prediction"}, unused


@pytest.mark.parametrize("language", ["en", "tr"])
def test_the_languages_that_are_spoken_stay(language: str) -> None:
    assert not [path for path, _ in SLIM["spare"](packages()) if path.name == f"{language}.dat"]
