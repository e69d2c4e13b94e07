// The arithmetic of a scatter plot: which point is near, which lie inside an outline. Nothing here touches the page.

/** Points by grid cell, so that the one under the pointer is found without looking at all. */
export class Grid {
  /** @param {Float32Array} points x and y in turn */
  constructor(points) {
    this.points = points;
    const n = points.length / 2;
    const box = bounds(points);
    this.side = Math.max(1, Math.ceil(Math.sqrt(n / 4)));
    this.low = [box.x, box.y];
    this.cell = [Math.max(box.width, 1e-30) / this.side, Math.max(box.height, 1e-30) / this.side];
    this.start = new Uint32Array(this.side * this.side + 1);
    this.items = new Uint32Array(n);
    const cells = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      cells[i] = this.#column(points[2 * i]) + this.side * this.#row(points[2 * i + 1]);
      this.start[cells[i] + 1]++;
    }
    for (let c = 0; c < this.side * this.side; c++) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    for (let i = 0; i < n; i++) this.items[next[cells[i]]++] = i;
  }

  #column(x) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((x - this.low[0]) / this.cell[0])));
  }

  #row(y) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((y - this.low[1]) / this.cell[1])));
  }

  /** The shown point nearest to a place within a radius; -1 where there is none. */
  nearest(x, y, radius, shown) {
    const { points, start, items, side } = this;
    let best = -1;
    let least = radius * radius;
    const last = this.#column(x + radius);
    const top = this.#row(y + radius);
    for (let row = this.#row(y - radius); row <= top; row++)
      for (let column = this.#column(x - radius); column <= last; column++) {
        const cell = column + side * row;
        for (let at = start[cell]; at < start[cell + 1]; at++) {
          const i = items[at];
          if (!shown[i]) continue;
          const dx = points[2 * i] - x;
          const dy = points[2 * i + 1] - y;
          const apart = dx * dx + dy * dy;
          if (apart > least || (apart === least && best >= 0)) continue;
          best = i;
          least = apart;
        }
      }
    return best;
  }
}

/** The smallest box around all points. */
export function bounds(points) {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i];
    const y = points[i + 1];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < bottom) bottom = y;
    if (y > top) top = y;
  }
  return points.length ? { x: left, y: bottom, width: right - left, height: top - bottom } : { x: 0, y: 0, width: 0, height: 0 };
}

/** An order of n points that is the same every time and mixes groups, so that none lies on top of the others. */
export function mixed(n) {
  const order = new Uint32Array(n);
  let seed = 0x9e3779b9;
  for (let i = 0; i < n; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((seed / 2 ** 32) * (i + 1));
    order[i] = order[j];
    order[j] = i;
  }
  return order;
}

/**
 * An outline on whole numbers 0 to 65535, which an address can carry and the server reads as we do.
 *
 * Args: the frame {x, y, span} of the stored points lies from 2767 to 62767, so that an outline may go around them.
 */
export class Frame {
  constructor({ x, y, span }) {
    this.x = x;
    this.y = y;
    this.span = span;
  }

  /** Coordinates of a point in the frame: the same operations in the same order as `analysis.core.projection.outlines`. */
  across(x) {
    return ((x - this.x) / this.span) * 60000 + 2767;
  }

  up(y) {
    return ((y - this.y) / this.span) * 60000 + 2767;
  }

  /** An outline [[x, y], …] of data coordinates as hexadecimal text, eight digits a corner. */
  encode(outline) {
    const whole = (value) => Math.round(Math.min(65535, Math.max(0, value)));
    const corners = outline.map(([x, y]) => [whole(this.across(x)), whole(this.up(y))]);
    const kept = simplified(corners, MOST_CORNERS);
    return kept.map(([x, y]) => hex(x) + hex(y)).join("");
  }

  /** The corners of an encoded outline, in the frame. */
  static decode(text) {
    const corners = [];
    for (let at = 0; at + 8 <= text.length; at += 8)
      corners.push([parseInt(text.slice(at, at + 4), 16), parseInt(text.slice(at + 4, at + 8), 16)]);
    return corners;
  }

  /** Mark in `chosen` every shown point inside an encoded outline; says how many are marked now. */
  mark(text, points, shown, chosen) {
    const corners = Frame.decode(text);
    const xs = corners.map(([x]) => x);
    const ys = corners.map(([, y]) => y);
    const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    let count = 0;
    for (let i = 0; i < shown.length; i++) {
      if (!chosen[i] && shown[i]) {
        const px = this.across(points[2 * i]);
        const py = this.up(points[2 * i + 1]);
        if (px >= left && px <= right && py >= bottom && py <= top && inside(px, py, xs, ys)) chosen[i] = 1;
      }
      count += chosen[i];
    }
    return count;
  }
}

export const MOST_CORNERS = 60;

const hex = (value) => value.toString(16).padStart(4, "0");

/** Whether a place lies inside an outline, by the even-odd rule. */
function inside(px, py, xs, ys) {
  let odd = false;
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i++)
    if (ys[i] > py !== ys[j] > py && px < ((xs[j] - xs[i]) * (py - ys[i])) / (ys[j] - ys[i]) + xs[i]) odd = !odd;
  return odd;
}

/** At most so many corners of an outline: those that bend it the most (Visvalingam and Whyatt 1993). */
function simplified(corners, most) {
  const kept = corners.filter(([x, y], i) => i === 0 || x !== corners[i - 1][0] || y !== corners[i - 1][1]);
  const bend = ([ax, ay], [bx, by], [cx, cy]) => Math.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay));
  while (kept.length > most) {
    let least = Infinity;
    let straightest = 0;
    for (let i = 0; i < kept.length; i++) {
      const value = bend(kept.at(i - 1), kept[i], kept[(i + 1) % kept.length]);
      if (value < least) [least, straightest] = [value, i];
    }
    kept.splice(straightest, 1);
  }
  return kept;
}
