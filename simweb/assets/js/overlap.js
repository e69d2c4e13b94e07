// The overlap dashboard follows its slider: one answer holds every threshold, so a move never asks the server.
import { Overlap, after, number, percent, plural, share } from "./curve.js";
import { save } from "./svg.js";
import { upset } from "./upset.js";
import { Venn, errorText } from "./venn.js";

const config = JSON.parse(document.getElementById("overlap-config").textContent);
const form = document.querySelector("[data-overlap]");
const slider = form.querySelector("[data-slider]");
const texts = new Map([...document.querySelectorAll("[data-text]")].map((element) => [element.dataset.text, element]));
const bars = [...document.querySelectorAll("[data-histogram] > i")];
const drawing = document.querySelector("[data-drawing]");
const charts = [...document.querySelectorAll("[data-chart]")];
const confirmedOnly = config.count === "confirmed";

const say = (name, text) => {
  const element = texts.get(name);
  if (element && element.textContent !== text) element.textContent = text;
};
const cell = (tag, text, className = "") => Object.assign(document.createElement(tag), { textContent: text, className });

let chart = new URL(location).searchParams.get("chart");
if (!charts.some((button) => button.dataset.chart === chart)) chart = charts.length ? "venn" : "upset";
// Kept here, since asking the page for it in the middle of a redraw makes it lay itself out twice.
let width = drawing?.clientWidth ?? 0;
let overlap = null;
let venn = null;
let vennDiagram = null;
let now = null;

// ---- what follows the slider ----

function markHistogram(distance) {
  bars.forEach((bar, n) => bar.classList.toggle("on", config.steps[n] <= distance));
  say("t", String(distance));
  say("after", after(config.scale, distance));
}

function tiles() {
  say("pairs", number(now.pairs));
  const sum = now.parts.length > 1 && now.parts.length <= 6 ? `${now.parts.map(number).join(" + ")} by dataset pair` : "";
  say("parts", sum || (confirmedOnly ? "accepted" : "at most this far apart"));
  say("images", number(now.images));
  say("images-share", share(now.images, overlap.total));
  say("clusters", number(now.clusters));
  say("largest", now.clusters ? `the largest has ${number(now.largest)} images` : "no images are joined");
  say("judged", number(now.judged));
  say("found", number(now.found));
  const others = Object.entries(config.titles).filter(([choice]) => !config.accepted.includes(choice) && now.verdicts.get(choice));
  const said = [`${number(now.accepted)} accepted`, ...others.map(([choice, title]) => `${number(now.verdicts.get(choice))} ${title.toLowerCase()}`)];
  say("verdicts", now.judged ? said.join(" · ") : "none judged yet");
  if (!confirmedOnly) say("accepted", now.judged ? `${number(now.accepted)} of ${number(now.judged)} judged pairs up to here are accepted` : "");
  say("review", now.open ? `Review ${plural(now.open, "pair")}` : "All reviewed");
  document.querySelector("[data-review]")?.classList.toggle("primary", now.open > 0);
  document.querySelector("[data-when-reviewed]")?.classList.toggle("primary", now.open === 0);
}

const cells = new Map([...document.querySelectorAll("[data-cell]")].map((element) => [element.dataset.cell, element]));

function matrix() {
  for (const { i, j, images, of, pairs, tint } of now.cells) {
    const element = cells.get(`${i}-${j}`);
    if (!element) continue;
    element.style.setProperty("--tint", `${tint}%`);
    element.classList.toggle("none", !images);
    const [count, small] = element.firstElementChild.children;
    count.textContent = number(images);
    small.firstChild.textContent = share(images, of);
    small.lastChild.textContent = pairs ? ` · ${plural(pairs, "pair")}` : "";
  }
}

const shareRows = [...document.querySelectorAll("[data-shares] > div")];
const betweenRows = [...document.querySelectorAll("[data-between] > tr")];

function datasets() {
  now.shares.forEach(({ matched, total }, n) => {
    const row = shareRows[n];
    row.querySelector("i:not(.dot)").style.width = percent(matched, total);
    row.querySelector("[data-part=n]").textContent = number(matched);
    row.querySelector("[data-part=share]").textContent = share(matched, total);
  });
}

/** Tables in folded parts of the page: filled when they can be seen. */
function tables() {
  if (betweenRows[0]?.closest("details").open)
    now.between.forEach(({ images, mirrored, pairs }, n) => {
      const [, ofA, ofB, both] = betweenRows[n].children;
      ofA.textContent = number(images);
      ofB.textContent = number(mirrored);
      both.textContent = number(pairs);
    });
  const regions = document.querySelector("[data-regions]");
  if (regions?.closest("details").open)
    regions.replaceChildren(
      ...now.regions.map(({ sets: inside, pictures }) => {
        const row = document.createElement("tr");
        row.append(cell("td", inside.map((j) => config.datasets[j].name).join(" + ")), cell("td", number(pictures), "nums"));
        return row;
      }),
    );
}

