"""The OpenAPI 3.1 document, derived from the operations: what is served is what is told."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from bot.trading.control import Control
from bot.web.operations import JSON, Operation
from bot.web.problems import PROBLEM_JSON, Problem
from bot.web.routes.predict import ENSEMBLE

REF: Final = "#/components/schemas/{model}"
SHARED_PROBLEMS: Final = (400, 401, 403, 413, 415, 421, 429, 500, 503)
WORDS: Final = {
    400: "the request is not what is needed",
    401: "a token is needed",
    403: "a foreign origin, or a forged request",
    404: "nothing bears this name",
    409: "it does not fit what is",
    413: "the body is too large",
    415: "the body is not JSON",
    421: "a host this server does not answer to",
    429: "too many requests",
    500: "it could not be answered",
    503: "not now",
}
DESCRIPTION: Final = """Paper trading only: nothing here can send an order anywhere.

Times are UTC milliseconds; where a time is asked for, ISO 8601 does too. Money is in quote, fractions are fractions.
Errors are problem documents (RFC 9457). Changes need the API token as a bearer, or a signed-in page with its
`X-Sigma-CSRF`. Lists are pages: `next_before` of one is the `before` of the next. `/api/stream` is a websocket of
events with rising ids; `?after=ID` goes on where a reader was."""


def document(operations: Sequence[Operation], control: Control) -> dict[str, Any]:
    """Return the document of this daemon: its symbols and families are named in it."""
    found: dict[str, Any] = _with_names(_described(tuple(operations)), control)
    return found


@lru_cache(maxsize=2)
def _described(operations: tuple[Operation, ...]) -> dict[str, Any]:
    """Return the document of any daemon; it is read and never changed."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for operation in operations:
        models += [(part, "validation") for part in (operation.query, operation.body) if part is not None]
        models.append((operation.answer, "serialization"))
    names, schemas = models_json_schema(models, ref_template=REF)
    components = schemas.get("$defs", {})
    asked = {part.query: _name(names[part.query, "validation"]) for part in operations if part.query is not None}
    queries = {query: components.pop(name) for query, name in asked.items()}  # told with the parameters, not as values
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, names, None if operation.query is None else queries[operation.query]
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sigma Analyst", "version": version("sigma-analyst"), "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation, names: Any, query: dict[str, Any] | None) -> dict[str, Any]:
    answer = names[operation.answer, "serialization"]
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary.split("\n")[0],
        "responses": {
            str(operation.status): {"description": "as asked", "content": {JSON: {"schema": answer}}},
            **{str(status): _problem(status) for status in sorted({*SHARED_PROBLEMS, *operation.problems})},
        },
    }
    if query is not None:
        told["parameters"] = _parameters(query)
    if operation.body is not None:
        required = bool(operation.body.model_json_schema().get("required"))
        schema = names[operation.body, "validation"]
        told["requestBody"] = {"required": required, "content": {JSON: {"schema": schema}}}
    if operation.changes:
        told["security"] = [{"token": []}]
    return told


def _parameters(query: dict[str, Any]) -> list[dict[str, Any]]:
    required = query.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": schema.pop("description", ""),
            "schema": _given(schema),
        }
        for name, schema in copy.deepcopy(query["properties"]).items()
    ]


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that is given: null is said by leaving it out."""
    choices = [part for part in schema.pop("anyOf", []) if part != {"type": "null"}]
    schema = {name: value for name, value in schema.items() if not (name == "default" and value is None)}
    if len(choices) == 1:
        return {**choices[0], **schema}
    return {**schema, "anyOf": choices} if choices else schema


def _problem(status: int) -> dict[str, Any]:
    return {
        "description": WORDS[status],
        "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(model=Problem.__name__)}}},
    }


def _with_names(part: Any, control: Control) -> Any:
    """Replace the marks of symbols, timeframe and models by the names this daemon knows."""
    match part:
        case {"x-symbol": True, **rest}:
            rest.pop("pattern", None)
            return {**rest, "enum": [market.symbol for market in control.markets]}
        case {"x-timeframe": True, "anyOf": _, **rest}:
            return {**rest, "enum": [str(control.ledger.account.timeframe), None]}
        case {"x-model": True, **rest}:
            return {**rest, "examples": [ENSEMBLE]}
        case dict():
            return {name: _with_names(value, control) for name, value in part.items()}
        case list():
            return [_with_names(value, control) for value in part]
    return part


def _name(reference: dict[str, Any]) -> str:
    return str(reference["$ref"]).rsplit("/", 1)[1]
