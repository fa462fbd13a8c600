"""The instant of a restore: what was staged takes the place of what is there, all of it or none.

Everything is staged first, beside its target. Then one record is written; from there on the restore has happened, and
whoever finds the record carries out the renames that are left. On a server the record only prepares: there the
database's own commit decides, and a record without it is undone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

from storage.backup.unfinished import RECORD, is_unfinished
from storage.durable import failure, folder_lock, replace_files, sync
from storage.ledger.database import reading
from strategies.errors import StorageFailed

STAGING: Final = ".restore-"
ASIDE: Final = "before-restore-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One rename: `staged` takes the place of `target`, which goes to `aside`. None: nothing takes its place."""

    staged: Path | None
    target: Path
    aside: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """All renames of a restore.

    Attributes:
        id: of the restore: its moment, in words.
        seal: of the backup.
        is_server: whether the database decides, by a comment that carries the id.
    """

    id: str
    seal: str
    is_server: bool
    moves: tuple[Move, ...]

    def carry_out(self) -> None:
        """Rename whatever is not renamed yet."""
        for move in self.moves:
            if not (move.target if move.staged is None else move.staged).exists():
                continue  # done before, or nothing to do
            if move.target.exists():
                move.aside.parent.mkdir(exist_ok=True)
                os.rename(move.target, move.aside)
            if move.staged is not None:
                os.rename(move.staged, move.target)
            sync(move.target.parent)

    def clean(self) -> None:
        """Remove the staging folders."""
        for folder in {move.staged.parent for move in self.moves if move.staged is not None}:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def asides(self) -> list[Path]:
        """The folders that hold files that were there before."""
        folders = {move.aside.parent for move in self.moves}
        return sorted(folder for folder in folders if any(path.is_file() for path in folder.rglob("*")))


def move_of(target: Path, restore_id: str, *, is_staged: bool) -> Move:
    """Return the rename for a target; what is staged and what goes aside lie beside it, on the same disk."""
    return Move(
        staged=target.parent / f"{STAGING}{restore_id}" / target.name if is_staged else None,
        target=target,
        aside=target.parent / f"{ASIDE}{restore_id}" / target.name,
    )


def write_record(switch: Switch, state: Path) -> None:
    """Write down what is going to be renamed."""
    content = json.dumps(asdict(switch), default=str, indent=1)
    state.mkdir(parents=True, exist_ok=True)

    def write(path: Path) -> None:
        path.write_text(content, encoding="utf-8")

    replace_files([(state / RECORD, write)])


def finish_restore(state: Path, engine: Engine) -> Switch | None:
    """Finish a restore that was interrupted, or undo it when it had not happened yet; the account's lease is held.

    Returns:
        The restore that is in place now; None when there was nothing to finish, or it was undone.

    Raises:
        StorageFailed: the record cannot be read, or a rename is refused.
    """
    if not is_unfinished(state):
        return None
    with folder_lock(state):
        switch = _read_record(state / RECORD)
        happened = not switch.is_server or _is_committed(engine, switch.id)
        try:
            if happened:
                switch.carry_out()
                engine.dispose()  # its connections are those of what was there before
            switch.clean()
            (state / RECORD).unlink()
            sync(state)
        except OSError as error:
            text = f"the restore {switch.id} cannot be finished: {error}; make room or grant access, then start again"
            raise failure(text, error) from error
    return switch if happened else None


def mark_committed(connection: Connection, restore_id: str) -> None:
    """Let the commit that follows carry the id of the restore (server only)."""
    connection.execute(text(f"COMMENT ON TABLE account IS 'restored {restore_id}'"))


def remove_staging(folders: Sequence[Path]) -> None:
    """Delete what restores that never happened left behind."""
    for folder in folders:
        for left in folder.glob(f"{STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)


def sync_folders(folders: Sequence[Path]) -> None:
    """Wait until folders, and all folders in them, are on the disk."""
    for folder in set(folders):
        for path in (folder, *(part for part in folder.rglob("*") if part.is_dir())):
            sync(path)


def _is_committed(engine: Engine, restore_id: str) -> bool:
    with reading(engine) as connection:
        if connection.execute(text("SELECT to_regclass('account')")).scalar_one() is None:
            return False
        comment = connection.execute(text("SELECT obj_description(to_regclass('account'), 'pg_class')")).scalar_one()
    found: bool = comment == f"restored {restore_id}"
    return found


def _read_record(path: Path) -> Switch:
    try:
        document = json.loads(path.read_bytes())
        moves = tuple(
            Move(
                staged=None if move["staged"] is None else Path(move["staged"]),
                target=Path(move["target"]),
                aside=Path(move["aside"]),
            )
            for move in document.pop("moves")
        )
        return Switch(moves=moves, **document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageFailed(f"{path} cannot be understood ({error}); a restore was interrupted here") from error
