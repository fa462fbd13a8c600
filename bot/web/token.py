"""The API token: from the environment, or made once and kept in a file only its owner can read."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from storage.config.secret import Secret
from strategies.errors import BadInput

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


def known_token(configured: Secret, state_folder: Path) -> str:
    """Return the token that this process can read, or nothing: a second shell asks, and makes no token of its own.

    Args:
        configured: `[web] token`.
        state_folder: where a daemon keeps the one it made.
    """
    with suppress(BadInput, OSError):
        return configured.reveal() or (state_folder / NAME).read_text().strip()
    return ""
