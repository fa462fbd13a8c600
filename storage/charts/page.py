"""Chart page: what an HTML file needs to show charts, their places, the library, and the script that draws them."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from typing import Final

from storage.charts.chart import Chart
from storage.language import translated

FOLDER: Final = Path(__file__).parent
LIBRARY: Final = FOLDER / "vendor" / "lightweight-charts.js"
_EXPORTS: Final = re.compile(r"export\{([^}]*)\};?\s*$")


def placed(number: int, chart: Chart) -> str:
    """Return a chart's place in a page and its values; `number` tells it apart from the page's others."""
    names = "".join(
        f'<li><i class="swatch" data-colour="{part.colour}"></i>{html.escape(translated(part.name))}</li>'
        for part in chart.series
    )
    spoken = html.escape(chart.name or chart.unit or ", ".join(part.name for part in chart.series), quote=True)
    unit = f'<span class="unit">{html.escape(chart.unit)}</span>' if chart.unit else ""
    return (
        f'<div class="legend">{unit}<ul>{names}</ul></div>'
        f'<div class="chart" id="chart-{number}" style="height:{chart.height}px" role="img" '
        f'aria-label="{spoken}"></div>'
        f'<script type="application/json" data-chart="chart-{number}">{chart.json()}</script>'
    )


@cache
def scripts() -> str:
    """Return the elements that draw every chart of a page and name whose library it is."""
    library = _EXPORTS.sub(_as_object, LIBRARY.read_text(encoding="utf-8").strip()).replace("</script", "<\\/script")
    drawing = (FOLDER / "draw.js").read_text(encoding="utf-8")
    return (
        f'<script>"use strict";{{\n{library}\n{drawing}}}</script>'
        '<p class="note">Charts: TradingView Lightweight Charts™, Copyright © 2026 TradingView, Inc., '
        "https://www.tradingview.com/</p>"
    )


def style() -> str:
    """Return the style sheet of charts and of the colours that they take from the page."""
    return (FOLDER / "page.css").read_text(encoding="utf-8")


def _as_object(found: re.Match[str]) -> str:
    """Turn the library's last line, which exports its names, into an object that a plain script can use."""
    pairs = (part.split(" as ") for part in found[1].split(","))
    return "const LightweightCharts={" + ",".join(f"{name}:{inner}" for inner, name in pairs) + "};"
