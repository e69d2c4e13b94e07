// The page of a projection: plot, legend, the card of the image under the pointer, and what is selected.
import { Scatter } from "./scatter.js";
import { Legend, codesOf, painted } from "./scatter_legend.js";
import { Frame } from "./scatter_points.js";
import { typing } from "./shortcuts.js";

const CARD_DELAY = 70;
const MOST_CARDS = 400;
const MOST_OUTLINES = 8;

const config = JSON.parse(document.getElementById("explore-config").textContent);
const page = document.querySelector("[data-explore]");
const part = (name) => page.querySelector(`[data-${name}]`);
const host = part("plot");
const card = part("card");
const panel = part("selection");
const choice = part("by");
const address = new URL(location).searchParams;

const fault = (text) => {
  part("problem").textContent = text;
  part("problem").hidden = !text;
};

async function ask(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return response;
}

// ---- points ----

async function readPoints() {
  const response = await ask(config.points);
  const raw = await response.arrayBuffer();
  const head = new DataView(raw);
  const n = head.getUint32(4, true);
  return {
    version: response.headers.get("ETag")?.replace(/^W\//, "").replaceAll('"', ""),
    frame: new Frame({ x: head.getFloat64(8, true), y: head.getFloat64(16, true), span: head.getFloat64(24, true) }),
    ids: new Float64Array(raw, 32, n),
    points: new Float32Array(raw, 32 + 8 * n, 2 * n),
  };
}

const readGroups = async (by) => (await ask(`${config.groups}?by=${encodeURIComponent(by)}`)).json();

// ---- the state, which the address holds ----

let data = null;
let plot = null;
let coloring = null;
let codes = null;
let outlines = address.getAll("lasso").slice(0, MOST_OUTLINES);
const legend = new Legend(part("legend"));

const hiddenKeys = () => [...legend.hidden].map((position) => coloring.groups[position].key);

function state() {
  const values = new URLSearchParams();
  values.set("by", choice.value);
  if (legend.hidden.size) values.set("hide", hiddenKeys().join(","));
  for (const outline of outlines) values.append("lasso", outline);
  return values;
}

function keep() {
  const values = state();
  for (const [name, value] of address) if (!["by", "hide", "lasso"].includes(name)) values.append(name, value);
  history.replaceState(history.state, "", `?${values}`);
  for (const link of document.querySelectorAll("a[data-file]")) {
    const url = new URL(link.href);
    url.searchParams.set("by", choice.value);
    link.href = url;
  }
  for (const link of document.querySelectorAll("a[data-other]")) link.search = `?by=${encodeURIComponent(choice.value)}`;
}

// ---- groups ----

function paint() {
  const { palette, behind } = painted(coloring.groups);
  plot.groups(codes, palette, legend.hidden, behind);
  const shown = plot.shown.reduce((sum, each) => sum + each, 0);
  const all = data.ids.length.toLocaleString("en");
  part("count").textContent = shown === data.ids.length ? `${all} images` : `${shown.toLocaleString("en")} of ${all} images`;
}

async function color(keys) {
  const asked = choice.value;
  const found = await readGroups(asked);
  if (asked !== choice.value) return; // another was chosen meanwhile
  // Images may have been deleted since the points were read.
  if (data.version && found.version !== data.version) return location.reload();
  coloring = found;
  codes = codesOf(found.codes);
  part("note").textContent = found.note;
  legend.show(found.groups, new Set(found.groups.map((_, at) => at).filter((at) => keys.includes(found.groups[at].key))));
  paint();
  if (outlines.length) select(outlines);
  else keep();
}

choice.addEventListener("change", () => color([]).catch(() => fault("The groups could not be loaded. Reload the page to try again.")));
legend.addEventListener("change", () => {
  paint();
  if (outlines.length) select(outlines);
  else keep();
});

// ---- selection ----

let asking = null;

/** Select what lies in outlines; none clears the selection. */
async function select(wanted) {
  outlines = wanted.slice(-MOST_OUTLINES);
  asking?.abort();
  const chosen = new Uint8Array(plot.n);
  let count = 0;
  for (const outline of outlines) count = data.frame.mark(outline, data.points, plot.shown, chosen);
  plot.choose(outlines.length && count ? chosen : null);
  keep();
  panel.hidden = !outlines.length;
  if (!outlines.length) return;
  asking = new AbortController();
  panel.setAttribute("aria-busy", "true");
  try {
    const response = await ask(`${config.images}?${state()}`, { headers: { "HX-Request": "true" }, signal: asking.signal });
    panel.innerHTML = await response.text();
    panel.setAttribute("aria-busy", "false");
  } catch (error) {
    if (error.name !== "AbortError") panel.textContent = "The selection could not be listed. Select again.";
  }
}

panel.addEventListener("click", (event) => {
  if (!event.target.closest("[data-clear]")) return;
  select([]);
  host.focus();
});

const selectView = () => select([data.frame.encode(plot.window())]);

// ---- the card of an image ----

const cards = new Map();
let pinned = -1;
let wanted = -1;
let timer = 0;

function place(index) {
  const { x, y } = plot.at(index);
  const { width, height } = plot.size;
  card.style.left = x > width / 2 ? "auto" : `${Math.max(x, 0) + 14}px`;
  card.style.right = x > width / 2 ? `${Math.max(width - x, 0) + 14}px` : "auto";
  card.style.top = y > height / 2 ? "auto" : `${Math.max(y, 0) + 12}px`;
  card.style.bottom = y > height / 2 ? `${Math.max(height - y, 0) + 12}px` : "auto";
}

async function describe(index) {
  const id = data.ids[index];
  if (!cards.has(id)) {
    if (cards.size >= MOST_CARDS) cards.delete(cards.keys().next().value);
    cards.set(id, ask(config.card.replace(/0$/, id)).then((response) => response.text()));
  }
  try {
    const text = await cards.get(id);
    if (wanted !== index) return;
    card.innerHTML = text;
    // The dataset and the labels stand there already; what else the colour means does not.
    if (!["dataset", "label"].includes(choice.value))
      card.append(Object.assign(document.createElement("span"), { className: "faint", textContent: coloring.groups[codes[index]].name }));
    card.classList.toggle("pinned", pinned === index);
    place(index);
    card.hidden = false;
  } catch {
    cards.delete(id);
  }
}

function point(index, delay) {
  wanted = index;
  clearTimeout(timer);
  if (index < 0) {
    card.hidden = true;
    return;
  }
  timer = setTimeout(() => describe(index), cards.has(data.ids[index]) ? 0 : delay);
}

function pin(index) {
  pinned = index;
  card.classList.toggle("pinned", index >= 0);
  point(index, 0);
}

// ---- marks: ?query=ID in black and ?results=ID,ID in red, as the neighbour search links here ----

function marks() {
  const ids = (name) => (address.get(name) ?? "").split(",").filter(Boolean).map(Number);
  const rows = new Map([...data.ids].map((id, index) => [id, index]));
  const of = (name, kind) => ids(name).map((id) => ({ index: rows.get(id), kind })).filter(({ index }) => index !== undefined);
  const [query, results] = [of("query", "query"), of("results", "result")];
  part("marks").hidden = !ids("query").length && !ids("results").length;
  part("query").textContent = query.length ? "the image searched for" : "the image searched for is not in this plot";
  part("results").textContent = `${results.length} of ${ids("results").length} results`;
  return [...results, ...query];
}

// ---- tools ----

function mode(name) {
  plot.lasso = name === "lasso";
  host.classList.toggle("lasso", plot.lasso);
  for (const button of page.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === name));
}

