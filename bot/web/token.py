"""The API token: from the environment, or made once and kept in a file only its owner can read.

Where others can reach the port, a token is all that stands between them and the account: it has to be long.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from storage.config.secret import Secret
from storage.config.services import WebSettings
from storage.durable import replace_files
from strategies.errors import BadInput, StorageFailed

NAME: Final = "api.token"
SHORTEST: Final = 16  # characters on an address that others reach
FEWEST_DIFFERENT: Final = 6


def api_token(configured: str, state_folder: Path) -> str:
    """Return the configured token, else the stored one, else a new one that is stored now.

    A file that is cut short, by a full disk or an older version that was killed, is no token: it is made anew. One that
    cannot be kept holds until the daemon ends; other shells do without it.

    Raises:
        StorageFailed: it cannot be read.
    """
    if configured:
        return configured
    path = state_folder / NAME
    try:
        stored = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    except OSError as error:
        raise StorageFailed(f"{path} cannot be read: {error.strerror}; the API token lies there") from error
    return stored if len(stored) >= SHORTEST else _made(path)


def _made(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_files([(path, partial(_write_owned, text=token))])
    except (OSError, StorageFailed) as error:
        log = structlog.get_logger("web")
        log.warning("API token not kept, other shells cannot command this daemon", file=str(path), error=str(error))
    return token


def _write_owned(path: Path, *, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def known_token(configured: Secret, state_folder: Path) -> str:
    """Return the token that this process can read, or nothing: a second shell asks, and makes no token of its own.

    Args:
        configured: `[web] token`.
        state_folder: where a daemon keeps the one it made.
    """
    with suppress(BadInput, OSError):
        return configured.reveal() or (state_folder / NAME).read_text().strip()
    return ""


def check_tokens(settings: WebSettings, token: str) -> None:
    """Refuse to serve where a token could be guessed or opens more than it should.

    Args:
        settings: `[web]`.
        token: the API token as it is used.

    Raises:
        BadInput: a token is too short for an address that others reach, or the read token is the API token.
    """
    read_token = settings.read_token.reveal()
    if read_token and read_token == token:
        raise BadInput("SIGMA_WEB__READ_TOKEN is the API token itself; another one is needed, since it may only read")
    if settings.is_loopback:
        return
    for name, value in (("TOKEN", token), ("READ_TOKEN", read_token)):
        if value and (len(value) < SHORTEST or len(set(value)) < FEWEST_DIFFERENT):
            raise BadInput(
                f"[web] host is {settings.host}, reachable by others; SIGMA_WEB__{name} has {len(value)} characters "
                f"({len(set(value))} different); at least {SHORTEST} random ones are needed (openssl rand -hex 32)"
            )
