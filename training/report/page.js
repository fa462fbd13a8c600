"use strict";
const root = document.documentElement;
const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function colours() {
  const style = getComputedStyle(root);
  const line = style.getPropertyValue("--line").trim();
  return { "font.color": style.getPropertyValue("--ink").trim(), "xaxis.gridcolor": line, "yaxis.gridcolor": line, "yaxis.zerolinecolor": line };
}

for (const source of document.querySelectorAll("script[data-chart]")) {
  const chart = JSON.parse(source.textContent);
  Plotly.newPlot(source.dataset.chart, chart.data, chart.layout, { responsive: true, displaylogo: false })
    .then((drawn) => Plotly.relayout(drawn, colours()));
}

function recolour() {
  for (const chart of document.querySelectorAll(".chart")) Plotly.relayout(chart, colours());
}

document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  recolour();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
