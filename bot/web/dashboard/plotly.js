/** The chart library, fetched when the page already stands; and how charts look in both themes. */

import { colour } from "./theme.js";

let loading = null;

/** Return Plotly, loading it at the first call. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/static/plotly.min.js";
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("the chart library could not be loaded"));
    };
    document.head.append(script);
  });
  return loading;
}

export const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: "reset" };

/** Return the layout that all charts share, in the colours of now. */
export function layout(changes) {
  const soft = colour("soft");
  const axis = { gridcolor: colour("line"), zeroline: false, linecolor: colour("line"), tickfont: { color: soft }, automargin: false };
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 11, color: soft },
    margin: { l: 8, r: 62, t: 6, b: 36 },
    showlegend: false,
    hovermode: "x unified",
    hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("line"), font: { color: colour("text"), size: 12 } },
    dragmode: "pan",
    uirevision: "kept",
    xaxis: { ...axis, type: "date", rangeslider: { visible: false }, showspikes: false, hoverformat: "%Y-%m-%d %H:%M" },
    yaxis: { ...axis, side: "right", fixedrange: true },
  };
  const { xaxis = {}, yaxis = {}, ...rest } = changes;
  return { ...base, ...rest, xaxis: { ...base.xaxis, ...xaxis }, yaxis: { ...base.yaxis, ...yaxis } };
}

/** Return UTC text that plotly takes as it is; a Date would be shown in the browser's zone. */
export function axisTime(ms) {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** Draw or redraw a chart; the placeholder goes when the first one stands. */
export async function drawn(element, traces, look, config) {
  const library = await plotly();
  element.querySelector(":scope > .empty")?.remove();
  await library.react(element, traces, look, config);
}
