"""`sigma backup | restore`: everything that cannot be fetched again, in one file and back."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.commands.version import installed
from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.output import emit, note, progress
from storage.terminal.times import minute_of
from strategies.errors import BadInput, SigmaError

with lazily():
    from bot.cli.commands.ledger import identical, replayed
    from bot.clock import wall_ms
    from storage.backup import one_account
    from storage.backup import restore as restoring
    from storage.backup.manifest import Manifest
    from storage.backup.places import Places
    from storage.backup.restore import Restored
    from storage.backup.write import Contents, write_backup
    from storage.config.tree import Config
    from storage.ledger import accounts
    from storage.ledger.queries import Ledger
    from storage.open import database_of, whole_database_of

app = typer.Typer(add_completion=False, help="Back up and restore.")

STAGES = {"checking": ("checking the backup", "bytes"), "rows": ("database", "rows"), "files": ("files", "")}

File = Annotated[Path, typer.Argument(help="Of the backup, e.g. sigma.backup.")]


@app.command()
def backup(
    file: File,
    account: Annotated[str | None, typer.Option(help="Only this account, out of several.")] = None,
    with_candles: Annotated[bool, typer.Option("--with-candles", help="Take the candle store along.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file when it exists.")] = False,
) -> None:
    """Write ledger, tape, bundles, market clock and trials to one file; the daemon may go on running.

    Example: sigma backup sigma-2025-05-05.backup
    """
    config = load()
    _require_target(file, force=force)
    with _Stages() as stages:
        made = write_backup(
            whole_database_of(config),
            _places(config),
            file,
            Contents(with_candles=with_candles, account=(config.exchange.name, account) if account else None),
            created_ms=wall_ms(),
            version=installed("sigma-analyst") or "unknown",
            passphrase=config.database.backup_passphrase.reveal(),
            done=stages.show,
        )
    for lost in made.lost:
        note(f"warning: not in the backup: {lost}")
    size = file.stat().st_size
    emit(_document(made) | {"file": str(file), "bytes": size}, f"wrote {file}: {_text(made)}, {size:,} bytes")


@app.command()
def restore(
    file: File,
    account: Annotated[str | None, typer.Option(help="Only this account; the others here go on.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Move what is here aside instead of refusing.")] = False,
) -> None:
    """Check a backup, put it in place in one instant, then replay its tape against its ledger.

    Example: sigma restore sigma-2025-05-05.backup
    """
    config = load()
    done = _put_in_place(config, file, account, force=force)
    note(f"restored {file}: {_text(done.manifest)}")
    for folder in done.aside:
        note(f"what was here before is in {folder}")
    if done.config is not None:
        note(f"the backup's configuration is in {done.config}")
    for address in done.addresses:
        note(
            f"warning: {address} came with the backup; the daemon will talk to it and show it the secret it has for it"
        )
    checked, lines = _replay(config, done.manifest)
    moved: dict[str, Any] = {"aside": list(done.aside), "config": None if done.config is None else str(done.config)}
    moved |= {"addresses": list(done.addresses)}
    emit(_document(done.manifest) | moved | {"accounts": checked}, "\n".join(lines))
    wrong = [part for part in checked if part["differences"]]
    if wrong:
        raise SigmaError(f"the ledger of {wrong[0]['name']} is not what its tape gives: {wrong[0]['differences'][0]}")


def _put_in_place(config: Config, file: Path, account: str | None, *, force: bool) -> Restored:
    """Restore everything, or one account beside the others."""
    database, places, exchange = database_of(config), _places(config), config.exchange.name
    passphrase = config.database.backup_passphrase.reveal()
    with _Stages() as stages:
        options = restoring.RestoreOptions(force=force, now_ms=wall_ms(), passphrase=passphrase, done=stages.show)
        if account:
            return one_account.restore_account(database, places, file, (exchange, account), options)
        return restoring.restore(database, places, file, (exchange, config.account.name), options)


class _Stages:
    """One progress bar after the other."""

    def __init__(self) -> None:
        self._bars = ExitStack()
        self._shown: tuple[str, Any] = ("", None)

    def __enter__(self) -> _Stages:
        return self

    def __exit__(self, *reason: object) -> None:
        self._bars.close()

    def show(self, what: str, so_far: int, total: int) -> None:
        """Say how far a stage is."""
        if self._shown[0] != what:
            self._bars.close()
            label, unit = STAGES[what]
            self._shown = (what, self._bars.enter_context(progress(label, total, unit)))
        self._shown[1](so_far)


def _replay(config: Config, manifest: Manifest) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what replaying every account's tape found, as documents and as lines."""
    documents, lines = [], []
    database = whole_database_of(config)
    for part in manifest.accounts:
        account = accounts.find(database, part.exchange, part.name)
        assert account is not None, f"account {part.name} came back with the database"
        found = replayed(config, Ledger(database, account))
        documents.append(asdict(found) | {"exchange": part.exchange, "name": part.name, "ok": found.ok})
        said = identical(found) if found.ok else "\n".join(["NOT what its tape gives:", *found.differences])
        lines.append(f"{part.name} on {part.exchange}: {said}")
    return documents, lines or ["no account is in the backup"]


def _require_target(file: Path, *, force: bool) -> None:
    if not file.parent.is_dir():
        raise BadInput(f"{file.parent} is not a folder; make it first")
    if file.is_dir():
        raise BadInput(f"{file} is a folder; the name of a file is needed")
    if file.exists() and not force:
        raise BadInput(f"{file} exists; --force replaces it")


def _places(config: Config) -> Places:
    return Places.of(config, Path(os.environ.get("SIGMA_CONFIG") or "config.toml"))


def _document(made: Manifest) -> dict[str, Any]:
    return made.model_dump(mode="json", exclude={"members"}) | {"members": len(made.members)}


def _text(made: Manifest) -> str:
    newest_ms = max((part.last_minute_ms or 0 for part in made.accounts), default=0)
    stand = minute_of(newest_ms) if newest_ms else "no minute yet"
    names = ", ".join(f"{part.name} on {part.exchange}" for part in made.accounts) or "no account"
    return f"{names} as of {stand}, {sum(made.tables.values()):,} rows, {len(made.members):,} members"
