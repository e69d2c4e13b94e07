// A scatter plot of up to some hundred thousand points: pan, zoom, hover, lasso, groups, marks. It has no dependency and
// needs no eval; what it says, it says as events, and pages draw legends and lists themselves.
import { listen } from "./scatter_input.js";
import { GlPainter, PixelPainter } from "./scatter_paint.js";
import { Grid, bounds, mixed } from "./scatter_points.js";

const MANY = 20_000; // points that painting by hand shows faster than WebGL without a graphics card
const MOST_ZOOM = 4000;
const REACH = 12; // CSS pixels around the pointer in which a point is found
const MARGIN = 26; // CSS pixels around all points
const MARKS = { query: { fill: "#000000", radius: 7 }, result: { fill: "#d1242f", radius: 5.5 } };

/**
 * Events: "hover" and "pick" {index, x, y} (index -1: nothing there; x and y in the element), "enclose" {outline, add}
 * (corners in data coordinates), "view" {}.
 */
export class Scatter extends EventTarget {
  /**
   * @param {HTMLElement} element filled with the plot; it gets the keyboard focus, and its background is the ground
   * @param {Float32Array} points x and y of each point in turn
   * @param {{pixels?: boolean, software?: boolean}} options pixels: paint without WebGL even where it is there;
   *   software: paint by WebGL even where it has no graphics card
   */
  constructor(element, points, { pixels = false, software = false } = {}) {
    super();
    this.element = element;
    this.points = points;
    this.n = points.length / 2;
    this.box = bounds(points);
    this.grid = new Grid(points);
    this.shown = new Uint8Array(this.n).fill(1);
    this.chosen = null;
    this.marks = [];
    this.hovered = -1;
    this.lasso = false;
    this.adding = false;
    this.frames = [];
    this.codes = new Uint16Array(this.n);
    this.palette = [[0, 114, 178]];
    this.behind = new Set();
    this.shuffled = mixed(this.n);
    this.canvas = document.createElement("canvas");
    this.over = document.createElement("canvas");
    this.canvas.className = this.over.className = "scatter-layer";
    this.over.setAttribute("aria-hidden", "true");
    this.canvas.setAttribute("aria-hidden", "true");
    element.prepend(this.canvas, this.over);
    const gl = pixels ? null : GlPainter.on(this.canvas, this.n > MANY && !software);
    // A canvas that has refused WebGL gives no other context in some browsers: a new one does.
    if (!gl && !pixels) this.canvas = this.#renewed();
    this.painter = gl ?? new PixelPainter(this.canvas);
    if (gl) this.#mindLoss();
    this.size = { width: 0, height: 0 };
    this.view = { x: 0, y: 0, scale: 1 };
    this.#recolor();
    this.resizing = new ResizeObserver(() => this.#measure());
    this.resizing.observe(element);
    this.#measure();
    listen(this, element);
  }

  #renewed() {
    const canvas = this.canvas.cloneNode();
    this.canvas.replaceWith(canvas);
    return canvas;
  }

