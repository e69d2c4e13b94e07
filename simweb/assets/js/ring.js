// The ring plot: the query in the middle, every result as far out as it is away. Hover, focus and arrow keys show pictures.
import { svg } from "./svg.js";

const SIZE = 460;
const MIDDLE = SIZE / 2;
const INNER = 46;
const OUTER = SIZE / 2 - 20;
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

/** A round step of about a quarter of the span. */
const step = (span) => {
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((times) => times * power).find((each) => each >= rough);
};

class Ring {
  constructor(sheet, data) {
    this.sheet = sheet;
    this.data = data;
    this.place = sheet.querySelector("[data-ring-plot]");
    const distances = data.points.map((point) => point.distance);
    this.most = Math.max(...distances, 10 ** -data.places);
    const least = Math.min(...distances);
    // Where all are far, rings from 0 on would put them all on one circle: the plot begins shortly before the nearest.
    this.from = least > this.most / 2 ? Math.max(0, least - (this.most - least) / 4) : 0;
    if (this.from >= this.most) this.from = 0;
    this.draw();
  }

  radius(distance) {
    return INNER + ((OUTER - INNER) * (distance - this.from)) / (this.most - this.from);
  }

  number(distance) {
    return distance.toFixed(this.data.places + 1).replace(/\.?0+$/, "");
  }

  draw() {
    const drawing = svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "group", "aria-label": `${this.data.points.length} images around ${this.data.query.name}, by distance` });
    drawing.append(...this.rings(), this.query(), ...this.data.points.map((point, rank) => this.point(point, rank)));
    this.card = document.createElement("div");
    this.card.className = "ring-card";
    this.card.hidden = true;
    this.place.replaceChildren(drawing, this.card);
    if (this.from) this.sheet.querySelector("[data-ring-note]").textContent = `The query in the middle, each image as far out as it is away. The rings begin at ${this.number(this.from)}: everything found is farther.`;
    this.marks = [...drawing.querySelectorAll("a")];
    this.marks[0]?.setAttribute("tabindex", "0");
    drawing.addEventListener("keydown", (event) => this.key(event));
  }

  rings() {
    const found = [];
    const by = step(this.most - this.from);
    for (let at = Math.ceil((this.from + by / 2) / by) * by; at <= this.most + by / 1000; at += by) {
      const r = this.radius(at);
      found.push(svg("circle", { class: "ring-line", cx: MIDDLE, cy: MIDDLE, r }), svg("text", { class: "ring-label", x: MIDDLE, y: MIDDLE - r - 4 }, this.number(at)));
    }
    const { usual } = this.data;
    if (usual > this.from && usual < this.most) found.push(svg("circle", { class: "ring-usual", cx: MIDDLE, cy: MIDDLE, r: this.radius(usual) }, svg("title", {}, `Most copies lie within ${this.number(usual)}`)));
    return found;
  }

  query() {
    const { name, picture } = this.data.query;
    const r = INNER - 12;
    const all = svg("g", { class: "ring-query" }, svg("circle", { cx: MIDDLE, cy: MIDDLE, r }), svg("title", {}, name));
    if (picture) all.append(svg("clipPath", { id: "ring-middle" }, svg("circle", { cx: MIDDLE, cy: MIDDLE, r })), svg("image", { href: picture, x: MIDDLE - r, y: MIDDLE - r, width: 2 * r, height: 2 * r, preserveAspectRatio: "xMidYMid slice", "clip-path": "url(#ring-middle)" }));
    all.append(svg("circle", { class: "ring-edge", cx: MIDDLE, cy: MIDDLE, r }));
    return all;
  }

  point(point, rank) {
    // The golden angle keeps neighbours in rank, which are as far out as each other, apart; the rings' numbers stand on top.
    const angle = rank * GOLDEN - Math.PI / 3;
    const r = this.radius(point.distance);
    const [x, y] = [MIDDLE + r * Math.cos(angle), MIDDLE + r * Math.sin(angle)];
    const mark = svg("a", { href: point.page, tabindex: "-1", class: `ring-point c${point.color}`, "data-at": rank, "aria-label": `${rank + 1}: ${point.name}, ${point.dataset}, ${point.words}` }, svg("circle", { cx: x, cy: y, r: 7 }));
    for (const kind of ["mouseenter", "focus"]) mark.addEventListener(kind, () => this.show(point, mark, x, y));
    for (const kind of ["mouseleave", "blur"]) mark.addEventListener(kind, () => this.hide(mark));
    return mark;
  }

  key(event) {
    const at = this.marks.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: this.marks.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = this.marks[Math.min(this.marks.length - 1, Math.max(0, to))];
    for (const mark of this.marks) mark.setAttribute("tabindex", mark === next ? "0" : "-1");
    next.focus();
  }

  show(point, mark, x, y) {
    const picture = document.createElement(point.picture ? "img" : "div");
    if (point.picture) Object.assign(picture, { src: point.picture, alt: "" });
    else Object.assign(picture, { className: "placeholder", textContent: "fingerprint only" });
    const words = document.createElement("div");
    const [name, rest] = [document.createElement("b"), document.createElement("span")];
    name.textContent = point.name;
    rest.textContent = `${point.dataset} · ${point.words}`;
    words.append(name, rest);
    this.card.replaceChildren(picture, words);
    this.card.hidden = false;
    // Beside the point, on the side where there is room.
    this.card.style.left = `${(100 * x) / SIZE}%`;
    this.card.style.top = `${(100 * y) / SIZE}%`;
    this.card.classList.toggle("left", x > MIDDLE);
    this.card.classList.toggle("up", y > MIDDLE);
    mark.classList.add("on");
    document.querySelector(`[data-hit="${point.id}"]`)?.classList.add("on");
  }

  hide(mark) {
    mark.classList.remove("on");
    for (const hit of document.querySelectorAll(".hits .on")) hit.classList.remove("on");
    this.card.hidden = true;
  }
}

/** Draw the ring of the results that are on the page, if there are any. */
export const drawRing = () => {
  const sheet = document.querySelector("[data-ring]");
  if (sheet) new Ring(sheet, JSON.parse(document.getElementById("ring-data").textContent));
};
