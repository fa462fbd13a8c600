"""`sigma init`: what a first start needs besides the program, a configuration and secrets; what is there stays."""

from __future__ import annotations

import os
import secrets as random
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.commands.config_edit import beginning, chosen_file, write_text
from storage.terminal.output import emit

app = typer.Typer(add_completion=False, help="Make a configuration and secrets.")
SECRETS: Final = {"web_token": 32, "read_token": 32, "database_password": 32, "grafana_password": 16}  # bytes
FOLDER_MODE: Final = 0o700  # of the folder: nobody else on this machine gets to the files
FILE_MODE: Final = 0o644  # of the files: a container's own user has to read those that are given to it


@app.command()
def init(
    folder: Annotated[Path, typer.Option(help="Where the secrets are kept.")] = Path("secrets"),
) -> None:
    """Make a configuration file and the secrets that a container needs; what is there already stays as it is.

    Example: sigma init
    """
    made, kept = [], []
    path = chosen_file()
    if path.exists():
        kept.append(str(path))
    else:
        write_text(path, beginning())
        made.append(str(path))
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    for name, size in SECRETS.items():
        (made if _make(folder / name, size) else kept).append(str(folder / name))
    lines = [f"made {part}" for part in made] + [f"kept {part}" for part in kept]
    emit({"made": made, "kept": kept}, "\n".join([*lines, "", "next: `sigma run`, or `docker compose up`"]))


def _make(path: Path, size: int) -> bool:
    """Write a secret of random bytes as hex where there is none; whether it was written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, FILE_MODE)
        file.write(random.token_hex(size))
    return True