  #mindLoss() {
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault(); // which says that we want it back
      // Until it is back, and if it never comes, the picture stays.
      this.waiting = setTimeout(() => {
        this.canvas = this.#renewed();
        this.painter = new PixelPainter(this.canvas);
        this.#measure(true);
      }, 1500);
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      clearTimeout(this.waiting);
      this.painter.restore();
      this.draw();
    });
  }

  // ---- what is shown ----

  /**
   * Colour the points by group.
   * @param {Uint16Array} codes the group of each point
   * @param {number[][]} palette red, green, blue of each group
   * @param {Set<number>} hidden groups that are not shown
   * @param {Set<number>} behind groups that lie beneath the others
   */
  groups(codes, palette, hidden = new Set(), behind = new Set()) {
    this.codes = codes;
    this.palette = palette;
    this.behind = behind;
    for (let i = 0; i < this.n; i++) this.shown[i] = hidden.has(codes[i]) ? 0 : 1;
    if (this.hovered >= 0 && !this.shown[this.hovered]) this.hovered = -1;
    this.#recolor();
    this.draw();
  }

  /** Show only the chosen points in full colour; null for all. @param {Uint8Array | null} chosen */
  choose(chosen) {
    this.chosen = chosen;
    this.#reorder();
    this.draw();
  }

  /** Points that stand out. @param {{index: number, kind: "query" | "result"}[]} marks */
  mark(marks) {
    this.marks = [...marks].sort((a, b) => (a.kind === "query") - (b.kind === "query"));
    this.draw();
  }

  #recolor() {
    const { codes, palette } = this;
    this.colors = new Uint8Array(4 * this.n);
    const tints = new Uint32Array(this.colors.buffer);
    const packed = palette.map(([r, g, b]) => (r | (g << 8) | (b << 16) | 0xff000000) >>> 0);
    for (let i = 0; i < this.n; i++) tints[i] = packed[codes[i]];
    this.#reorder();
  }

  #reorder() {
    const { shown, chosen, shuffled, codes, behind } = this;
    const order = new Uint32Array(this.n);
    let count = 0;
    if (chosen) for (const i of shuffled) if (shown[i] && !chosen[i]) order[count++] = i;
    this.faint = count;
    for (const beneath of behind.size ? [true, false] : [false])
      for (const i of shuffled) if (shown[i] && (!chosen || chosen[i]) && behind.has(codes[i]) === beneath) order[count++] = i;
    this.order = order.subarray(0, count);
  }

  // ---- where one looks ----

  #measure(anew = false) {
    const { clientWidth: width, clientHeight: height } = this.element;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    if (!width || !height || (!anew && width === this.size.width && height === this.size.height && ratio === this.ratio)) return;
    const first = !this.size.width;
    this.size = { width, height };
    this.ratio = ratio;
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const before = this.least;
    this.least = this.#fitting();
    if (first) this.fit();
    else {
      this.view.scale *= this.least / before;
      // Sizing a canvas empties it: paint before the browser shows it.
      this.#paint();
    }
  }

  #fitting() {
    const { width, height } = this.size;
    const across = (width - 2 * MARGIN) / (this.box.width || 1);
    const up = (height - 2 * MARGIN) / (this.box.height || 1);
    const scale = this.box.width && this.box.height ? Math.min(across, up) : this.box.width ? across : this.box.height ? up : 1;
    return Math.max(scale, 1e-12);
  }

  /** Show all points. */
  fit() {
    this.view = { x: this.box.x + this.box.width / 2, y: this.box.y + this.box.height / 2, scale: this.least };
    this.#viewed();
  }

  /** Show some points: a box of data coordinates. */
  fitBox({ x, y, width, height }) {
    const across = (this.size.width - 4 * MARGIN) / (width || 1e-30);
    const up = (this.size.height - 4 * MARGIN) / (height || 1e-30);
    const scale = Math.min(across, up, this.least * 12);
    this.view = { x: x + width / 2, y: y + height / 2, scale: Math.max(scale, this.least) };
    this.#viewed();
  }

  move(dx, dy) {
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    // Some of the points stay in the window.
    this.view.x = Math.min(Math.max(this.view.x, this.box.x), this.box.x + this.box.width);
    this.view.y = Math.min(Math.max(this.view.y, this.box.y), this.box.y + this.box.height);
    this.#viewed();
  }

  /** Zoom by a factor; what lies at a place of the element stays there. */
  zoomAt(x, y, factor) {
    const scale = Math.min(Math.max(this.view.scale * factor, this.least * 0.6), this.least * MOST_ZOOM);
    const at = this.#data(x, y);
    this.view.scale = scale;
    this.view.x = at.x - (x - this.size.width / 2) / scale;
    this.view.y = at.y + (y - this.size.height / 2) / scale;
    this.move(0, 0);
  }

  #viewed() {
    this.draw();
    this.dispatchEvent(new CustomEvent("view"));
  }

  #data(x, y) {
    return {
      x: this.view.x + (x - this.size.width / 2) / this.view.scale,
      y: this.view.y - (y - this.size.height / 2) / this.view.scale,
    };
  }

  /** Where a point stands in the element, in CSS pixels. */
  at(index) {
    return {
      x: (this.points[2 * index] - this.view.x) * this.view.scale + this.size.width / 2,
      y: this.size.height / 2 - (this.points[2 * index + 1] - this.view.y) * this.view.scale,
    };
  }

  /** The outline of what the window shows, in data coordinates. */
  window() {
    const { width, height } = this.size;
    return [[0, 0], [width, 0], [width, height], [0, height]].map(([x, y]) => Object.values(this.#data(x, y)));
  }

  // ---- what people do ----

  #found(x, y) {
    const at = this.#data(x, y);
    return this.grid.nearest(at.x, at.y, Math.max(REACH, this.radius + 2) / this.view.scale, this.shown);
  }

  hoverAt(x, y) {
    const index = x < -1e5 ? -1 : this.#found(x, y);
    if (index === this.hovered) return;
    this.hovered = index;
    this.element.classList.toggle("over-point", index >= 0);
    this.draw();
    this.#say("hover", index);
  }

  pickAt(x, y, wide) {
    const at = this.#data(x, y);
    const index = wide ? this.grid.nearest(at.x, at.y, 40 / this.view.scale, this.shown) : this.#found(x, y);
    this.hovered = index;
    this.draw();
    this.#say("pick", index);
  }

  #say(name, index) {
    this.dispatchEvent(new CustomEvent(name, { detail: { index, ...(index >= 0 ? this.at(index) : { x: 0, y: 0 }) } }));
  }

  /** Show the outline that is being drawn, in places of the element; null for none. */
  outline(corners) {
    this.drawn = corners;
    this.draw();
    return null;
  }

  enclose(corners, add) {
    const outline = corners.map(({ x, y }) => Object.values(this.#data(x, y)));
    this.dispatchEvent(new CustomEvent("enclose", { detail: { outline, add } }));
  }

  // ---- painting ----

  /** CSS pixels from a point's middle to its edge: smaller the more there are, larger the closer one looks. */
  get radius() {
    const base = this.n < 600 ? 4.5 : this.n < 6000 ? 3 : this.n < 40_000 ? 2.2 : 1.5;
    return Math.min(base * Math.max(this.view.scale / this.least, 1) ** 0.3, Math.max(base, 6));
  }

  /** Paint at the next frame. */
  draw() {
    this.frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.size.width) return;
    const began = performance.now();
    this.painter.paint(this.#scene());
    this.#paintOver(this.over.getContext("2d"));
    this.frames.push(performance.now() - began);
    if (this.frames.length > 240) this.frames.shift();
  }

  #scene(ratio = this.ratio) {
    const { points, order, colors, faint, radius, view } = this;
    return { points, order, colors, faint, radius, view, ratio, ...this.size, ground: this.#ground() };
  }

  #ground() {
    const channels = getComputedStyle(this.element).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? [255, 255, 255];
    return channels.slice(0, 3);
  }

  #paintOver(context) {
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.size.width, this.size.height);
    const circle = (index, radius, fill, edge, width) => {
      const { x, y } = this.at(index);
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fillStyle = fill;
      context.fill();
      context.lineWidth = width;
      context.strokeStyle = edge;
      context.stroke();
    };
    for (const { index, kind } of this.marks) {
      if (!this.shown[index]) continue;
      // A white edge keeps black apart from a dark ground; a thin dark one keeps white apart from a light ground.
      circle(index, MARKS[kind].radius + 1.5, "#ffffff", "#00000055", 1);
      circle(index, MARKS[kind].radius, MARKS[kind].fill, "#ffffff", 1.5);
    }
    const ink = getComputedStyle(this.element).color;
    if (this.hovered >= 0) {
      const mark = this.marks.findLast(({ index }) => index === this.hovered);
      const [r, g, b] = this.palette[this.codes[this.hovered]];
      circle(this.hovered, (mark ? MARKS[mark.kind].radius : this.radius) + 3, mark ? MARKS[mark.kind].fill : `rgb(${r} ${g} ${b})`, ink, 2);
    }
    if (this.drawn?.length > 1) {
      context.beginPath();
      for (const { x, y } of this.drawn) context.lineTo(x, y);
      context.closePath();
      context.lineWidth = 1.5;
      context.strokeStyle = ink;
      context.setLineDash([5, 4]);
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 0.08;
      context.fillStyle = ink;
      context.fill();
      context.globalAlpha = 1;
    }
  }

  /** The plot as it stands, with its ground, as a canvas. */
  picture() {
    // Read in the same turn in which it is painted: a WebGL canvas forgets what it showed.
    this.#paint();
    const copy = document.createElement("canvas");
    copy.width = this.canvas.width;
    copy.height = this.canvas.height;
    const context = copy.getContext("2d");
    context.fillStyle = getComputedStyle(this.element).backgroundColor;
    context.fillRect(0, 0, copy.width, copy.height);
    context.drawImage(this.canvas, 0, 0);
    context.drawImage(this.over, 0, 0);
    return copy;
  }
}
