"""The API token: from the environment, or made once and kept in a file only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

NAME = "api.token"


def api_token(configured: str, state_folder: Path) -> str:
    """Return the configured token, else the stored one, else a new one that is stored now."""
    if configured:
        return configured
    path = state_folder / NAME
    if not path.exists():
        state_folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text().strip()
