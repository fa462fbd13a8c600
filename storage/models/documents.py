"""JSON objects beside models that may be lost: what is told of a model is not the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def document_of(path: Path) -> dict[str, Any]:
    """Return a JSON object; {} where there is none that can be read."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}
