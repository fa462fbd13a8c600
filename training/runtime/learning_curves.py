"""Learning curves, told while they grow: a line of JSON on stderr for a daemon that listens, nothing elsewhere.

    {"curve": "lstm", "at": 3, "of": 8, "values": {"training loss": 1.21, "validation loss": 1.19}}

Trainers run in processes of their own; a line is shorter than a pipe's atomic write, so lines never mix.
"""

from __future__ import annotations

import json
import math
import os
import sys

from storage.terminal.parent_watch import STARTED_BY


def curve(name: str, at: int, of: int, values: dict[str, float | None]) -> None:
    """Tell the next point of a curve.

    Args:
        name: the model family, or what is walked.
        at: steps done, of `of`.
        values: by what is measured; a value that is not finite is left out.
    """
    known = {key: round(value, 6) for key, value in values.items() if value is not None and math.isfinite(value)}
    if known and os.environ.get(STARTED_BY) == "daemon":
        print(json.dumps({"curve": name, "at": at, "of": of, "values": known}), file=sys.stderr, flush=True)
