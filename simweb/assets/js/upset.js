// Draws an UpSet plot: how many pictures lie in exactly these datasets, for any number of datasets.
import { number, plural } from "./curve.js";
import { svg } from "./svg.js";

const ROW = 26;
const BARS = 132;
const MOST = 24;

const dot = (x, y, r) => `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`;
const short = (name, room) => (name.length * 6.7 > room ? `${name.slice(0, Math.max(3, Math.floor(room / 6.7) - 1))}…` : name);

/**
 * @param {{name: string, color: string}[]} datasets
 * @param {{sets: number[], pictures: number}[]} regions those with pictures, the shared ones first and largest first
 * @param {number} width of the drawing in pixels
 */
export function upset(datasets, regions, width) {
  const shared = regions.filter((region) => region.sets.length > 1);
  const alone = new Map(regions.filter((region) => region.sets.length === 1).map((region) => [region.sets[0], region.pictures]));
  const left = Math.min(230, Math.max(130, 0.42 * width));
  const fit = Math.max(3, Math.floor((width - left - 12) / 30));
  const shown = shared.slice(0, Math.min(MOST, fit));
  const column = Math.min(56, (width - left - 12) / Math.max(shown.length, 1));
  const height = BARS + datasets.length * ROW + 14;
  const drawing = svg("svg", { class: "upset", role: "img", viewBox: `0 0 ${width} ${height}` });
  const most = Math.max(1, ...shown.map((region) => region.pictures));
  const y = (row) => BARS + 8 + row * ROW + ROW / 2;

  drawing.append(svg("title", {}, describe(datasets, shared)));
  datasets.forEach((dataset, row) => {
    if (row % 2 === 0) drawing.append(svg("rect", { class: "stripe", x: 0, y: y(row) - ROW / 2, width, height: ROW, rx: 4 }));
    const only = alone.get(row) ?? 0;
    const room = left - 45 - 7.5 * number(only).length;
    drawing.append(
      svg("circle", { cx: 10, cy: y(row), r: 4.5, style: `fill:${dataset.color}` }),
      svg("text", { class: "name", x: 21, y: y(row) }, short(dataset.name, room), svg("title", {}, dataset.name)),
      svg("text", { class: "only", x: left - 12, y: y(row) }, number(only), svg("title", {}, `${plural(only, "picture")} only in ${dataset.name}`)),
    );
  });
  drawing.append(svg("text", { class: "only", x: left - 12, y: BARS }, "only here"));
  shown.forEach((region, n) => {
    const x = left + column * (n + 0.5);
    const tall = ((BARS - 30) * region.pictures) / most;
    const group = svg("g", { class: "intersection" }, svg("title", {}, sentence(datasets, region)));
    group.append(
      svg("rect", { class: "column", x: x - Math.min(12, column / 3), y: BARS - 6 - tall, width: Math.min(24, column / 1.5), height: Math.max(tall, 1.5), rx: 2 }),
      svg("text", { class: "count", x, y: BARS - 14 - tall }, number(region.pictures)),
    );
    // The empty places of a column are one shape: a plot of ten datasets is drawn anew with every step of the slider.
    const empty = datasets.map((_, row) => row).filter((row) => !region.sets.includes(row));
    group.append(svg("path", { class: "out", d: empty.map((row) => dot(x, y(row), 5)).join("") }));
    group.append(svg("line", { class: "join", x1: x, x2: x, y1: y(region.sets[0]), y2: y(region.sets.at(-1)) }));
    for (const row of region.sets) group.append(svg("circle", { cx: x, cy: y(row), r: 5, style: `fill:${datasets[row].color}` }));
    drawing.append(group);
  });
  if (!shown.length) drawing.append(svg("text", { class: "nothing", x: (left + width) / 2, y: BARS / 2 }, "No picture is in two datasets."));
  const hidden = shared.slice(shown.length);
  const rest = hidden.length
    ? `${plural(hidden.length, "smaller intersection")} with ${plural(hidden.reduce((sum, region) => sum + region.pictures, 0), "picture")} ${hidden.length === 1 ? "is" : "are"} in the table only.`
    : "";
  return { drawing, rest };
}

const sentence = (datasets, region) => `${plural(region.pictures, "picture")} in exactly ${region.sets.map((j) => datasets[j].name).join(" and ")}`;
const describe = (datasets, shared) => shared.map((region) => sentence(datasets, region)).join("; ") || "No picture is in two datasets.";
