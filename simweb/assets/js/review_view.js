// Two pictures at the same zoom and place: side by side, one over the other, or their difference.

import { el } from "./review_dom.js";

const MOST_ZOOM = 16;
const SAME_SHAPE = 0.1; // largest difference of aspect ratios at which both are laid into one box to be compared
const KEPT = 48; // decoded pictures kept for going back

const cache = new Map();

/** A decoded picture by address; resolves to null where it cannot be loaded. Kept, so that going back is at once. */
export const picture = (url) => {
  if (!url) return Promise.resolve(null);
  const known = cache.get(url);
  cache.delete(url);
  const found =
    known ??
    (async () => {
      const image = new Image();
      image.alt = "";
      image.draggable = false;
      image.src = url;
      try {
        await image.decode();
        return image;
      } catch {
        cache.delete(url); // tried anew when the pair is shown again
        return null;
      }
    })();
  cache.set(url, found);
  while (cache.size > KEPT) cache.delete(cache.keys().next().value);
  return found;
};

export class Pictures {
  constructor(stage, { onMode, onScale }) {
    Object.assign(this, { stage, onMode, onScale, mode: "side", front: "a", images: { a: null, b: null } });
    this.frames = Object.fromEntries([..."ab"].map((side) => [side, stage.querySelector(`.pic.${side} [data-frame]`)]));
    this.view = { scale: 1, x: 0.5, y: 0.5 };
    this.pointers = new Map();
    this.turn = 0;
    new ResizeObserver(() => this.lay()).observe(stage);
    for (const [side, frame] of Object.entries(this.frames)) this.#listen(side, frame);
    this.setMode("side");
  }

  /** Show a pair. Resolves to true when both pictures stand on the page, false when another pair came before that. */
  async show(row) {
    const turn = ++this.turn;
    const late = setTimeout(() => turn === this.turn && this.stage.classList.add("waiting"), 150);
    const images = await Promise.all(row.images.map((image) => picture(image.picture)));
    clearTimeout(late);
    if (turn !== this.turn) return false;
    this.stage.classList.remove("waiting");
    [..."ab"].forEach((side, i) => {
      const about = row.images[i];
      this.images[side] = images[i];
      if (images[i]) images[i].alt = `${about.dataset}: ${about.name}`;
      this.frames[side].replaceChildren(images[i] ?? absent(about, row));
    });
    this.front = "a";
    this.#apply();
    this.fit();
    return true;
  }

  clear() {
    this.turn += 1;
  }

  setMode(mode) {
    this.mode = mode;
    this.front = "a";
    this.#apply();
    this.lay();
  }

  /** Into one place, or to the other picture where they are in one place already. */
  flip() {
    if (this.mode !== "flip") return this.setMode("flip");
    this.front = this.front === "a" ? "b" : "a";
    this.#apply();
  }

