"""`sigma config init | set | edit`: write a configuration to begin with, and change it, comments kept."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated, Final

import typer

from storage.lazy import lazily
from storage.terminal.output import emit
from strategies.errors import BadInput

with lazily():
    from bot.cli.commands.config import text_of
    from storage.config.tree import parse
    from storage.durable import replace_files

_HEAD: Final = "# Sigma Analyst: what stands behind a # is the default; take the # away to change it.\n\n"


def init(force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False) -> None:
    """Write a configuration file with every default as a comment, ready to be changed.

    Example: sigma config init
    """
    path = chosen_file()
    if path.exists() and not force:
        raise BadInput(f"{path} is there already; `sigma config set` changes it, --force replaces it")
    write_text(path, beginning())
    emit({"file": str(path)}, f"wrote {path}: every value is its default until you change it")


def beginning() -> str:
    """Return a configuration in which every default is a comment."""
    shown = text_of(parse("", {}, "defaults").shown()).splitlines()
    lines = [line if not line or line[0] in "[#" else f"# {line}" for line in shown]
    return _HEAD + "\n".join(lines) + "\n"


def edit() -> None:
    """Open the configuration in your editor ($VISUAL or $EDITOR) and take it over if it holds.

    Example: sigma config edit
    """
    from storage.config.tree import BadConfig

    path = chosen_file()
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise BadInput("no editor is named; set EDITOR, as in `EDITOR=nano sigma config edit`")
    before = path.read_text(encoding="utf-8") if path.exists() else beginning()
    after = _edited(editor, before)
    if after == before:
        emit({"file": str(path), "changed": False}, f"{path}: nothing was changed")
        return
    try:
        parse(after, os.environ, str(path))
    except BadConfig as error:
        kept = path.with_name(f"{path.name}.rejected")
        write_text(kept, after)
        raise BadInput(f"{error}; {path} stays as it was, what you wrote is in {kept}") from error
    write_text(path, after)
    emit({"file": str(path), "changed": True}, f"{path} is taken over; a running daemon needs a restart")


def _edited(editor: str, text: str) -> str:
    """Return what a person made of a text."""
    with tempfile.TemporaryDirectory(prefix="sigma-") as folder:
        draft = Path(folder) / "config.toml"
        draft.write_text(text, encoding="utf-8")
        try:
            ended = subprocess.run([*shlex.split(editor), str(draft)], check=False)
        except OSError as error:
            raise BadInput(f"the editor {editor!r} cannot be started: {error.strerror}") from error
        if ended.returncode:
            raise BadInput(f"the editor {editor!r} ended with code {ended.returncode}; nothing was changed")
        return draft.read_text(encoding="utf-8")


def set_(
    key: Annotated[str, typer.Argument(help="Section and name, e.g. risk.leverage_cap.")],
    value: Annotated[str, typer.Argument(help="As in the file; quotes around a text may be left out.")],
) -> None:
    """Change one value in the configuration file; a value that does not hold changes nothing.

    Example: sigma config set risk.leverage_cap 1.5
    """
    section, dot, name = key.rpartition(".")
    if not dot:
        raise BadInput(f"{key!r} names no section; one like risk.leverage_cap is needed")
    path = chosen_file()
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    written = literal(value)
    after = changed(before, section, name, written)
    parse(after, os.environ, str(path))
    write_text(path, after)
    emit(
        {"file": str(path), "key": key, "value": written},
        f"{path}: {key} = {written}; a running daemon needs a restart",
    )


def chosen_file() -> Path:
    """Return the file that SIGMA_CONFIG or --config names, or config.toml here."""
    return Path(os.environ.get("SIGMA_CONFIG") or "config.toml")


def literal(value: str) -> str:
    """Return a value as TOML: as it is where it is TOML, otherwise as a text in quotes."""
    try:
        tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return json.dumps(value, ensure_ascii=False)
    return value


def changed(text: str, section: str, name: str, written: str) -> str:
    """Return a configuration with one value changed; comments and everything else stay as they are.

    Raises:
        BadInput: the value spans several lines.
    """
    lines = text.splitlines()
    begin = next((number for number, line in enumerate(lines) if _header(line) == section), None)
    if begin is None:
        gap = [""] if lines else []
        return "\n".join([*lines, *gap, f"[{section}]", f"{name} = {written}"]) + "\n"
    end = next((number for number in range(begin + 1, len(lines)) if _header(lines[number])), len(lines))
    inside = range(begin + 1, end)
    live = [number for number in inside if re.match(rf"\s*{re.escape(name)}\s*=", lines[number])]
    asleep = [number for number in inside if re.match(rf"#\s*{re.escape(name)}\s*=", lines[number])]
    if live or asleep:
        number = (live or asleep)[0]
        lines[number] = f"{name} = {written}{_comment(lines[number].lstrip('# '))}"
    else:
        lines.insert(begin + 1, f"{name} = {written}")
    return "\n".join(lines) + "\n"


def _header(line: str) -> str:
    found = re.match(r"\s*\[([\w.]+)\]", line)
    return found[1] if found else ""


def _comment(line: str) -> str:
    """Return what stands behind the value of a line, from its spaces on."""
    for end in [*(found.start() for found in re.finditer(r"\s*#", line)), len(line)]:
        try:
            tomllib.loads(line[:end])
        except tomllib.TOMLDecodeError:
            continue
        return line[end:]
    raise BadInput(f"{line.strip()!r} goes on over several lines; change it in the file itself")


def write_text(path: Path, text: str) -> None:
    """Replace a file at once, or leave it as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def write(stage: Path) -> None:
        stage.write_text(text, encoding="utf-8")

    replace_files([(path, write)])
