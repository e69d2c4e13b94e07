// The review page: one pair on the desk, the next ones ready, every verdict sent in the background.

import { count, el, plural } from "./review_dom.js";
import { showEnd } from "./review_end.js";
import { showEvidence, showNames } from "./review_evidence.js";
import { Outbox } from "./review_outbox.js";
import { Queue, pairOf } from "./review_queue.js";
import { Session } from "./review_session.js";
import { Pictures, picture } from "./review_view.js";
import { typing } from "./shortcuts.js";

const PRELOADED = 6; // pairs whose pictures are decoded ahead

const config = JSON.parse(document.getElementById("review-config").textContent);
const root = document.querySelector("[data-review]");
const find = (name) => root.querySelector(`[data-${name}]`);
const desk = find("desk");
const stage = find("stage");
const over = find("over");

const session = new Session(location.pathname);
const queue = new Queue(config.queue, config.scope, config.show === "open");
const counts = config.counts;
const pictures = new Pictures(stage, { onMode: showMode, onScale: showScale });
const outbox = new Outbox(config, { onState: showOutbox, onSaved, onRefused });
const isReady = () => "ready" in stage.dataset; // the pictures of the pair on the desk can be seen
let ended = false;
let shownAt = 0;

// ---- what is shown ----

function showMode(mode) {
  for (const button of root.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
}

function showScale(scale) {
  find("scale").textContent = scale > 1 ? `${scale.toFixed(1)} ×` : "Fit";
}

function showOutbox({ pending, trouble, signedOut }) {
  const place = document.querySelector("[data-outbox]");
  place.hidden = !pending && !session.log.length;
  place.className = `outbox ${trouble && pending ? "bad" : ""}`;
  place.toggleAttribute("href", false);
  if (!pending) place.textContent = "Saved";
  else if (!trouble) place.textContent = "Saving…";
  else {
    place.textContent = `${trouble}: ${plural(pending, "change")} kept here${signedOut ? ". Sign in" : ", trying again"}`;
    if (signedOut) {
      place.href = config.signIn;
      place.target = "_blank";
    }
  }
}

function showCounts() {
  const judged = Object.values(counts.judged).reduce((sum, n) => sum + n, 0);
  const left = Math.max(0, counts.total - judged);
  const pace = session.pace ? ` · ${Math.round(session.pace)} a minute` : "";
  find("count").replaceChildren(`${count(judged)} of ${count(counts.total)} · ${count(left)} left`, el("span", { class: "pace" }, pace));
  const parts = config.choices.filter(({ value }) => counts.judged[value]);
  const bar = find("progress");
  bar.replaceChildren(...parts.map(({ value }) => el("i", { class: `v-${value}`, style: `width:${(100 * counts.judged[value]) / counts.total}%` })));
  const words = [...parts.map(({ value, title }) => `${title} ${count(counts.judged[value])}`), `left ${count(left)}`].join(", ");
  bar.title = words;
  bar.setAttribute("aria-valuemax", counts.total);
  bar.setAttribute("aria-valuenow", judged);
  bar.setAttribute("aria-valuetext", words);
}

function showVerdict(row) {
  for (const button of root.querySelectorAll(".verdict[value]")) button.setAttribute("aria-pressed", String(button.value === row.mine));
  const line = find("note-line");
  if (!line) return;
  line.hidden = !row.note;
  find("note-text").textContent = row.note ?? "";
}

let toastTimer = 0;
function toast(text) {
  const place = find("toast");
  place.textContent = text;
  place.classList.add("on");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => place.classList.remove("on"), 4000);
}

// ---- going from pair to pair ----

const skip = () => outbox.waiting;

function preload() {
  for (const row of queue.ahead(PRELOADED)) for (const image of row.images) picture(image.picture);
}

function setEnded(on) {
  ended = on;
  desk.hidden = on;
  find("verdicts").hidden = on;
  over.hidden = !on;
}