function labels() {
  const list = document.querySelector("[data-labels]");
  if (!list) return;
  const rows = now.labels.map(({ name, title, matched, total, parts }) => {
    const row = document.createElement("div");
    const text = cell("span", title || name);
    text.title = title ? `${name}: ${title}` : name;
    const bar = cell("span", "", "bar stacked");
    for (const part of parts) {
      const { name: dataset, color } = config.datasets[part.dataset];
      const piece = document.createElement("i");
      piece.style.setProperty("--part", percent(part.matched, total));
      piece.style.background = color;
      piece.title = `${dataset}: ${number(part.matched)} of ${number(part.total)}`;
      bar.append(piece);
    }
    row.append(text, bar, cell("span", `${number(matched)} · ${share(matched, total)}`, "muted nums"));
    return row;
  });
  list.replaceChildren(...rows);
  const scale = Math.max(0, ...now.labels.map(({ matched, total }) => matched / total));
  list.style.setProperty("--scale", scale.toFixed(5));
  say("labels-scale", scale ? `share of its images with a match; full bar: ${share(scale, 1)}` : "");
  const more = now.labelsWithMatch > now.labels.length;
  say("labels-rest", !now.labelsWithMatch ? "No image with a class has a match here." : more ? `${number(now.labelsWithMatch)} classes have a match; these have the most.` : "");
  document.querySelector("[data-differ]").hidden = !now.differ;
  say("differ", `${plural(now.differ, "pair carries", "pairs carry")} different labels on the two sides.`);
}

function sets() {
  if (!drawing) return;
  for (const button of charts) button.setAttribute("aria-pressed", String(button.dataset.chart === chart));
  if (chart === "venn" && venn) {
    const layout = venn.layouts[venn.steps[now.step]];
    vennDiagram ??= new Venn(config.datasets);
    vennDiagram.draw(layout, now.regions);
    if (drawing.firstElementChild !== vennDiagram.element) drawing.replaceChildren(vennDiagram.element);
    say("sets-error", errorText(layout));
  } else {
    const plot = upset(config.datasets, now.regions, Math.max(280, width));
    drawing.replaceChildren(plot.drawing);
    say("sets-error", plot.rest);
  }
}

const cards = [...document.querySelectorAll("[data-closest] > [data-distance]")];

function closest(distance) {
  if (!confirmedOnly) for (const card of cards) card.hidden = Number(card.dataset.distance) > Math.fround(distance);
  document.querySelector("[data-no-pairs]").hidden = now.pairs > 0;
  say("all-pairs", now.pairs ? `all ${number(now.pairs)}` : "");
}

// ---- the address and the links hold the state ----

const keepers = [...document.querySelectorAll("a[data-keep], input[data-keep]")];

function keep(distance) {
  for (const element of keepers) {
    if (element instanceof HTMLInputElement) {
      element.value = distance;
      continue;
    }
    const url = new URL(element.href);
    // A list of confirmed pairs reaches to the largest distance, wherever the slider stands.
    if (url.searchParams.get("show") !== "accepted") url.searchParams.set("t", distance);
    if (element.dataset.keep.includes("chart")) url.searchParams.set("chart", chart);
    element.href = url;
  }
  const here = new URL(location);
  here.searchParams.set("t", distance);
  if (charts.length) here.searchParams.set("chart", chart);
  history.replaceState(history.state, "", here);
}

// ---- redraw at most once a frame; the address at rest ----

let frame = 0;
let rest = 0;

function draw() {
  frame = 0;
  const distance = Number(slider.value);
  markHistogram(distance);
  if (!overlap) return;
  now = overlap.at(distance);
  tiles();
  matrix();
  sets();
  datasets();
  labels();
  tables();
  closest(distance);
}

function moved() {
  frame ||= requestAnimationFrame(draw);
  clearTimeout(rest);
  // Browsers refuse to rewrite the address too often.
  rest = setTimeout(() => keep(Number(slider.value)), 120);
}

slider.addEventListener("input", moved);
slider.addEventListener("change", moved);
bars.forEach((bar, n) =>
  bar.addEventListener("click", () => {
    slider.value = config.steps[n];
    moved();
  }),
);
for (const button of charts)
  button.addEventListener("click", () => {
    chart = button.dataset.chart;
    moved();
  });
for (const button of document.querySelectorAll("[data-save]"))
  button.addEventListener("click", () => {
    const shown = drawing.querySelector("svg");
    if (shown) save(shown, button.dataset.save, `${document.title.split(" · ")[0]} at ${slider.value} ${after(config.scale, Number(slider.value))}`);
    button.closest("details").open = false;
  });
form.elements.signal.addEventListener("change", () => {
  // 8 of 64 bits says nothing of 256 bits: another signal begins at its own usual distance.
  slider.disabled = true;
});
addEventListener("pageshow", () => {
  slider.disabled = confirmedOnly;
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=range]), select, textarea");
  if (event.key === "t" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) slider.focus();
});
for (const folded of document.querySelectorAll("main details:not([data-menu])"))
  folded.addEventListener("toggle", () => now && tables());
const resized = new ResizeObserver(() => {
  if (drawing.clientWidth === width) return;
  width = drawing.clientWidth;
  if (now && chart === "upset") sets();
});
if (drawing) resized.observe(drawing);

if (confirmedOnly) slider.disabled = true;
draw();
try {
  const response = await fetch(form.dataset.curve, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(response.statusText);
  const data = await response.json();
  venn = data.venn;
  overlap = new Overlap(data, config);
  draw();
} catch {
  say("sets-error", "The diagram could not be loaded. Reload the page to try again; the numbers above are right.");
}
