"""What a benchmark prints: named figures with their goals and, measured in the same run, their rivals.

A rival that is not installed is `null`, never a remembered number.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        goal: what is wanted, as people read it: ">= 50e6", "== 0"; empty: none.
        rival: whose `rival_value` stands beside it, measured in the same process or minute; empty: nobody's.
    """

    name: str
    value: float | None
    unit: str
    goal: str = ""
    rival: str = ""
    rival_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours / the rival's; None where one of them is missing."""
        if self.value is None or not self.rival_value:
            return None
        return self.value / self.rival_value

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without a goal or a value."""
        if not self.goal or self.value is None:
            return None
        relation, number = self.goal.split()
        bound = float(number)
        return {">=": self.value >= bound, "<=": self.value <= bound, "==": self.value == bound}[relation]


def machine() -> str:
    """Return the processor's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        name = models[0] if models else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, Python {platform.python_version()}"


def parser(benchmark: str, description: str) -> argparse.ArgumentParser:
    """Return an argument parser that knows `--json`; a benchmark adds its own options."""
    arguments = argparse.ArgumentParser(prog=f"python -m benchmarks.{benchmark}", description=description)
    arguments.add_argument("--json", action="store_true", help="print one JSON document")
    return arguments


def document(benchmark: str, figures: Sequence[Figure], **more: Any) -> dict[str, Any]:
    """Return the one document every benchmark prints."""
    rows = [
        {
            "name": figure.name,
            "value": figure.value,
            "unit": figure.unit,
            "goal": figure.goal or None,
            "rival": figure.rival or None,
            "rival_value": figure.rival_value,
            "ratio": figure.ratio,
        }
        for figure in figures
    ]
    return {"benchmark": benchmark, "machine": machine(), "figures": rows, **more}


def show(benchmark: str, figures: Sequence[Figure], *, as_json: bool, **more: Any) -> None:
    """Print the figures: one JSON document, or a line each."""
    if as_json:
        print(json.dumps(document(benchmark, figures, **more), indent=2))
        return
    print(f"{benchmark} on {machine()}")
    for figure in figures:
        print("  " + line(figure))


def line(figure: Figure) -> str:
    """Return "market_bars_per_s 61,000,000 1/s (goal >= 50e6, met); vectorbt 2,300,000, ratio 26.5"."""
    goal = {True: "met", False: "MISSED", None: "open"}[figure.is_met]
    text = f"{figure.name} {number(figure.value)} {figure.unit}".rstrip()
    text += f" (goal {figure.goal}, {goal})" if figure.goal else ""
    if figure.rival:
        text += f"; {figure.rival} {number(figure.rival_value)}"
        text += f", ratio {figure.ratio:.3g}" if figure.ratio is not None else ""
    return text


def number(value: float | None) -> str:
    """Return a number as people read it; a missing one as a dash."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
