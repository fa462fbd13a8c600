"""`sigma version`: which program this is, and which parts decide its numbers."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import typer

from storage.terminal.output import emit

PARTS: Final = ("numpy", "numba", "TA-Lib", "xgboost-cpu", "xgboost", "onnxruntime", "torch", "ccxt", "SQLAlchemy")

app = typer.Typer(add_completion=False)


def installed(package: str) -> str | None:
    """Return a package's version, or None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@app.command(name="version")
def show() -> None:
    """Print the version and those of its parts.

    Example: sigma version --json
    """
    own = installed("sigma-analyst") or "not installed"
    parts = {name: found for name in PARTS if (found := installed(name))}
    lines = [f"sigma-analyst {own} on Python {platform.python_version()}", *(f"  {n} {v}" for n, v in parts.items())]
    emit({"version": own, "python": platform.python_version(), "parts": parts}, "\n".join(lines))