for (const button of page.querySelectorAll("[data-mode]")) button.addEventListener("click", () => mode(button.dataset.mode));
for (const button of page.querySelectorAll("[data-zoom]"))
  button.addEventListener("click", () => plot.zoomAt(plot.size.width / 2, plot.size.height / 2, Number(button.dataset.zoom)));
part("fit").addEventListener("click", () => plot.fit());
part("select-view").addEventListener("click", selectView);
document.querySelector("[data-save]").addEventListener("click", (event) => {
  event.target.closest("details").open = false;
  plot.picture().toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${config.title.replaceAll("/", "-")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
});
document.addEventListener("keydown", (event) => {
  if (!plot || event.ctrlKey || event.metaKey || event.altKey || typing(event) || document.querySelector("dialog[open]")) return;
  const act = { l: () => mode(plot.lasso ? "move" : "lasso"), a: selectView, x: () => select([]), Escape: () => pin(-1) }[event.key];
  if (!act) return;
  if (event.key !== "Escape") event.preventDefault();
  act();
});

// ---- begin ----

try {
  const hidden = (address.get("hide") ?? "").split(",").filter(Boolean);
  data = await readPoints();
  plot = new Scatter(host, data.points);
  host.scatter = plot; // for other scripts of the page, and for measuring
  plot.addEventListener("hover", ({ detail }) => pinned < 0 && point(detail.index, CARD_DELAY));
  plot.addEventListener("pick", ({ detail }) => pin(detail.index));
  plot.addEventListener("view", () => (pinned >= 0 ? place(pinned) : point(-1)));
  plot.addEventListener("enclose", ({ detail }) => select([...(detail.add ? outlines : []), data.frame.encode(detail.outline)]));
  plot.mark(marks());
  await color(hidden);
  document.addEventListener("simweb:theme", () => plot.draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.draw());
} catch (error) {
  fault("The points could not be loaded. Reload the page to try again.");
  console.warn(error);
}
