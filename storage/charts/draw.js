const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
const fixed = (value, digits) => value.toFixed(digits).replace(/^-(0(\.0+)?)$/, "$1"); // no minus before nothing
const FORMS = {
  percent: (value) => `${fixed(100 * value, 0)} %`,
  tenths: (value) => `${fixed(100 * value, 1)} %`,
  hundredths: (value) => `${fixed(100 * value, 2)} %`,
  ratio: (value) => value.toFixed(3),
  number: (value) => value.toLocaleString("en", { maximumSignificantDigits: Math.abs(value) >= 1000 ? 7 : 5 }),
};
const drawn = [];

function timed({ times, values, style }) {
  let at = 0;
  const moments = times.map((step) => (at += step));
  if (style === "candles") {
    return moments.map((time, row) => ({ time, open: values[4 * row], high: values[4 * row + 1], low: values[4 * row + 2], close: values[4 * row + 3] }));
  }
  return moments.map((time, row) => (values[row] === null ? { time } : { time, value: values[row] }));
}

function looks() {
  return {
    layout: { background: { type: "solid", color: "transparent" }, textColor: colour("soft"), fontSize: 11, attributionLogo: false },
    grid: { vertLines: { color: colour("line") }, horzLines: { color: colour("line") } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, timeVisible: true, fixLeftEdge: true, fixRightEdge: true },
    autoSize: true,
  };
}

function styleOf(part) {
  const own = colour(part.colour);
  const quiet = { priceLineVisible: false, lastValueVisible: false };
  const dot = { ...quiet, color: own, lineVisible: false, pointMarkersVisible: true, crosshairMarkerVisible: false };
  const made = LightweightCharts;
  return {
    line: [made.LineSeries, { ...quiet, color: own, lineWidth: 2 }],
    dashed: [made.LineSeries, { ...quiet, color: own, lineWidth: 1, lineStyle: 2 }],
    area: [made.AreaSeries, { ...quiet, lineColor: own, lineWidth: 1, topColor: "transparent", bottomColor: own, invertFilledArea: true }],
    bars: [made.HistogramSeries, { ...quiet, color: own }],
    points: [made.LineSeries, { ...dot, pointMarkersRadius: 4 }],
    dots: [made.LineSeries, { ...dot, pointMarkersRadius: 1.2 }],
    candles: [made.CandlestickSeries, { ...quiet, upColor: "transparent", downColor: colour("grey"), borderColor: colour("grey"), wickColor: colour("grey") }],
  }[part.style];
}

function draw(element, wanted) {
  const chart = LightweightCharts.createChart(element, looks());
  const formatter = FORMS[wanted.form];
  const priceFormat = { type: "custom", formatter, minMove: wanted.form === "number" ? 0.00000001 : 0.000001 };
  const series = wanted.series.map((part) => {
    const [kind, style] = styleOf(part);
    const made = chart.addSeries(kind, { ...shaded(style), priceFormat });
    made.setData(part.style === "bars" ? timed(part).map((bar) => ({ ...bar, color: colour(bar.value > 0 ? "good" : "bad") })) : timed(part));
    return made;
  });
  if (wanted.logarithmic) chart.priceScale("right").applyOptions({ mode: 1 });
  const markers = () => wanted.marks.map(({ colour: name, ...mark }) => ({ ...mark, color: colour(name) }));
  const marked = wanted.marks.length ? LightweightCharts.createSeriesMarkers(series[0], markers()) : null;
  chart.timeScale().fitContent();
  drawn.push(() => {
    chart.applyOptions(looks());
    wanted.series.forEach((part, number) => series[number].applyOptions(shaded(styleOf(part)[1])));
    marked?.setMarkers(markers());
  });
}

/** An area is filled with its line's colour, thinned. */
function shaded(style) {
  if (!style.bottomColor) return style;
  const hex = style.lineColor;
  return { ...style, bottomColor: /^#[0-9a-f]{6}$/i.test(hex) ? `${hex}40` : hex };
}

for (const source of document.querySelectorAll("script[data-chart]")) draw(document.getElementById(source.dataset.chart), JSON.parse(source.textContent));

const recolour = () => drawn.forEach((again) => again());
document.getElementById("theme")?.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  recolour();
});
dark.addEventListener("change", recolour);
