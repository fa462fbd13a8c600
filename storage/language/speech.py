"""Messages in the language of the running task."""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from storage.lazy import lazily

with lazily():
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

FOLDER: Final = Path(__file__).parent / "locale"

Language = Literal["en", "tr"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
_LANGUAGE: Final[ContextVar[Language]] = ContextVar("language", default="en")


def _(message: str, /, **values: object) -> str:
    """Return a message in the task's language, its `{names}` filled in."""
    found = catalogue(_LANGUAGE.get()).gettext(message)
    return found.format(**values) if values else found


def many(one: str, several: str, count: int, **values: object) -> str:
    """Return the form for a count, which is `{count}` in the text."""
    found = catalogue(_LANGUAGE.get()).ngettext(one, several, count)
    return found.format(**{"count": count} | values)


def N_(message: str) -> str:  # the name that catalogue tools look for
    """Mark a message that is looked up later."""
    return message


def language() -> Language:
    """Return the language of the running task."""
    return _LANGUAGE.get()


@contextmanager
def speaking(chosen: Language) -> Iterator[None]:
    """Speak a language until the block ends."""
    before = _LANGUAGE.set(chosen)
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


@cache
def catalogue(chosen: Language) -> gettext.NullTranslations:
    """Return a language's messages; babel is loaded only where another one than English is spoken."""
    if chosen == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with (FOLDER / f"{chosen}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=chosen))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def messages(chosen: Language) -> dict[str, str]:
    """Return a language's messages by their English text, for pages that translate by themselves; {} for English.

    A message for one and for many stands under both of its English texts.
    """
    if chosen == "en":
        return {}
    with (FOLDER / f"{chosen}.po").open("rb") as file:
        found = read_po(file, locale=chosen)
    texts = {}
    for part in found:
        forms = [part.string] if isinstance(part.string, str) else list(part.string or ())
        for number, name in enumerate([part.id] if isinstance(part.id, str) else part.id):
            if name:
                texts[name] = str(forms[min(number, len(forms) - 1)])
    return texts
