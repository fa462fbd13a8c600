"""Every message of the sources, for those who translate: `python -m storage.language.extract` brings the catalogues up
to date, keeps what is translated and says what is missing.

Needs babel's reader of sources; nothing that runs needs this module.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from storage.language.speech import FOLDER, LANGUAGES

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ("bot", "storage", "training")
MARKS: Final = frozenset({"_", "N_"})
PAGE: Final = "bot/web/dashboard"
_TEXT: Final = r'"((?:[^"\\]|\\.)*)"'
_ONE: Final = re.compile(rf"(?<![\w.])(?:t|N_)\(\s*{_TEXT}")
_SEVERAL: Final = re.compile(rf"(?<![\w.])many\(\s*{_TEXT},\s*{_TEXT}")

Message = str | tuple[str, str]


def messages_of(root: Path = ROOT) -> dict[Message, list[str]]:
    """Return every message with the files that say it; a pair is a singular and its plural."""
    found: dict[Message, list[str]] = {}
    for path in _sources(root):
        for message in _said_in(path):
            places = found.setdefault(message, [])
            if path.relative_to(root).as_posix() not in places:
                places.append(path.relative_to(root).as_posix())
    return found


def update(language: str, root: Path = ROOT) -> list[str]:
    """Bring a catalogue up to date and return the messages it has no translation of."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po, write_po

    path = FOLDER / f"{language}.po"
    old = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            old = read_po(file, locale=language)
    new = Catalog(locale=language, project="sigma-analyst", charset="utf-8", fuzzy=False)
    for message, places in messages_of(root).items():
        kept = old.get(message if isinstance(message, str) else message[0])
        new.add(message, kept.string if kept else None, locations=[(place, None) for place in places])  # type: ignore[misc]
    with path.open("wb") as file:
        write_po(file, new, width=120, omit_header=False, sort_output=False)
    return [str(part.id) for part in new if part.id and not _is_translated(part.string)]


def _is_translated(given: object) -> bool:
    return all(given) if isinstance(given, tuple | list) else bool(given)


def _sources(root: Path) -> list[Path]:
    python = [part for folder in SOURCES for part in (root / folder).rglob("*.py")]
    page = [part for part in (root / PAGE).rglob("*") if part.suffix in (".js", ".html")]
    return sorted(python) + sorted(page)


def _said_in(path: Path) -> Iterator[Message]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from _messages(ast.parse(text))
    elif path.suffix == ".js":
        yield from (_unescaped(part) for part in _ONE.findall(text))
        yield from ((_unescaped(one), _unescaped(several)) for one, several in _SEVERAL.findall(text))
    else:
        words = _Words()
        words.feed(text)
        yield from words.found


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


class _Words(HTMLParser):
    """What a page says to people: its texts and its spoken names, but no code, keys or marks."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what is read aloud, and remember where the parser is."""
        self._inside.append(tag)
        self.found += [value for name, value in attrs if name == "aria-label" and value]

    def handle_endtag(self, tag: str) -> None:
        """Leave an element, and those in it that nobody closed."""
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take a text."""
        words = data.strip()
        is_told = "body" in self._inside and not {"code", "kbd", "script", "noscript"} & set(self._inside)
        if is_told and any(letter.isalpha() for letter in words):
            self.found.append(words)


def _messages(tree: ast.Module) -> Iterator[Message]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if node.func.id in MARKS and texts:
            yield texts[0]
        elif node.func.id == "many" and len(texts) >= 2:
            yield texts[0], texts[1]


if __name__ == "__main__":
    for name in LANGUAGES:
        if name != "en":
            for missing in update(name):
                print(f"{name}: {missing!r} is not translated")
