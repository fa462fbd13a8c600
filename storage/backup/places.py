"""Places of a backup's members on this machine: names to paths, by the configuration that holds here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from storage.backup.manifest import CONFIG
from storage.config.tree import Config

UNITS: Final = (
    "tape",
    "exchange",
    "models/bundles",
    "models/production",
    "models/verdicts",
    "runs/trials.jsonl",
    "runs/trials",
)
CANDLES: Final = "candles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders of one installation.

    Attributes:
        database: the SQLite file; None for a server.
    """

    database: Path | None
    state: Path
    models: Path
    runs: Path
    candles: Path
    config: Path

    @classmethod
    def of(cls, config: Config, config_file: Path) -> Places:
        """Return the places of a configuration."""
        paths = config.paths
        file = make_url(config.database.url).database if config.database.is_sqlite else None
        return cls(
            database=None if file is None else Path(file).resolve(),
            state=paths.state.resolve(),
            models=paths.models.resolve(),
            runs=paths.runs.resolve(),
            candles=config.data.directory.resolve(),
            config=config_file.resolve(),
        )

    @property
    def tape(self) -> Path:
        """The folder that holds `tape`, the archived days."""
        return self.state if self.database is None else self.database.parent

    def of_member(self, name: str) -> Path:
        """Return where a member lies, or would lie."""
        if name == CONFIG:
            return self.config
        root, _, rest = name.partition("/")
        match root:
            case "tape" | "exchange":
                folder = (self.tape if root == "tape" else self.state) / root
                return folder / rest if rest else folder
            case "models":
                return self.models / rest
            case "runs":
                return self.runs / rest
            case "candles":
                return self.candles / rest
        raise KeyError(name)

    def files_of(
        self, unit: str, on_error: Callable[[OSError], None] = lambda _error: None
    ) -> Iterator[tuple[str, Path]]:
        """Yield (member name, path) of every file of a unit, in order; locks and what a writer has staged are not.

        Args:
            unit: of `UNITS`, or the candles.
            on_error: told of a folder that cannot be read.
        """
        start = self.of_member(unit)
        if start.is_file():
            yield unit, start
            return
        for path in sorted(_below(start, on_error)):
            inside = path.relative_to(start)
            if (path.is_file() or path.is_symlink()) and not any(part.startswith(".") for part in inside.parts):
                yield f"{unit}/{inside.as_posix()}", path


def _below(start: Path, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield everything below a folder, through links too; a folder that is met again on its own way ends there."""
    for folder, folders, names in os.walk(start, onerror=_unless_absent(on_error), followlinks=True):
        above = [part for part in Path(folder).parents if part.is_relative_to(start)]
        if Path(folder).resolve() in [part.resolve() for part in above]:
            folders.clear()
            continue
        yield from (Path(folder) / name for name in names)


def _unless_absent(on_error: Callable[[OSError], None]) -> Callable[[OSError], None]:
    return lambda error: None if isinstance(error, FileNotFoundError) else on_error(error)


def unit_of(name: str) -> str:
    """Return the part of an installation that a member belongs to: what is replaced in one rename."""
    parts = name.split("/")
    if parts[0] == CANDLES:
        return "/".join(parts[:2])
    return next((unit for unit in UNITS if name == unit or name.startswith(f"{unit}/")), name)