  #apply() {
    this.stage.dataset.shown = this.mode;
    this.stage.dataset.front = this.front;
    this.onMode(this.mode, this.front);
  }

  get state() {
    return { mode: this.mode, front: this.front, view: { ...this.view } };
  }

  restore({ mode, front, view }) {
    this.mode = mode;
    this.front = front;
    this.view = { ...view };
    this.#apply();
    this.lay();
  }

  fit() {
    this.view = { scale: 1, x: 0.5, y: 0.5 };
    this.lay();
  }

  /** Zoom by a factor, keeping what lies under a point (in pixels of a frame; its middle by default) in its place. */
  zoom(factor, side = "a", at = null) {
    const box = this.boxes?.[side] ?? this.boxes?.[side === "a" ? "b" : "a"];
    if (!box) return;
    const scale = Math.min(MOST_ZOOM, Math.max(1, this.view.scale * factor));
    const offset = at ? [at[0] - box.frameWidth / 2, at[1] - box.frameHeight / 2] : [0, 0];
    this.view.x += offset[0] / box.width / this.view.scale - offset[0] / box.width / scale;
    this.view.y += offset[1] / box.height / this.view.scale - offset[1] / box.height / scale;
    this.view.scale = scale;
    this.lay();
  }

  #pan(side, dx, dy) {
    const box = this.boxes?.[side];
    if (!box) return;
    this.view.x -= dx / box.width / this.view.scale;
    this.view.y -= dy / box.height / this.view.scale;
    this.lay();
  }

  #boxes() {
    const boxes = { a: null, b: null };
    for (const [side, image] of Object.entries(this.images)) {
      const frame = this.frames[side];
      const [frameWidth, frameHeight] = [frame.clientWidth, frame.clientHeight];
      if (!image || !frameWidth || !frameHeight) continue;
      const fit = Math.min(frameWidth / image.naturalWidth, frameHeight / image.naturalHeight);
      boxes[side] = { frameWidth, frameHeight, width: image.naturalWidth * fit, height: image.naturalHeight * fit };
    }
    const { a, b } = boxes;
    // Copies differ by a pixel or two in shape; in one box each place lies over its like.
    if (this.mode !== "side" && a && b && Math.abs(a.width / a.height / (b.width / b.height) - 1) < SAME_SHAPE)
      Object.assign(b, { width: a.width, height: a.height });
    return boxes;
  }

  /** Put both pictures where the view says. */
  lay() {
    this.boxes = this.#boxes();
    const { view } = this;
    const box = this.boxes.a ?? this.boxes.b;
    if (box)
      for (const [axis, length, frame] of [["x", box.width, box.frameWidth], ["y", box.height, box.frameHeight]]) {
        const half = Math.min(0.5, frame / 2 / (length * view.scale)); // half of what the frame shows, as a share
        view[axis] = Math.min(1 - half, Math.max(half, view[axis]));
      }
    for (const side of "ab") {
      const [image, at] = [this.images[side], this.boxes[side]];
      if (!image || !at) continue;
      image.style.cssText =
        `left:${(at.frameWidth - at.width) / 2}px;top:${(at.frameHeight - at.height) / 2}px;width:${at.width}px;height:${at.height}px;` +
        `transform:translate(${(0.5 - view.x) * at.width * view.scale}px,${(0.5 - view.y) * at.height * view.scale}px) scale(${view.scale})`;
    }
    this.stage.classList.toggle("zoomed", view.scale > 1);
    this.onScale(view.scale);
  }

  #listen(side, frame) {
    const at = (event) => {
      const box = frame.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    frame.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        // A line is about 16 pixels; a wheel's notch about 100.
        const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
        this.zoom(Math.exp(-pixels / 400), side, at(event));
      },
      { passive: false },
    );
    frame.addEventListener("dblclick", (event) => (this.view.scale > 1 ? this.fit() : this.zoom(3, side, at(event))));
    frame.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      frame.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    frame.addEventListener("pointermove", (event) => {
      const last = this.pointers.get(event.pointerId);
      if (!last) return;
      const now = [event.clientX, event.clientY];
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
        const box = frame.getBoundingClientRect();
        const middle = [(now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top];
        this.zoom(apart(now) / apart(last), side, middle);
        this.#pan(side, (now[0] - last[0]) / 2, (now[1] - last[1]) / 2);
      } else this.#pan(side, now[0] - last[0], now[1] - last[1]);
      this.pointers.set(event.pointerId, now);
    });
    for (const end of ["pointerup", "pointercancel"])
      frame.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
  }
}

/** In place of a picture: what is known of the image by name. */
const absent = (about, row) =>
  el(
    "div",
    { class: "placeholder", role: "img", "aria-label": `${about.dataset}: ${about.name}, no picture` },
    el("b", { text: about.name }),
    el("span", { text: about.picture ? "The picture could not be loaded." : "Only fingerprints were brought: there is no picture." }),
    el("span", { text: row.words }),
  );
