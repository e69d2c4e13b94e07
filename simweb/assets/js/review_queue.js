// The pairs to be judged: fetched in batches ahead of need, with what was put off coming again at the end.

const AHEAD = 10; // pairs that should be known beyond the one on the desk

export const pairOf = (key) => key.split("-").slice(-2).join("-");

// A key is distance-a-b; pairs come in this order.
const before = (one, other) => {
  const [x, y] = [one.split("-").map(Number), other.split("-").map(Number)];
  for (let i = 0; i < 3; i += 1) if (x[i] !== y[i]) return x[i] < y[i];
  return false;
};

export class Queue {
  /**
   * @param {string} url where batches come from.
   * @param {string} scope the query string of what is reviewed.
   * @param {boolean} onlyOpen whether pairs that are decided leave the queue.
   */
  constructor(url, scope, onlyOpen) {
    Object.assign(this, { url, scope, onlyOpen, rows: [], index: -1, cursor: null, start: null, wrapped: false });
    this.known = new Map();
    this.fetching = null;
    this.failed = false;
  }

  get current() {
    return this.rows[this.index] ?? null;
  }

  /** Whether the server may have more pairs. */
  get more() {
    return this.cursor !== null || (this.start !== null && !this.wrapped);
  }

  /** Take in a batch; `skip` are pairs ("a-b") whose verdict is still on its way. */
  take(batch, skip = new Set()) {
    if (batch.from) this.start = batch.from;
    let reached = false;
    for (const row of batch.rows) {
      if (this.wrapped && !before(row.key, this.start)) {
        reached = true;
        break;
      }
      const pair = pairOf(row.key);
      if (this.known.has(pair)) continue;
      row.pair = pair;
      // A link may open a pair that is decided already: it is shown, and does not come again.
      row.open = !skip.has(pair) && !(this.onlyOpen && row.mine);
      this.known.set(pair, row);
      this.rows.push(row);
    }
    this.cursor = reached ? null : batch.next;
  }

  async ask(query) {
    const response = await fetch(`${this.url}?${this.scope}&${query}`, { headers: { Accept: "application/json" } });
    if (response.redirected || !response.ok) throw new Error(String(response.status));
    return response.json();
  }

  /** Fetch the next batch where pairs run short. */
  async fill(skip) {
    const left = this.rows.reduce((n, row, i) => n + (i > this.index && row.open && !row.later ? 1 : 0), 0);
    if (left >= AHEAD || !this.more) return;
    this.fetching ??= this.#fetch(skip).finally(() => (this.fetching = null));
    await this.fetching;
  }

  async #fetch(skip) {
    if (this.cursor === null) {
      this.wrapped = true;
      this.cursor = "";
    }
    try {
      this.take(await this.ask(`after=${this.cursor}`), skip());
      this.failed = false;
    } catch {
      this.failed = true;
    }
  }

  /** The index of the next pair to judge; null when none is known now. */
  following() {
    const from = this.rows.findIndex((row, i) => i > this.index && row.open && !row.later);
    if (from >= 0 || this.more) return from >= 0 ? from : null;
    const passed = this.rows.findIndex((row, i) => i !== this.index && row.open && !row.later);
    return passed >= 0 ? passed : this.#putOff();
  }

  #putOff() {
    const current = this.current;
    const late = this.rows.filter((row) => row.open && (row.later || row === current));
    for (const row of late) row.later = false;
    const next = late.find((row) => row !== current) ?? late[0];
    this.returned = late.length;
    return next ? this.rows.indexOf(next) : null;
  }

  /** Put a pair on the desk that may be unknown here (undo after the page was loaded again). */
  async recall(key) {
    const pair = pairOf(key);
    if (!this.known.has(pair)) {
      const batch = await this.ask(`at=${key}`);
      const row = batch.rows[0];
      if (!row || pairOf(row.key) !== pair) return null;
      row.pair = pair;
      this.known.set(pair, row);
      this.rows.splice(Math.max(this.index, 0), 0, row);
    }
    const row = this.known.get(pair);
    row.open = true;
    row.later = false;
    this.index = this.rows.indexOf(row);
    return row;
  }

  /** The pairs that come next, nearest first. */
  ahead(n) {
    return this.rows.filter((row, i) => i > this.index && row.open && !row.later).slice(0, n);
  }

  /** Drop pairs that others have decided meanwhile; those already seen stay where they are. */
  decided(pairs) {
    let dropped = 0;
    for (const pair of pairs) {
      const row = this.known.get(pair);
      if (row && row.open && this.rows.indexOf(row) > this.index) {
        row.open = false;
        row.elsewhere = true;
        dropped += 1;
      }
    }
    return dropped;
  }

  /** The pair before or after, judged or not; null at either end. */
  beside(step) {
    for (let i = this.index + step; i >= 0 && i < this.rows.length; i += step) if (!this.rows[i].elsewhere) return i;
    return null;
  }
}
