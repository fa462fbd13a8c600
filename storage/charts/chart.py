"""A chart as plain values: lines, areas, bars, dots or candles over time, and marks on them.

Colours are names of the page's own colours, so that a chart reads on light and on dark paper. Times are UTC ms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import orjson

Style = Literal["line", "dashed", "area", "bars", "points", "dots", "candles"]
Colour = Literal["blue", "grey", "amber", "good", "bad", "violet"]
Form = Literal["number", "percent", "tenths", "hundredths", "ratio"]
DIGITS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Values over time. `points` are marks as large as a finger, `dots` small ones that make a dotted line.

    Args:
        name: for the legend.
        times: (n,) UTC ms, ascending; of equal ones the last is kept.
        values: (n,), or (n, 4) open, high, low, close of candles; NaN is a gap.
    """

    name: str
    style: Style
    times: np.ndarray
    values: np.ndarray
    colour: Colour = "blue"

    def document(self) -> dict[str, Any]:
        """Return JSON types: times as seconds, the first and then differences."""
        seconds = np.asarray(self.times, np.int64) // 1000
        kept = np.append(np.diff(seconds) > 0, True) if len(seconds) else np.zeros(0, bool)
        values = np.asarray(self.values, np.float64)[kept]
        return {
            "name": self.name,
            "style": self.style,
            "colour": self.colour,
            "times": np.diff(seconds[kept], prepend=0).tolist(),
            "values": [_short(value) for value in values.ravel().tolist()],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark at a bar of the first series."""

    ms: int
    above: bool
    shape: Literal["arrowUp", "arrowDown", "circle", "square"]
    colour: Colour
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What one chart shows; `unit` stands above it, `form` is how its axis writes numbers."""

    series: Sequence[Series]
    marks: Sequence[Mark] = ()
    unit: str = ""
    height: int = 360
    form: Form = "number"
    logarithmic: bool = False
    name: str = ""

    def json(self) -> str:
        """Return it for the page's script; nothing in it can end a script element."""
        marks = sorted(self.marks, key=lambda mark: mark.ms)
        document = {
            "unit": self.unit,
            "form": self.form,
            "logarithmic": self.logarithmic,
            "series": [part.document() for part in self.series],
            "marks": [
                {
                    "time": mark.ms // 1000,
                    "position": "aboveBar" if mark.above else "belowBar",
                    "shape": mark.shape,
                    "colour": mark.colour,
                    "text": mark.text,
                }
                for mark in marks
            ],
        }
        return orjson.dumps(document).decode().replace("</", "<\\/")


def _short(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
