// The rate of something that moves, over the last seconds only, so that it follows what the line does now.

const WINDOW_MS = 8000;

export class Rate {
  #points = [];

  /** @param {number} done units so far */
  add(done, now = performance.now()) {
    this.#points.push([now, done]);
    while (this.#points.length > 2 && now - this.#points[0][0] > WINDOW_MS) this.#points.shift();
  }

  /** After a pause the time before it says nothing. */
  reset() {
    this.#points = [];
  }

  /** Units per second; null while it cannot be known. */
  get perSecond() {
    if (this.#points.length < 2) return null;
    const [[start, before], [end, after]] = [this.#points[0], this.#points.at(-1)];
    return end - start > 500 && after > before ? (1000 * (after - before)) / (end - start) : null;
  }
}
