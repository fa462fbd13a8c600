/** Small pictures of numbers over numbers: learning curves, a calibration. Drawn as SVG, in the page's own colours. */

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [560, 200, 46, 22, 8];

/**
 * Draw lines into an element.
 *
 * @param {Element} element emptied first
 * @param {Array<{name: string, points: Array<[number, number]>, dotted?: boolean}>} lines the first six have colours
 * @param {{x: (value: number) => string, y: (value: number) => string}} words how the axes write their ends
 */
export function plot(element, lines, words) {
  const key = JSON.stringify(lines);
  if (element.dataset.drawn === key) return;
  element.dataset.drawn = key;
  const all = lines.flatMap(({ points }) => points);
  if (!all.length) return;
  const [x0, x1] = ends(all.map(([x]) => x));
  const [y0, y1] = ends(all.map(([, y]) => y));
  const at = ([x, y]) => [LEFT + ((x - x0) / (x1 - x0)) * (WIDTH - LEFT - 8), HEIGHT - BOTTOM - ((y - y0) / (y1 - y0)) * (HEIGHT - BOTTOM - TOP)];
  const svg = made("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "plot", "aria-hidden": "true" });
  for (const share of [0, 0.5, 1]) {
    const y = HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
    svg.append(made("line", { x1: LEFT, x2: WIDTH - 8, y1: y, y2: y, class: "rule" }), text(LEFT - 6, y + 4, words.y(y0 + share * (y1 - y0)), "end"));
  }
  svg.append(text(LEFT, HEIGHT - 6, words.x(x0), "start"), text(WIDTH - 8, HEIGHT - 6, words.x(x1), "end"));
  lines.forEach(({ points, dotted }, number) => {
    const path = points.map((point) => at(point).map((value) => value.toFixed(1)).join(",")).join(" ");
    const look = { class: `series-${(number % 6) + 1}`, "stroke-dasharray": dotted ? "4 4" : "none" };
    svg.append(made("polyline", { points: path, ...look }));
    if (points.length < 12 && !dotted) for (const point of points) svg.append(dot(at(point), look.class));
  });
  element.replaceChildren(svg);
}

function ends(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function dot([x, y], name) {
  return made("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 3, class: name });
}

function text(x, y, words, anchor) {
  const element = made("text", { x, y, "text-anchor": anchor });
  element.textContent = words;
  return element;
}

function made(tag, attributes) {
  const element = document.createElementNS(document.querySelector("svg").namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
