// Verdicts on their way to the server. Each is kept in this browser until the server has it, and sent in order.

const WAITS = [1, 2, 5, 10, 20, 30]; // seconds between tries
const KEPT_IDS = 500;

const cookie = (name) => {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
};

// Cookies first: another tab may have signed in again since this page was made, which changes the token.
const token = () => cookie("csrftoken") || document.querySelector('meta[name="csrf-token"]')?.content || "";

export class Outbox {
  /**
   * @param {{user: number, withdraw: string}} config whose verdicts; the address of a withdrawal with 0 for the verdict.
   * @param {{onState: Function, onSaved: Function, onRefused: Function}} tell what is called when something changes.
   */
  constructor(config, tell) {
    this.name = `simweb-outbox-${config.user}`;
    this.withdrawUrl = config.withdraw;
    this.tell = tell;
    this.memory = { ops: [], ids: {} };
    this.tries = 0;
    this.trouble = "";
    this.signedOut = false;
    this.timer = 0;
    addEventListener("online", () => this.send(true));
    addEventListener("storage", (event) => event.key === this.name && this.#changed());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.send(true));
    addEventListener("beforeunload", (event) => this.pending && event.preventDefault());
  }

  // Other tabs use the same store, so it is read afresh before each change.
  #read() {
    try {
      this.memory = JSON.parse(localStorage.getItem(this.name)) || { ops: [], ids: {} };
    } catch {
      // No storage (private window, full): the verdicts stay in this page's memory.
    }
    return this.memory;
  }

  #change(edit) {
    const box = this.#read();
    edit(box);
    const ids = Object.entries(box.ids);
    box.ids = Object.fromEntries(ids.slice(-KEPT_IDS));
    this.memory = box;
    try {
      localStorage.setItem(this.name, JSON.stringify(box));
    } catch {
      this.trouble ||= "This browser keeps nothing, so stay on this page until everything is saved.";
    }
    this.#changed();
  }

  #changed() {
    this.tell.onState({ pending: this.pending, trouble: this.trouble, signedOut: this.signedOut });
  }

  /** How many verdicts and withdrawals the server does not have yet. */
  get pending() {
    return this.#read().ops.length;
  }

  /** The pairs ("a-b") whose verdict waits here. */
  get waiting() {
    return new Set(this.#read().ops.filter((op) => op.type === "judge").map((op) => op.pair));
  }

  /** Keep a verdict and send it. Gives the name by which it can be taken back. */
  judge(pair, url, body, extra) {
    const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
    this.#change((box) => box.ops.push({ id, type: "judge", pair, url, body }));
    this.extra = extra;
    this.send();
    return id;
  }

  /** Take a verdict back: it is not sent at all where it was not under way yet. */
  withdraw(id, pair) {
    const waiting = this.#read().ops.find((op) => op.id === id);
    // Once tried, it may have arrived even though no answer came.
    if (waiting && !waiting.tried) {
      this.#change((box) => (box.ops = box.ops.filter((op) => op.id !== id)));
      return;
    }
    this.#change((box) => box.ops.push({ id: `${id}-back`, type: "withdraw", of: id, pair }));
    this.send();
  }

  /** Send what waits, one after another; again later where it fails. */
  async send(now = false) {
    if (now) this.tries = 0;
    if (this.sending) return;
    clearTimeout(this.timer);
    this.sending = true;
    try {
      // One tab sends at a time, where the browser can see to that; the server takes a repeated verdict as one.
      if (navigator.locks) await navigator.locks.request(this.name, () => this.#drain());
      else await this.#drain();
    } finally {
      this.sending = false;
    }
    if (this.pending) {
      const wait = WAITS[Math.min(this.tries, WAITS.length - 1)];
      this.tries += 1;
      this.timer = setTimeout(() => this.send(), 1000 * wait);
    }
  }

  async #drain() {
    for (let box = this.#read(); box.ops.length; box = this.#read()) {
      const op = box.ops[0];
      const done = await this.#post(op, box.ids);
      if (!done) return;
      this.tries = 0;
    }
  }

  /** True when the operation is over, saved or refused for good; false when it must be tried again. */
  async #post(op, ids) {
    const verdict = op.type === "withdraw" ? ids[op.of] : null;
    if (op.type === "withdraw" && !verdict) {
      this.tell.onRefused(op, { message: "The verdict is too old to be taken back here.", remedy: "Open the pair and judge it once more." });
      return this.#over(op);
    }
    const url = op.type === "judge" ? op.url : this.withdrawUrl.replace(/0(?=\/withdraw$)/, verdict);
    const body = op.type === "judge" ? { ...op.body, ...(this.extra?.() ?? {}) } : {};
    this.#change((box) => {
      for (const kept of box.ops) if (kept.id === op.id) kept.tried = true;
    });
    let response;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token() },
        body: JSON.stringify(body),
        credentials: "same-origin",
        keepalive: true,
      });
    } catch {
      return this.#again("No connection");
    }
    const isJson = (response.headers.get("Content-Type") || "").includes("json");
    if (response.ok && isJson && !response.redirected) {
      const answer = await response.json();
      this.trouble = "";
      this.signedOut = false;
      this.#over(op, answer.verdict);
      this.tell.onSaved(op, answer);
      return true;
    }
    if (response.redirected || (response.status === 403 && !isJson)) {
      this.signedOut = true;
      return this.#again("You are signed out");
    }
    if (response.status >= 500 || response.status === 429 || response.status === 408) return this.#again("The server did not answer");
    // The server has read it and will never take it: the pair is gone, or the role has changed.
    const answer = isJson ? await response.json() : { message: "This pair no longer exists.", remedy: "" };
    this.#over(op);
    this.tell.onRefused(op, answer);
    return true;
  }

  #over(op, verdict) {
    this.#change((box) => {
      box.ops = box.ops.filter((other) => other.id !== op.id);
      if (verdict) box.ids[op.id] = verdict;
    });
    return true;
  }

  #again(trouble) {
    this.trouble = trouble;
    this.#changed();
    return false;
  }
}
