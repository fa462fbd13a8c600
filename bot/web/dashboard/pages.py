"""`GET /` and `GET /static/NAME`: what a browser needs before it can ask the API anything.

None of it is secret, so it is also given where the API asks for a token.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from bot.web.dashboard.assets import CHARTS, PAGE, Asset, charts_asset, own_assets

routes = web.RouteTableDef()

CHECK_EVERY_TIME: Final = "no-cache"
KEEP: Final = "public, max-age=604800"  # 7 days; then asked again by ETag
SECURITY: Final = {
    # plotly.js writes <style> elements; nothing else needs 'unsafe-inline'
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
        "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@routes.get("/")
async def page(request: web.Request) -> web.Response:
    """The dashboard."""
    return _sent(request, own_assets()[PAGE], CHECK_EVERY_TIME)


@routes.get("/static/{name}")
async def static(request: web.Request) -> web.Response:
    """A style sheet, module or picture of the dashboard, or the chart library."""
    name = request.match_info["name"]
    if name == CHARTS:
        found = await asyncio.to_thread(charts_asset)
        caching = KEEP
    else:
        found, caching = own_assets().get(name), CHECK_EVERY_TIME
    if found is None:
        raise web.HTTPNotFound(text=f"there is no file {name!r} here")
    return _sent(request, found, caching)


def _sent(request: web.Request, asset: Asset, caching: str) -> web.Response:
    headers = {
        **SECURITY,
        "Content-Type": asset.content_type,
        "Cache-Control": caching,
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
    }
    if asset.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=asset.compressed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=asset.plain, headers=headers)
