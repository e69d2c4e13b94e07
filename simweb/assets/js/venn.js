// Draws a Venn diagram whose geometry was computed (analysis/core/venn.py): circles, names and numbers only.
import { number, share } from "./curve.js";
import { svg } from "./svg.js";

const WIDTH = 440;

/** The diagram as one SVG element. Elements are kept while the sets stay, so that dragging only moves them. */
export class Venn {
  constructor(datasets) {
    this.datasets = datasets;
    this.circles = datasets.map(({ color }) => svg("circle", { class: "set", style: `fill:${color};stroke:${color}` }));
    this.names = datasets.map(() => svg("text", { class: "name" }));
    this.numbers = new Map();
    this.title = svg("title");
    this.layer = svg("g");
    this.element = svg("svg", { class: "venn", role: "img" }, this.title, ...this.circles, ...this.names, this.layer);
  }

  draw(layout, regions) {
    const scale = (value) => (WIDTH * value).toFixed(1);
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${scale(layout.height)}`);
    layout.circles.forEach(({ x, y, r }, n) => {
      this.circles[n].setAttribute("cx", scale(x));
      this.circles[n].setAttribute("cy", scale(y));
      this.circles[n].setAttribute("r", scale(r));
    });
    layout.sets.forEach(({ x, y, align }, n) => this.#name(n, scale(x), scale(y), align));
    const pictures = new Map(regions.map((region) => [region.sets.reduce((mask, j) => mask | (1 << j), 0), region]));
    for (const [mask, element] of this.numbers) if (!layout.regions.some((region) => region.mask === mask)) element.remove();
    for (const region of layout.regions) this.#number(region, pictures.get(region.mask), scale);
    this.title.textContent = regions
      .map(({ sets, pictures: n }) => `${number(n)} only in ${sets.map((j) => this.datasets[j].name).join(" and ")}`)
      .join("; ");
  }

  #name(n, x, y, align) {
    const element = this.names[n];
    const { name } = this.datasets[n];
    element.textContent = name.length > 18 ? `${name.slice(0, 17)}…` : name;
    element.setAttribute("x", x);
    element.setAttribute("y", y);
    element.setAttribute("text-anchor", align);
  }

  #number(region, counted, scale) {
    let element = this.numbers.get(region.mask);
    if (!element) {
      element = svg("g", {}, svg("line", { class: "leader" }), svg("text", { class: "count" }), svg("title"));
      this.numbers.set(region.mask, element);
    }
    if (!element.isConnected) this.layer.append(element);
    const [leader, text, title] = element.children;
    const x = scale(region.x);
    const y = scale(region.y);
    const n = counted?.pictures ?? 0;
    text.setAttribute("x", x);
    text.setAttribute("y", y);
    text.textContent = number(n);
    text.classList.toggle("shared", (counted?.sets.length ?? 1) > 1);
    // A number that hardly fits its region is set smaller rather than over the edge.
    const fits = region.leader ? 12.5 : Math.min(14, Math.max(10, (3.1 * WIDTH * region.room) / number(n).length));
    text.style.fontSize = `${fits}px`;
    leader.style.display = region.leader ? "" : "none";
    if (region.leader) {
      leader.setAttribute("x1", x);
      leader.setAttribute("y1", y);
      leader.setAttribute("x2", scale(region.leader[0]));
      leader.setAttribute("y2", scale(region.leader[1]));
      shorten(leader);
    }
    const names = counted?.sets.map((j) => this.datasets[j].name).join(" and ") ?? "";
    title.textContent = `${number(n)} pictures in exactly ${names}`;
  }
}

/** Keep the line's beginning off the number. */
function shorten(line) {
  const [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map((name) => Number(line.getAttribute(name)));
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (length < 12) return;
  line.setAttribute("x1", x1 + (9 * (x2 - x1)) / length);
  line.setAttribute("y1", y1 + (9 * (y2 - y1)) / length);
}

/** How far the areas are from the numbers, in words; three circles cannot show all numbers exactly. */
export function errorText(layout) {
  if (layout.error < 1e-3) return "Areas are proportional to the numbers.";
  return `Areas are proportional as far as circles allow: they miss by up to ${share(layout.error, 1)} of the whole; the numbers are exact.`;
}
