"use strict";
// Draws the values of the last minutes and the load over the run as SVG.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 52, right: 18, top: 8, bottom: 26 };
const TICK_PX = 5;
const X_TICKS = 5;
const Y_TICKS = 3;
const SIDES = ["left", "right", "unknown"];
// rows kept beyond the left edge, so that lines start at the edge
const SPARE_MIN = 0.1;

let rows = [];
let windowMin = [0, 1];
let axes = {};
let load = { curve: [], limit_bw4: null, axes: [[0, 1], [0, 1]] };

function clear_charts() {
  rows = [];
}

// Takes the increment of an update: new rows [side, minute, value of each chart], or the whole load curve.
function add_trends(trends) {
  if (trends.rows) {
    windowMin = trends.window_min;
    axes = trends.axes;
    rows = [...rows, ...trends.rows].filter(([, minute]) => minute >= windowMin[0] - SPARE_MIN);
    draw_steps();
  }
  if (trends.load) {
    load = trends.load;
    draw_load();
  }
}

function draw_steps() {
  for (const svg of document.querySelectorAll(".chart.steps")) {
    const { column, place } = svg.dataset;
    if (!axes[column]) continue;
    const points = (side) =>
      rows.filter((row) => row[0] === side).map((row) => [row[1], row[2 + Number(place)]]);
    draw_chart(svg, windowMin, axes[column], (scale) =>
      SIDES.map((side) => path(side, line(points(side), scale))),
    );
  }
}

function draw_load() {
  const { curve, limit_bw4: limit, axes: [xRange, yRange] } = load;
  draw_chart(document.getElementById("chart_load"), xRange, yRange, (scale) => {
    const shapes = [];
    if (curve.length) {
      const base = [[curve.at(-1)[0], 0], [curve[0][0], 0]];
      shapes.push(path("area", line([...curve, ...base], scale)), path("load", line(curve, scale)));
    }
    if (limit) shapes.push(path("limit", line([[xRange[0], limit], [xRange[1], limit]], scale)));
    return shapes;
  });
}

// -- one chart ---------------------------------------------------------------------------------------------

function draw_chart(svg, xRange, yRange, shapes) {
  const { clientWidth: width, clientHeight: height } = svg;
  const [left, right, top, bottom] = [MARGIN.left, width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
  if (right <= left || bottom <= top) return;
  const scale = { x: to_pixels(xRange, left, right), y: to_pixels(yRange, bottom, top) };
  const xTicks = ticks(xRange, X_TICKS);
  const yTicks = ticks(yRange, Y_TICKS);
  const [xs, ys] = [xTicks.values.map(scale.x), yTicks.values.map(scale.y)];
  // an inner svg clips what lies outside the axes
  const area = { x: left, y: top, width: right - left, height: bottom - top };
  const inner = element("svg", { ...area, viewBox: Object.values(area).join(" ") });
  inner.append(...shapes(scale));
  svg.replaceChildren(
    path("grid", ys.map((y) => `M${left} ${y}H${right}`).join("")),
    inner,
    path("frame", [
      `M${left} ${top}V${bottom}H${right}`,
      ...xs.map((x) => `M${x} ${bottom}v${TICK_PX}`),
      ...ys.map((y) => `M${left} ${y}h${-TICK_PX}`),
    ].join("")),
    labels("x", xTicks, xs.map((x) => [x, height - 6])),
    labels("y", yTicks, ys.map((y) => [left - TICK_PX - 4, y])),
  );
}

function to_pixels([low, high], start, end) {
  return (value) => Number((start + ((value - low) / (high - low)) * (end - start)).toFixed(2));
}

// About `wanted` round values in the range, and the decimals that they need.
function ticks([low, high], wanted) {
  const span = high - low;
  const power = Math.floor(Math.log10(span / wanted));
  const steps = [power, power + 1].flatMap((p) => [1, 2, 5].map((digit) => ({ digit, power: p })));
  const size = (step) => step.digit * 10 ** step.power;
  const distance = (step) => Math.abs(span / size(step) - wanted);
  const best = steps.reduce((one, other) => (distance(other) < distance(one) ? other : one));
  const values = [];
  for (let k = Math.ceil(low / size(best) - 1e-9); k * size(best) <= high + 1e-9 * span; k++) {
    values.push(k * size(best));
  }
  return { values, decimals: Math.max(0, -best.power) };
}

// A path through the points; it is interrupted where the value is null.
function line(points, scale) {
  let isOpen = false;
  let d = "";
  for (const [x, y] of points) {
    // a line of length 0 makes a single point visible
    if (y !== null) d += isOpen ? `L${scale.x(x)} ${scale.y(y)}` : `M${scale.x(x)} ${scale.y(y)}h0`;
    isOpen = y !== null;
  }
  return d;
}

function path(name, d) {
  return element("path", { class: name, d });
}

function labels(name, { values, decimals }, places) {
  const group = element("g", { class: name });
  values.forEach((value, k) => {
    const label = element("text", { x: places[k][0], y: places[k][1] });
    label.textContent = value.toFixed(decimals);
    group.append(label);
  });
  return group;
}

function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

new ResizeObserver(() => {
  draw_steps();
  draw_load();
}).observe(document.querySelector("main"));