async function show(index, before = null) {
  setEnded(false);
  queue.index = index;
  const row = queue.current;
  row.words = row.evidence.find(({ signal }) => signal === config.signal)?.words ?? "";
  delete stage.dataset.ready;
  history.replaceState(null, "", `?${config.scope}&at=${row.key}`);
  showNames(stage, row);
  showEvidence(desk, row, config);
  showVerdict(row);
  showCounts();
  find("evidence-button").textContent = row.words;
  const shown = pictures.show(row);
  queue.fill(skip).then(preload);
  preload();
  if (!(await shown)) return;
  if (before) pictures.restore(before);
  stage.dataset.ready = "";
  shownAt = performance.now();
  const [a, b] = row.images;
  find("announce").textContent = `${a.dataset} ${a.name} and ${b.dataset} ${b.name}: ${row.words}. ${row.labels}`;
}

async function next() {
  let index = queue.following();
  while (index === null && queue.more) {
    stage.classList.add("waiting");
    await queue.fill(skip);
    index = queue.following();
    if (index === null && queue.failed) {
      toast("The next pairs could not be fetched. Trying again…");
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
  stage.classList.remove("waiting");
  if (queue.returned) {
    toast(queue.returned === 1 ? "This is the only pair left." : `Back to the ${plural(queue.returned, "pair")} you put off.`);
    queue.returned = 0;
  }
  if (index === null) return end();
  await show(index);
}

async function end() {
  pictures.clear();
  setEnded(true);
  showCounts();
  showEnd(over, config, counts, session);
  over.focus({ preventScroll: true });
  history.replaceState(null, "", `?${config.scope}`);
  // Others may have judged meanwhile, and the last of one's own verdicts must have arrived to be counted.
  for (let tries = 0; outbox.pending && tries < 20; tries += 1) await new Promise((done) => setTimeout(done, 250));
  try {
    const fresh = (await queue.ask("counts=1")).counts;
    if (outbox.pending) return;
    Object.assign(counts, fresh);
    showCounts();
    if (ended) showEnd(over, config, counts, session);
  } catch {
    // The counts of this page stand in.
  }
}

// ---- verdicts ----

const tally = (choice, by) => {
  if (choice) counts.judged[choice] = Math.max(0, (counts.judged[choice] ?? 0) + by);
};

function judge(choice) {
  const row = queue.current;
  if (!config.mayJudge || ended || !row) return;
  if (!isReady()) return toast("One moment: the pictures are not there yet.");
  delete stage.dataset.ready; // until the next pair stands there, no key judges this one again
  const body = { choice, note: row.note ?? "", seconds: (performance.now() - shownAt) / 1000 };
  const id = outbox.judge(row.pair, row.judge, body, () => ({ ahead: queue.onlyOpen ? queue.ahead(20).map(({ pair }) => pair) : [] }));
  const before = row.counted ?? row.mine;
  session.push({ id, key: row.key, choice, before, note: row.note ?? "", state: pictures.state, at: Date.now() });
  tally(before, -1);
  tally(choice, 1);
  Object.assign(row, { mine: choice, counted: choice, open: false, note: "" });
  flash(choice);
  next();
}

function flash(choice) {
  const button = root.querySelector(`.verdict[value="${choice}"]`);
  button.classList.remove("given");
  void button.offsetWidth; // begins the animation anew
  button.classList.add("given");
}

function later() {
  const row = queue.current;
  if (!config.mayJudge || ended || !row) return;
  if (row.open) row.later = true;
  next();
}

async function undo() {
  if (!config.mayJudge) return;
  const entry = session.last;
  if (!entry) return toast("There is nothing to undo in this session.");
  let row;
  try {
    row = await queue.recall(entry.key);
  } catch {
    return toast("That pair cannot be fetched now, so nothing was undone. Try again.");
  }
  if (session.last !== entry) return;
  session.pop();
  outbox.withdraw(entry.id, pairOf(entry.key));
  tally(entry.choice, -1);
  tally(entry.before, 1);
  if (!row) {
    toast("The verdict is taken back; its pair is not in this review any more.");
    return showCounts();
  }
  Object.assign(row, { mine: entry.before, counted: entry.before, note: entry.note });
  await show(queue.index, entry.state);
  toast(`Taken back: ${config.choices.find(({ value }) => value === entry.choice)?.title}.`);
}

function onSaved(op, answer) {
  const row = queue.known.get(op.pair);
  if (row) {
    row.history = answer.history;
    if (row === queue.current) showEvidence(desk, row, config);
  }
  const dropped = queue.decided(answer.decided ?? []);
  if (dropped) {
    refreshCounts();
    preload();
  }
}

async function refreshCounts() {
  try {
    const fresh = (await queue.ask("counts=1")).counts;
    if (!outbox.pending) Object.assign(counts, fresh);
    showCounts();
  } catch {
    // They are refreshed at the end in any case.
  }
}

function onRefused(op, { message, remedy }) {
  session.drop(op.id);
  const what = config.choices.find(({ value }) => value === op.body?.choice)?.title;
  const text = `${what ? `“${what}” was not saved` : "Not taken back"}: ${message} ${remedy ?? ""}`;
  const notice = el("div", { class: "notice bad refused", role: "alert" }, el("div", { text }), el("button", { class: "btn small", type: "button", text: "I have read this" }));
  notice.querySelector("button").addEventListener("click", () => notice.remove());
  root.prepend(notice);
  refreshCounts();
}

// ---- note ----

const noteDialog = document.getElementById("note");
const noteText = noteDialog.querySelector("textarea");

function note() {
  const row = queue.current;
  if (!config.mayJudge || ended || !row) return;
  noteText.value = row.note ?? "";
  noteDialog.showModal();
}

// At once, and not when the dialog tells that it is closed: a verdict key may follow right away.
function keepNote() {
  queue.current.note = noteText.value.trim();
  showVerdict(queue.current);
  noteText.blur();
}
noteText.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  keepNote();
  noteDialog.close();
});
noteDialog.addEventListener("submit", (event) => event.submitter?.value === "keep" && keepNote());

