"""Lazy imports: names that stand at the top of a file and are loaded when they are first used.

A command's file names what it needs where a reader looks for it, and `--help` still loads none of it. Python's own
`lazy from … import …` (PEP 810) will replace this. A name is called, asked for an attribute or an item, iterated or
tested with `isinstance` as if it were there already; it cannot stand behind `except` or be inherited from.
"""

from __future__ import annotations

import builtins
import importlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any


class LazyName:
    """A name of a module that is not loaded before somebody uses it."""

    __slots__ = ("_module", "_name")

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __call__(self, *args: Any, **options: Any) -> Any:
        return _loaded(self)(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(_loaded(self), name)

    def __iter__(self) -> Iterator[Any]:
        return iter(_loaded(self))

    def __getitem__(self, key: Any) -> Any:
        return _loaded(self)[key]

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, _loaded(self))

    def __repr__(self) -> str:
        return f"<lazy {self._module}.{self._name}>"


@contextmanager
def lazily() -> Iterator[None]:
    """Let the imports of a `with` block bind names that are loaded when they are used.

    Raises:
        ImportError: a statement of another form stands in the block; later, what importing the module raises.
    """
    eager, here = builtins.__import__, threading.get_ident()

    def import_(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if threading.get_ident() != here:  # another thread imports in its own right
            return eager(name, globals, locals, fromlist or (), level)
        if level or (not fromlist and "." in name):
            raise ImportError(f"`import {name}` cannot be lazy; `from … import …` with a whole name is needed")
        if not fromlist:
            return LazyName(name, "")
        return SimpleNamespace(**{part: LazyName(name, part) for part in fromlist})

    builtins.__import__ = import_
    try:
        yield
    finally:
        builtins.__import__ = eager


def _loaded(lazy: LazyName) -> Any:
    module, name = lazy._module, lazy._name
    found = importlib.import_module(module)
    if not name:
        return found
    return getattr(found, name) if hasattr(found, name) else importlib.import_module(f"{module}.{name}")
