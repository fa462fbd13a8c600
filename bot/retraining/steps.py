"""Steps of a child: lines of JSON among lines of words.

Some count, `{"stage", "done", "total", "eta_s"}`, others tell a point of a learning curve,
`{"curve", "at", "of", "values"}`.
"""

from __future__ import annotations

import orjson
from pydantic import ValidationError

from bot.values.training import LearningPoint

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


def point_of(line: str) -> LearningPoint | None:
    """Return the point of a learning curve that a line tells; None: it tells none."""
    if not line.startswith('{"curve"'):
        return None
    try:
        return LearningPoint.model_validate_json(line)
    except ValidationError:
        return None
