"""The page at `/` and at every room's address, and its files under `/static/`.

None of it is secret, so it is also given where the API asks for a token. A room is chosen by the page itself: each of
their addresses answers with the same page.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bot.web.dashboard.assets import PAGE, WORKER, Asset, own_assets

routes = web.RouteTableDef()

ROOMS: Final = ("markets", "trades", "models", "runs", "calendar", "logs", "settings")
CHECK_EVERY_TIME: Final = "no-cache"
KEEP: Final = "public, max-age=604800"  # 7 days; then asked again by ETag
VENDOR: Final = "vendor/"
SECURITY: Final = {
    # the chart library sets styles of its own elements; nothing else needs 'unsafe-inline'
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
        "style-src 'self' 'unsafe-inline'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_page(path: str) -> bool:
    """Return whether an address is the page's own: the start, a room, or a thing in a room."""
    return path == "/" or path.lstrip("/").split("/")[0] in ROOMS


@routes.get("/")
@routes.get("/{room:" + "|".join(ROOMS) + "}")
@routes.get("/{room:" + "|".join(ROOMS) + "}/{name}")
async def page(request: web.Request) -> web.Response:
    """The dashboard."""
    return _sent(request, own_assets()[PAGE], CHECK_EVERY_TIME)


@routes.get("/worker.js")
async def worker(request: web.Request) -> web.Response:
    """The script that shows notifications; it stands at the top so that it may speak for every room."""
    return _sent(request, own_assets()[WORKER], CHECK_EVERY_TIME)


@routes.get("/static/{name:.+}")
async def static(request: web.Request) -> web.Response:
    """A style sheet, module or picture of the dashboard, or the chart library."""
    name = request.match_info["name"]
    found = own_assets().get(name)
    if found is None:
        raise web.HTTPNotFound(text=f"there is no file {name[:80]!r} here")
    return _sent(request, found, KEEP if name.startswith(VENDOR) else CHECK_EVERY_TIME)


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
