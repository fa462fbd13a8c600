"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import orjson
from aiohttp import web


def problem(status: int, title: str, detail: str, *, authenticate: bool = False) -> web.Response:
    """Return an `application/problem+json` answer; `detail` says what was found and what is needed."""
    document = {"type": "about:blank", "status": status, "title": title, "detail": detail}
    headers = {"WWW-Authenticate": "Bearer"} if authenticate else None
    return web.Response(
        status=status, body=orjson.dumps(document), content_type="application/problem+json", headers=headers
    )


def answer(document: object, status: int = 200) -> web.Response:
    """Return a JSON answer; dataclasses and numpy values are written as plain JSON."""
    body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return web.Response(status=status, body=body, content_type="application/json")
