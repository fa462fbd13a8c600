"""Help texts: an example stands on a line of its own, never wrapped, so that it can be copied and run."""

from __future__ import annotations

import inspect
from typing import Final

_AS_IT_IS: Final = "\b"  # click wraps every paragraph but those that begin with this


def with_example(docstring: str | None) -> str:
    """Return a command's docstring as its help: what follows "Example:" on an unwrapped line of its own."""
    text = inspect.cleandoc(docstring or "")
    before, found, example = text.partition("\n\nExample: ")
    return f"{before}\n\n{_AS_IT_IS}\nExample:\n  {example}" if found else text
