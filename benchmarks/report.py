"""What every benchmark prints: one JSON document, or a table for people.

`python -m benchmarks.NAME --json` prints `{"benchmark", "machine", "figures": [{"name", "value", "unit", "goal",
"rival", "rival_value", "ratio"}]}`. A rival runs in the same process or minute; one that is not installed is null,
never a remembered number.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        name: of SPEC section 8, for example `market_bars_per_s`.
        value: None where it could not be measured on this machine.
        unit: of value, goal and rival_value.
        goal: what was promised; None without a promise.
        at_most: the goal is an upper bound, not a lower one.
        rival: what it is compared with.
        rival_value: measured beside it; None when the rival is not installed.
    """

    name: str
    value: float | None
    unit: str
    goal: float | None = None
    at_most: bool = False
    rival: str | None = None
    rival_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """value / rival_value."""
        return self.value / self.rival_value if self.value is not None and self.rival_value else None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal was reached; None where there is none to judge."""
        if self.value is None or self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def as_json(self) -> dict[str, Any]:
        """Return the figure as the JSON document has it."""
        return {key: value for key, value in asdict(self).items() if key != "at_most"} | {"ratio": self.ratio}


def machine() -> dict[str, Any]:
    """Return what a reader needs to judge a figure: processor, cores, memory, system, Python."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def parser(benchmark: str, description: str) -> argparse.ArgumentParser:
    """Return an argument parser that knows `--json`; a benchmark adds its own options."""
    arguments = argparse.ArgumentParser(prog=f"python -m benchmarks.{benchmark}", description=description)
    arguments.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    return arguments


def report(benchmark: str, figures: list[Figure], *, as_json: bool) -> None:
    """Print the figures of a benchmark."""
    if as_json:
        document = {"benchmark": benchmark, "machine": machine(), "figures": [figure.as_json() for figure in figures]}
        print(json.dumps(document))
        return
    table = Table(title=benchmark, caption=", ".join(f"{key} {value}" for key, value in machine().items()))
    for title in ("figure", "value", "unit", "goal", "rival", "rival's", "ratio"):
        table.add_column(title, justify="left" if title in ("figure", "unit", "rival") else "right")
    for figure in figures:
        table.add_row(figure.name, _number(figure.value), figure.unit, _goal(figure), *_rival(figure))
    Console(width=max(Console().width, 120)).print(table)


def _rival(figure: Figure) -> tuple[str, str, str]:
    if figure.rival is None:
        return "", "", ""
    if figure.rival_value is None:
        return figure.rival, "not installed", ""
    return figure.rival, _number(figure.rival_value), f"{figure.ratio:.1f}" if figure.ratio is not None else ""


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    verdict = {True: " met", False: " MISSED", None: ""}[figure.is_met]
    return f"{'<=' if figure.at_most else '>='} {_number(figure.goal)}{verdict}"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
