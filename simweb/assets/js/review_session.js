// What was judged since this tab was opened: for undo, pace and the end of the queue. Survives a reload.

const PAUSE = 60; // seconds; a longer gap between verdicts is a pause, not work
const LEAST = 5; // verdicts before a pace is shown

export class Session {
  constructor(name) {
    this.name = `simweb-review-${name}`;
    try {
      this.log = JSON.parse(sessionStorage.getItem(this.name)) || [];
    } catch {
      this.log = [];
    }
  }

  #keep() {
    try {
      sessionStorage.setItem(this.name, JSON.stringify(this.log));
    } catch {
      // No storage: undo then reaches back to the load of this page.
    }
  }

  push(entry) {
    this.log.push(entry);
    this.#keep();
  }

  pop() {
    const entry = this.log.pop();
    this.#keep();
    return entry;
  }

  /** Forget a verdict that was refused. */
  drop(id) {
    this.log = this.log.filter((entry) => entry.id !== id);
    this.#keep();
  }

  get last() {
    return this.log.at(-1) ?? null;
  }

  /** Seconds of work between the first and the last verdict, pauses counted short. */
  get seconds() {
    let sum = 0;
    for (let i = 1; i < this.log.length; i += 1) sum += Math.min(PAUSE, (this.log[i].at - this.log[i - 1].at) / 1000);
    return sum;
  }

  /** Verdicts a minute over the last twenty; null while there are too few to say. */
  get pace() {
    const recent = this.log.slice(-20);
    if (recent.length < LEAST) return null;
    let seconds = 0;
    for (let i = 1; i < recent.length; i += 1) seconds += Math.min(PAUSE, (recent[i].at - recent[i - 1].at) / 1000);
    return seconds ? (60 * (recent.length - 1)) / seconds : null;
  }
}
