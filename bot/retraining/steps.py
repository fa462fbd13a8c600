"""Steps of a child: lines of JSON that count, `{"stage", "done", "total", "eta_s"}`, among lines of words."""

from __future__ import annotations

import orjson

Step = tuple[str, int, int, float]


def step_of(line: str) -> Step | None:
    """Return (stage, done, total, seconds left) of a counted line; None: it is words."""
    if not line.startswith("{"):
        return None
    try:
        step = orjson.loads(line)
        return str(step["stage"]), int(step["done"]), int(step["total"]), float(step["eta_s"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
