"""Stand-ins that several rooms need, on loopback only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a path answers: a status and a body (JSON types, or text as it is)."""

    body: Any
    status: int = 200


@asynccontextmanager
async def http_server(answers: Mapping[str, Answer]) -> AsyncIterator[str]:
    """Serve fixed answers by path on a free port; anything else is 404. Yields the base address."""

    async def handle(request: web.Request) -> web.Response:
        answer = answers.get(request.path, Answer(body={"error": f"no {request.path}"}, status=404))
        if isinstance(answer.body, str):
            return web.Response(text=answer.body, status=answer.status, content_type="text/html")
        return web.json_response(answer.body, status=answer.status)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
