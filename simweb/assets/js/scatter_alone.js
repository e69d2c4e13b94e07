// A projection as a file of its own: starts the plot on what the page itself holds.
import { Scatter } from "./scatter.js";
import { Legend, bytesOf, codesOf, painted } from "./scatter_legend.js";

const data = JSON.parse(document.getElementById("data").textContent);
const host = document.getElementById("plot");
const plot = new Scatter(host, new Float32Array(bytesOf(data.points).buffer));
const legend = new Legend(document.getElementById("legend"));
const choice = document.getElementById("by");
let coloring = null;
let codes = null;

host.setAttribute("aria-label", `${data.title}: ${data.names.length} images`);
choice.append(...data.colorings.map(({ key, title }) => new Option(title, key, key === data.shown, key === data.shown)));

function redraw() {
  const { palette, behind } = painted(coloring.groups);
  plot.groups(codes, palette, legend.hidden, behind);
}

function color() {
  coloring = data.colorings.find(({ key }) => key === choice.value);
  codes = codesOf(coloring.codes);
  document.getElementById("note").textContent = coloring.note;
  legend.show(coloring.groups);
  redraw();
}
choice.addEventListener("change", color);
legend.addEventListener("change", redraw);

const card = document.createElement("div");
card.className = "card";
card.hidden = true;
host.append(card);
const line = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

function tell({ detail: { index, x, y } }) {
  card.hidden = index < 0;
  if (index < 0) return;
  const picture = data.pictures[index];
  const image = picture ? Object.assign(new Image(), { src: `data:image/jpeg;base64,${picture}`, alt: "" }) : "";
  const label = data.labels[data.label[index]];
  card.replaceChildren(image, line("b", data.names[index]), line("small", data.datasets[data.dataset[index]]), label ? line("small", label) : "");
  card.style.left = x > plot.size.width / 2 ? "" : `${x + 14}px`;
  card.style.right = x > plot.size.width / 2 ? `${plot.size.width - x + 14}px` : "";
  card.style.top = y > plot.size.height / 2 ? "" : `${y + 10}px`;
  card.style.bottom = y > plot.size.height / 2 ? `${plot.size.height - y + 10}px` : "";
}
plot.addEventListener("hover", tell);
plot.addEventListener("pick", tell);
color();
