"""A string that must never be shown: prints as `***`, and only `reveal()` gives it away."""

from __future__ import annotations

from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from strategies.errors import BadInput

MASK: Final = "***"
UNREADABLE: Final = "unreadable"  # key of what stands in the tree for a secret whose file cannot be read


class Secret:
    """A token or password. Falsy when it is not set, or cannot be read here: only who needs it hears of that."""

    __slots__ = ("_problem", "_text")

    def __init__(self, text: str = "", *, problem: str = "") -> None:
        self._text = text
        self._problem = problem

    def reveal(self) -> str:
        """Return the secret itself: for the one call that needs it.

        Raises:
            BadInput: the file that holds it cannot be read by this process.
        """
        if self._problem:
            raise BadInput(self._problem)
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return MASK if self._text else ""

    __str__ = __repr__

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[()]]:
        return Secret, ()  # what travels to another process is empty

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._of, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def _of(cls, given: object) -> Secret:
        if isinstance(given, Secret):
            return given
        if isinstance(given, str):
            return cls(given.strip())
        if isinstance(given, dict) and set(given) == {UNREADABLE}:
            return cls(problem=str(given[UNREADABLE]))
        raise ValueError("is not text; a string is needed")


NO_SECRET: Final = Secret()
