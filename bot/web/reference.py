"""`GET /api/openapi.json` and `GET /api/docs`: the API told by itself, readable without a network or a script."""

from __future__ import annotations

import re
from html import escape
from typing import Any, Final

import orjson
from aiohttp import web

from bot.web.app_keys import OPENAPI
from bot.web.operations import JSON
from bot.web.routes.events import EVENTS

routes: Final = web.RouteTableDef()
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CODE: Final = re.compile(r"`([^`]+)`")
STYLE: Final = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:2rem auto;max-width:56rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;
border-bottom:1px solid #8884}code{font-family:ui-monospace,monospace}section{margin:2.5rem 0}h3 code{font-size:1.05em}
.token{font-size:.85em;border:1px solid;border-radius:.3rem;padding:0 .4rem;margin-left:.5rem}
details{margin:.5rem 0}summary{cursor:pointer}nav ul{columns:2;padding-left:1.2rem}
"""


@routes.get("/api/openapi.json")
async def openapi(request: web.Request) -> web.Response:
    """The OpenAPI 3.1 document."""
    return web.Response(body=orjson.dumps(request.app[OPENAPI]), content_type=JSON)


@routes.get("/api/docs")
async def docs(request: web.Request) -> web.Response:
    """The same, to be read."""
    headers = {"Content-Security-Policy": POLICY}
    return web.Response(text=page(request.app[OPENAPI]), content_type="text/html", headers=headers)


def page(document: dict[str, Any]) -> str:
    """Return the reference as one HTML page."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    links = "".join(
        f'<li><a href="#{operation["operationId"]}">{method} {escape(path)}</a></li>'
        for method, path, operation in operations
    )
    sections = "".join(_operation(method, path, operation) for method, path, operation in operations)
    schemas = "".join(_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items()))
    paragraphs = "".join(f"<p>{_prose(part)}</p>" for part in document["info"]["description"].split("\n\n"))
    events = ", ".join(f"<code>{name}</code>" for name in EVENTS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Sigma Analyst API</title><style>{STYLE}</style></head><body><h1>Sigma Analyst API</h1>{paragraphs}"
        f"<p>Events of the stream: {events}.</p>"
        f'<p><a href="/api/openapi.json">openapi.json</a></p><nav><ul>{links}</ul></nav>'
        f"<main>{sections}</main><section><h2>Values</h2>{schemas}</section></body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    token = '<span class="token">token</span>' if operation.get("security") else ""
    parameters = "".join(
        _row(part["name"], part["schema"], part["description"], part["required"])
        for part in operation.get("parameters", [])
    )
    table = f"<table><tr><th>query</th><th>type</th><th>meaning</th></tr>{parameters}</table>" if parameters else ""
    body = operation.get("requestBody")
    asked = f"<p>Body: {_type(body['content'][JSON]['schema'])}</p>" if body else ""
    answers = "".join(
        f"<tr><td>{status}</td><td>{escape(told['description'])}</td>"
        f"<td>{_type(next(iter(told['content'].values()))['schema'])}</td></tr>"
        for status, told in operation["responses"].items()
    )
    return (
        f'<section id="{operation["operationId"]}"><h3><code>{method} {escape(path)}</code>{token}</h3>'
        f"<p>{_prose(operation['summary'])}</p>{table}{asked}"
        f"<details><summary>Answers</summary><table>{answers}</table></details></section>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        _row(field, part, part.get("description", ""), field in schema.get("required", []))
        for field, part in schema.get("properties", {}).items()
    )
    told = _prose(schema.get("description", "")).replace("\n\n", "<br>")
    listed = f"<p>{', '.join(escape(str(value)) for value in schema['enum'])}</p>" if "enum" in schema else ""
    table = f"<table>{rows}</table>" if rows else ""
    return f'<section id="{escape(name)}"><h3><code>{escape(name)}</code></h3><p>{told}</p>{listed}{table}</section>'


def _row(name: str, schema: dict[str, Any], description: str, is_required: bool) -> str:
    needed = "" if is_required else ", may be left out"
    return (
        f"<tr><td><code>{escape(name)}</code></td><td>{_type(schema)}{needed}</td><td>{_prose(description)}</td></tr>"
    )


def _prose(text: str) -> str:
    """Return escaped text in which `this` is set as code."""
    return CODE.sub(r"<code>\1</code>", escape(text))


def _type(schema: dict[str, Any]) -> str:
    """Return a schema in few words, values as links."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(part) for part in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format", kind)))
