"""Typed routes: what an operation takes and gives is read from its signature, checked, and told in the OpenAPI.

    @routes.get("/api/trades")
    async def trades(request: web.Request, query: TradesAsked) -> TradesPage:
        \"""Closed trades, newest first.\"""

`query` is a model of the query string, `body` one of the JSON body; the returned value is written by the return
annotation. Refusals are errors (`problems.py`).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bot.web.problems import UnsupportedMedia
from bot.web.written import written
from strategies.errors import BadInput

Handler = Callable[..., Awaitable[BaseModel | web.Response]]
JSON = "application/json"
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    Attributes:
        name: of the handler, unique: the OpenAPI's operationId.
        status: of an answer that is not a problem.
        problems: statuses it may refuse with, beside those every operation shares.
        changes: a token is needed.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    handler: Handler
    answer: type[BaseModel]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    status: int
    problems: tuple[int, ...]
    changes: bool

    async def respond(self, request: web.Request) -> web.Response:
        """Check what came, ask the handler, write what it gives.

        Raises:
            BadInput: the query or the body is not what the operation takes.
        """
        arguments: dict[str, BaseModel] = {}
        if self.query is not None:
            arguments["query"] = _checked(self.query.model_validate, _query_of(request))
        if self.body is not None:
            arguments["body"] = await _parsed_body(request, self.body)
        given = await self.handler(request, **arguments)
        if isinstance(given, web.Response):
            return given
        return await written(request, given.model_dump_json().encode(), self.status, JSON)


class Operations:
    """The operations of one chapter of the API, in the order in which they are told."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self.all: list[Operation] = []

    def get(self, path: str, *, problems: tuple[int, ...] = ()) -> Callable[[Handler], Handler]:
        """Serve a question."""
        return self.add("GET", path, problems=problems, changes=False)

    def post(
        self, path: str, *, status: int = 200, problems: tuple[int, ...] = (), changes: bool = True
    ) -> Callable[[Handler], Handler]:
        """Serve a command."""
        return self.add("POST", path, status=status, problems=problems, changes=changes)

    def add(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        problems: tuple[int, ...] = (),
        changes: bool,
        answer: type[BaseModel] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Serve an operation. With `answer` the handler writes it itself, into a response of its own."""

        def register(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            self.all.append(
                Operation(
                    name=handler.__name__,
                    method=method,
                    path=path,
                    tag=self._tag,
                    summary=inspect.getdoc(handler) or "",
                    handler=handler,
                    answer=answer or hints["return"],
                    query=hints.get("query"),
                    body=hints.get("body"),
                    status=status,
                    problems=problems,
                    changes=changes,
                )
            )
            return handler

        return register


def _query_of(request: web.Request) -> dict[str, str]:
    repeated = [name for name in request.query if len(request.query.getall(name)) > 1]
    if repeated:
        raise BadInput(f"{repeated[0]} is given {len(request.query.getall(repeated[0]))} times; once is needed")
    return dict(request.query)


async def _parsed_body(request: web.Request, model: type[Model]) -> Model:
    """Return the JSON body of a request; no body is {}.

    Raises:
        UnsupportedMedia: it is not said to be JSON.
        BadInput: it is not what the model takes.
    """
    if request.content_type != JSON and request.body_exists:
        found = request.headers.get("Content-Type", "none")
        raise UnsupportedMedia(f"the content type is {found}; {JSON} is needed")
    return _checked(model.model_validate_json, await request.read() or b"{}")


def _checked(check: Callable[[Any], Model], given: Any) -> Model:
    try:
        return check(given)
    except ValidationError as error:
        raise BadInput("; ".join(_sentence(part) for part in error.errors())) from error


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "json_invalid":
        return f"the body is not JSON ({error['ctx']['error']}); a JSON object is needed"
    if not where:
        return f"{error['msg']}; a JSON object is needed"
    if error["type"] == "missing":
        return f"{where} is missing; it is needed"
    if error["type"] == "extra_forbidden":
        return f"{where} is not known here"
    return f"{where} is {str(error['input'])[:80]!r}: {error['msg'].removeprefix('Value error, ')}"
