"""How long an installation takes and how much disk: the built wheel in clean environments outside the checkout.

The core is installed into an environment of its own, then every extra beside it: what it adds is its own time and size.
Packages come from the index that pip is configured for, the pins from constraints.txt. `--extra-index-url` names
PyTorch's CPU wheels, a fifth of the size. Seconds depend on network and cache: `--cold` downloads everything again.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, parser, show

ROOT: Final = Path(__file__).parents[1]
EXTRAS: Final = ("cpu", "ray", "dask", "alerts", "tracing", "docs")  # gpu brings CUDA, dev what tests need
MB: Final = 1e6


def main() -> None:
    """Build, install and print."""
    arguments = parser("install", __doc__ or "")
    arguments.add_argument("--extras", nargs="*", default=list(EXTRAS), help="which extras are added to the core")
    arguments.add_argument("--extra-index-url", default="", help="a second index, such as PyTorch's")
    arguments.add_argument("--cold", action="store_true", help="without pip's cache")
    options = arguments.parse_args()
    pip = ["--extra-index-url", options.extra_index_url] if options.extra_index_url else []
    pip += ["--no-cache-dir"] if options.cold else []
    with tempfile.TemporaryDirectory(prefix="install-") as name:
        figures = measured(Path(name), options.extras, pip)
    show("install", figures, as_json=options.json, cache="cold" if options.cold else "warm")


def measured(folder: Path, extras: list[str], pip: list[str]) -> list[Figure]:
    """Return seconds, packages and MB of the wheel, of the core and of what every extra adds to it."""
    started = time.monotonic()
    wheel = build(folder)
    figures = [Figure(name="build_s", value=_since(started), unit="s")]
    figures.append(Figure(name="wheel_mb", value=round(wheel.stat().st_size / MB, 3), unit="MB"))
    place = folder / "core"
    venv.create(place, with_pip=True)
    empty = size(place)
    seconds = install(place, f"{wheel}", pip)
    core, packages = size(place), count(place)
    figures += _figures("core", seconds, core - empty, packages)
    figures.append(Figure(name="version_s", value=round(_runs(place), 3), unit="s"))
    for extra in extras:
        seconds = install(place, f"{wheel}[{extra}]", pip)
        figures += _figures(extra, seconds, size(place) - core, count(place) - packages)
        core, packages = size(place), count(place)
    return figures


def build(folder: Path) -> Path:
    """Return a wheel of the tree as it stands."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return next((folder / "dist").glob("*.whl"))


def install(place: Path, what: str, pip: list[str]) -> float:
    """Install into an environment and return the seconds it took."""
    started = time.monotonic()
    command = [
        str(place / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    subprocess.run([*command, *pip, "-c", str(ROOT / "constraints.txt"), what], check=True, cwd=place)
    return _since(started)


def size(place: Path) -> int:
    """Return the bytes of all files in an environment; links count where they point to, not here."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())


def count(place: Path) -> int:
    """Return how many packages are installed."""
    return sum(1 for _ in place.glob("lib/*/site-packages/*.dist-info"))


def _runs(place: Path) -> float:
    """Return the seconds of the installed program's `sigma version`, second run, somewhere else than the checkout."""
    for _ in range(2):
        started = time.monotonic()
        subprocess.run([str(place / "bin" / "sigma"), "version"], check=True, cwd=place, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def _figures(name: str, seconds: float, added: int, packages: int) -> list[Figure]:
    return [
        Figure(name=f"{name}_s", value=seconds, unit="s"),
        Figure(name=f"{name}_mb", value=round(added / MB, 1), unit="MB"),
        Figure(name=f"{name}_packages", value=packages, unit=""),
    ]


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)


if __name__ == "__main__":
    main()
