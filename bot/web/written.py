"""Response encoding: compressed where that pays, and not at all where the reader has them already.

An answer is told apart by its content. A page keeps the tag it was given and asks again with it; 304 says that nothing
changed. Browsers themselves store nothing of an account.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from typing import Final

from aiohttp import web

LEAST_BYTES: Final = 1_400  # of a packet: below it compressing saves nothing
IN_A_THREAD: Final = 64 * 1024
LEVEL: Final = 4


async def written(request: web.Request, content: bytes, status: int, content_type: str) -> web.Response:
    """Return an answer, or 304 when the reader's tag is this content's."""
    headers = {"Vary": "Accept-Encoding, Accept-Language"}
    if request.method == "GET" and status == 200:
        headers["ETag"] = f'"{hashlib.blake2b(content, digest_size=10).hexdigest()}"'
        if headers["ETag"] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
    if len(content) >= LEAST_BYTES and "gzip" in request.headers.get("Accept-Encoding", ""):
        content = await _compressed(content)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=content, status=status, content_type=content_type, headers=headers)


async def _compressed(content: bytes) -> bytes:
    if len(content) < IN_A_THREAD:
        return gzip.compress(content, LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, content, LEVEL, mtime=0)
