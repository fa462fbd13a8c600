"""Lazy names: bound at once, loaded at the first use, and then as good as the thing itself."""

from __future__ import annotations

import sys
import textwrap
import threading
from pathlib import Path

import pytest

from storage.lazy import lazily

THING = """
    LOADED = True
    NUMBERS = (1, 2, 3)

    class Thing:
        word = "thing"

        def __init__(self, size=1):
            self.size = size

    def double(value):
        return 2 * value
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module that nobody has loaded yet."""
    package = tmp_path / "slow_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "thing.py").write_text(textwrap.dedent(THING))
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("slow_package", "slow_package.thing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "slow_package.thing"


def test_nothing_is_loaded_before_it_is_used(slow: str) -> None:
    with lazily():
        from slow_package.thing import double  # type: ignore[import-not-found]
    assert slow not in sys.modules
    assert double(21) == 42
    assert slow in sys.modules


def test_a_class_is_called_asked_and_tested_with_isinstance(slow: str) -> None:
    with lazily():
        from slow_package.thing import Thing
    assert Thing(size=3).size == 3
    assert Thing.word == "thing"
    assert isinstance(Thing(), Thing)
    assert not isinstance("thing", Thing)


def test_a_module_and_a_tuple_of_it_can_be_named_too(slow: str) -> None:
    with lazily():
        from slow_package import thing
        from slow_package.thing import NUMBERS
    assert slow not in sys.modules
    assert list(NUMBERS) == [1, 2, 3]
    assert NUMBERS[1] == 2
    assert thing.LOADED


def test_a_whole_module_by_one_word_is_lazy_and_by_two_is_refused(slow: str) -> None:
    with lazily():
        import slow_package as package
    assert package.__name__ == "slow_package"
    with pytest.raises(ImportError, match=r"slow_package\.thing"), lazily():
        import slow_package.thing  # noqa: F401


def test_imports_after_the_block_and_of_other_threads_are_ordinary(slow: str) -> None:
    found: list[object] = []

    def elsewhere() -> None:
        from slow_package.thing import NUMBERS

        found.append(NUMBERS)

    with lazily():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    from slow_package.thing import Thing

    assert found == [(1, 2, 3)]
    assert isinstance(Thing, type)


def test_what_is_missing_is_said_where_it_is_used(slow: str) -> None:
    with lazily():
        from slow_package.thing import nothing
    with pytest.raises(ImportError, match="nothing"):
        nothing()
