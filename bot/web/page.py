"""A plain status page: what is traded, how it stands, what was decided. No script, no outside resource."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from aiohttp import web

from bot.control import Control
from bot.snapshot import Snapshot

STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:2rem auto;max-width:60rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884}
td.n{text-align:right;font-variant-numeric:tabular-nums}.demo{border:1px solid #c80;padding:.4rem
.8rem;border-radius:.4rem}
"""


def page(control: Control) -> web.Response:
    """Return the page; it asks to be loaded again every five seconds."""
    place, snapshot = control.place, control.snapshot
    demo = (
        f'<p class="demo">Demo market: {escape(place.market_name)}. Nothing here is a real price.</p>'
        if place.is_demo
        else ""
    )
    body = "<p>Waiting for the first candle.</p>" if snapshot is None else _account(snapshot)
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
        '<meta name="viewport" content="width=device-width"><title>Sigma Analyst</title>'
        f"<style>{STYLE}</style></head><body><h1>Sigma Analyst</h1>{demo}"
        f"<p>{escape(place.exchange)}, account {escape(place.account)}, paper trading only.</p>{body}</body></html>"
    )
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
    return web.Response(text=html, content_type="text/html", headers=headers)


def _account(snapshot: Snapshot) -> str:
    when = datetime.fromtimestamp(snapshot.minute_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    locks = [name for name in ("paused", "day_locked", "drawdown_locked") if getattr(snapshot, name)]
    markets = "".join(
        f"<tr><td>{view.symbol}</td><td class=n>{view.price:,.6g}</td><td class=n>{_number(view.conviction)}</td>"
        f"<td class=n>{view.enter:.2f}</td><td>{escape(view.refusal or view.action)}</td></tr>"
        for view in snapshot.markets
    )
    positions = "".join(
        f"<tr><td>{position.symbol}</td><td>{position.side}</td><td class=n>{position.quantity:g}</td>"
        f"<td class=n>{position.entry_price:,.6g}</td><td class=n>{position.unrealised:+,.2f}</td></tr>"
        for position in snapshot.positions
    )
    return (
        f"<p>Market time {when}. Equity <b>{snapshot.equity:,.2f}</b>, drawdown {snapshot.drawdown:.2%}, "
        f"{snapshot.trades} closed trades, bundle {escape(snapshot.bundle_id)}{''.join(', ' + lock for lock in locks)}</p>"
        "<h2>Markets</h2><table><tr><th>Market</th><th>Price</th><th>Conviction</th>"
        "<th>Enters at</th><th>Decision</th></tr>"
        f"{markets}</table><h2>Positions</h2><table><tr><th>Market</th><th>Side</th><th>Quantity</th><th>Entry</th>"
        f"<th>Net so far</th></tr>{positions or '<tr><td colspan=5>none</td></tr>'}</table>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"
