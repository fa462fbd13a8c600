/** What all charts share: colours of the page, times in the chosen zone, and the library itself, loaded when needed. */

import { zoned } from "../core/format.js";
import { chosen, colour } from "../core/prefs.js";

let library = null;

/** Return the chart library. */
export async function charts() {
  library ??= await import("../vendor/lightweight-charts.js");
  return library;
}

/** Return the options of a chart as the page looks now. */
export function looks(made) {
  return {
    layout: {
      background: { type: made.ColorType.Solid, color: "transparent" },
      textColor: colour("soft"),
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 11,
      attributionLogo: false, // the page names TradingView in its foot, once
      panes: { separatorColor: colour("line"), separatorHoverColor: colour("accent-wash"), enableResize: true },
    },
    grid: { vertLines: { color: colour("grid") }, horzLines: { color: colour("grid") } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, rightOffset: 4, tickMarkFormatter: tick },
    crosshair: { mode: made.CrosshairMode.Normal, vertLine: cross(), horzLine: cross() },
    localization: { timeFormatter: (seconds) => zoned(seconds * 1000).slice(0, 16).replace("T", " ") + (chosen().zone === "UTC" ? " UTC" : "") },
    autoSize: true,
  };
}

function cross() {
  return { color: colour("soft"), labelBackgroundColor: colour("accent-strong"), width: 1, style: 3 };
}

/** Year, month, day or hour, as the library's mark types 0 to 3 ask. */
function tick(seconds, type) {
  const text = zoned(seconds * 1000);
  if (type === 0) return text.slice(0, 4);
  return type < 3 ? text.slice(5, 10) : text.slice(11, 16);
}

/** Return the colours of families and features, in their order. */
export function palette(number) {
  const names = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"];
  return colour(names[number % names.length]);
}

/** How prices of this size are written: {precision, minMove}. */
export function priceFormat(value) {
  const digits = value > 0 ? Math.max(0, Math.min(8, 4 - Math.floor(Math.log10(value)))) : 2;
  const precision = Math.max(digits, value >= 10000 ? 1 : 2);
  return { type: "price", precision, minMove: 10 ** -precision };
}
