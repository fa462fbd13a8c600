"""`sigma completion bash | zsh | fish`: a script by which the shell completes sigma's words."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli import BATCH, ENTRIES
from storage.terminal.output import emit
from strategies.errors import BadInput

app = typer.Typer(add_completion=False)
COMMON: Final = ("--help", "--json", "--verbose")


@app.command()
def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print a script that lets bash, zsh or fish complete commands.

    Example: sigma completion bash > ~/.local/share/bash-completion/completions/sigma
    """
    makers = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    if shell not in makers:
        raise BadInput(f"shell is {shell!r}; bash, zsh or fish is needed")
    script = makers[shell](words())
    emit({"shell": shell, "script": script}, script.rstrip("\n"))


def words() -> dict[str, list[str]]:
    """Return every word after `sigma`, with the words that may follow it."""
    found: dict[str, list[str]] = {}
    for word, entry in ENTRIES.items():
        first, _, second = word.partition(" ")
        following = found.setdefault(first, [])
        if second:
            following.append(second)
        elif entry.is_group and entry.module == BATCH:
            following += _batch_words(word)
        elif entry.is_group:
            app = importlib.import_module(f"bot.cli.commands.{entry.module}").app
            following += [typer.main.get_command_name(c.name or c.callback.__name__) for c in app.registered_commands]
    return found


def _batch_words(group: str) -> list[str]:
    """Return the commands of a batch group by the names of their files; nothing of them is imported."""
    spec = importlib.util.find_spec("training")
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(file.stem for folder in folders for file in (Path(folder) / "commands").glob(f"{group}_*.py"))
    return [stem.removeprefix(f"{group}_").replace("_", "-") for stem in files]


def _bash(found: dict[str, list[str]]) -> str:
    cases = "".join(f'    {word}) words="{" ".join(next_)}" ;;\n' for word, next_ in found.items() if next_)
    return (
        "_sigma() {\n"
        '  local current="${COMP_WORDS[COMP_CWORD]}" words=""\n'
        f'  if [ "$COMP_CWORD" -eq 1 ]; then words="{" ".join(found)}"\n'
        '  elif [ "$COMP_CWORD" -eq 2 ]; then case "${COMP_WORDS[1]}" in\n'
        f"{cases}  esac; fi\n"
        f'  case "$current" in -*) words="{" ".join(COMMON)}" ;; esac\n'
        '  COMPREPLY=($(compgen -W "$words" -- "$current"))\n'
        "}\n"
        "complete -o default -F _sigma sigma\n"
    )


def _zsh(found: dict[str, list[str]]) -> str:
    return "#compdef sigma\nautoload -U +X bashcompinit && bashcompinit\n" + _bash(found)


def _fish(found: dict[str, list[str]]) -> str:
    lines = ["complete -c sigma -f"]
    for word, following in found.items():
        summary = ENTRIES[word].summary.replace("'", "")
        lines.append(f"complete -c sigma -n __fish_use_subcommand -a {word} -d '{summary}'")
        if following:
            seen = f"__fish_seen_subcommand_from {word}"
            lines.append(f"complete -c sigma -n '{seen}' -a '{' '.join(following)}'")
    lines += [f"complete -c sigma -l {option.lstrip('-')}" for option in COMMON]
    return "\n".join(lines) + "\n"