// ---- keys and buttons ----

const move = (step) => {
  if (ended && step < 0 && queue.current) return show(queue.index);
  const index = queue.beside(step);
  if (index !== null) return show(index);
  return step > 0 ? next() : toast("This is the first pair of this session.");
};

const actions = {
  undo,
  note,
  later,
  next: () => move(1),
  previous: () => move(-1),
  list: () => location.assign(config.links.list),
  side: () => pictures.setMode("side"),
  flip: () => pictures.flip(),
  difference: () => pictures.setMode(pictures.mode === "difference" ? "side" : "difference"),
  "zoom-in": () => pictures.zoom(1.5),
  "zoom-out": () => pictures.zoom(1 / 1.5),
  fit: () => pictures.fit(),
  evidence: () => desk.classList.toggle("open"),
};

const KEYS = {
  z: "undo",
  n: "note",
  l: "list",
  s: "side",
  d: "difference",
  " ": "flip",
  0: "fit",
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
  j: "next",
  ArrowDown: "next",
  k: "previous",
  ArrowUp: "previous",
  ArrowLeft: "previous",
  ArrowRight: config.mayJudge ? "later" : "next",
};
// Held down, a key may move and zoom on; it never judges twice.
const REPEATS = new Set(["next", "previous", "zoom-in", "zoom-out"]);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || document.querySelector("dialog[open]")) return;
  // A focused button or link takes its own space and enter.
  if ((event.key === " " || event.key === "Enter") && event.target.closest("button, a, summary")) return;
  const choice = config.choices.find(({ key }) => key === event.key);
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!choice && !action) return;
  event.preventDefault();
  if (event.repeat && !REPEATS.has(action)) return;
  if (choice) judge(choice.value);
  else actions[action]();
});

root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do], [data-mode], .verdict[value]");
  if (!button || button.tagName === "A") return;
  if (button.dataset.mode) actions[button.dataset.mode]();
  else if (button.dataset.do) actions[button.dataset.do]();
  else judge(button.value);
  // After a click with the mouse, space should flip and not press the button again.
  if (event.detail) button.blur();
});

// Another signal counts in other bits, so its usual distance is proposed.
document.querySelector('#scope [name="signal"]')?.addEventListener("change", ({ target }) => {
  target.form.elements.t.value = target.selectedOptions[0].dataset.usual;
});

// ---- begin ----

queue.take(config.batch, skip());
showCounts();
showOutbox({ pending: outbox.pending, trouble: "", signedOut: false });
outbox.send();
if (config.batch.from) show(0);
else next();

// Links into this page that only change the pair (the back button, an edited address).
addEventListener("popstate", async () => {
  const at = new URLSearchParams(location.search).get("at");
  const known = at && queue.known.get(pairOf(at));
  if (known) show(queue.rows.indexOf(known));
});
