"""Operations of signing in and out; see `session.py`."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import Field

from bot.web.app_keys import SESSIONS
from bot.web.operations import JSON, Operations
from bot.web.problems import problem
from bot.web.requests import Asked
from bot.web.responses import Session

operations: Final = Operations("session")
routes: Final = web.RouteTableDef()


class TokenGiven(Asked):
    """The API token, as a person typed it."""

    token: str = Field(min_length=1, max_length=512)


@routes.get("/login", allow_head=False)
async def login(request: web.Request) -> web.Response:
    """Spend a ticket of the terminal and go to the dashboard, signed in."""
    sessions = request.app[SESSIONS]
    if not sessions.spend(request.query.get("ticket", "")):
        return web.Response(status=303, headers={"Location": "/?login=expired"})
    response = web.Response(status=303, headers={"Location": "/"})
    sessions.sign_in(request, response)
    return response


@operations.get("/api/session")
async def session(request: web.Request) -> Session:
    """Say whether this browser may act, and the secret that has to come back with every change."""
    found = request.app[SESSIONS].pass_of(request)
    if found is None:
        return Session(signed_in=False, csrf=None, until_ms=None)
    return Session(signed_in=True, csrf=found.csrf, until_ms=found.until_ms)


@operations.add("POST", "/api/session", changes=False, answer=Session)
async def sign_in(request: web.Request, body: TokenGiven) -> web.Response:
    """Sign a browser in with the API token."""
    sessions = request.app[SESSIONS]
    if not sessions.is_token(body.token):
        return problem(401, "token needed", "this is not the API token", headers={"WWW-Authenticate": "Bearer"})
    response = web.Response(content_type=JSON)
    made = sessions.sign_in(request, response)
    response.body = Session(signed_in=True, csrf=made.csrf, until_ms=made.until_ms).model_dump_json().encode()
    return response


@operations.add("DELETE", "/api/session", changes=False, answer=Session)
async def sign_out(request: web.Request) -> web.Response:
    """Sign this browser out."""
    response = web.Response(content_type=JSON)
    request.app[SESSIONS].sign_out(request, response)
    response.body = Session(signed_in=False, csrf=None, until_ms=None).model_dump_json().encode()
    return response
