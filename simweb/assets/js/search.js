// The search page: a dropped or chosen picture is sent and answered in place; settings apply when they are changed.
import { bringsFiles, fileOf, send } from "./picture_drop.js";
import { drawRing } from "./ring.js";

const page = document.querySelector(".search");
const results = page.querySelector("[data-results]");
const settings = page.querySelector("[data-settings]");
const input = page.querySelector("[data-file]");
const zone = page.querySelector("[data-drop]");

let picture = null; // the file that is searched by, as long as the page is open
let latest = 0;

// All datasets are none in particular, and words that were typed are the question: the address stays short.
settings.addEventListener("formdata", ({ formData }) => {
  if ([...settings.querySelectorAll("[name=dataset]")].every((box) => box.checked)) formData.delete("dataset");
  if (formData.get("text")?.trim()) formData.delete("image");
  else formData.delete("text");
});

/** The settings as an address, for a picture that is sent. */
const address = () => {
  const values = new URLSearchParams(new FormData(settings));
  for (const name of ["image", "text"]) values.delete(name);
  return `${location.pathname}?${values}`;
};

const search = async () => {
  const turn = ++latest;
  results.setAttribute("aria-busy", "true");
  history.replaceState(null, "", address());
  const answer = await send(address(), picture);
  // A later question has overtaken this one.
  if (turn !== latest || answer === undefined) return;
  results.innerHTML = answer;
  results.removeAttribute("aria-busy");
  settings.querySelector("[data-from]")?.remove();
  page.querySelector("#text").value = "";
  drawRing();};

const take = (file) => {
  if (!file) return;
  picture = file;
  search();
};

input.addEventListener("change", () => {
  take(input.files[0]);
  input.value = ""; // so that choosing the same again is a change
});

settings.addEventListener("submit", (event) => {
  // Words that were typed are a new question; otherwise the picture still is the question.
  if (picture && !page.querySelector("#text").value.trim()) {
    event.preventDefault();
    search();
  }
});
settings.addEventListener("change", (event) => event.target.matches("[data-setting]") && settings.requestSubmit());

let depth = 0;
const over = (on) => zone.classList.toggle("over", on);
addEventListener("dragenter", (event) => bringsFiles(event) && ((depth += 1), over(true)));
addEventListener("dragleave", (event) => bringsFiles(event) && over((depth = Math.max(0, depth - 1)) > 0));
addEventListener("dragover", (event) => bringsFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!bringsFiles(event) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  depth = 0;
  over(false);
  take(fileOf(event.dataTransfer));
});
addEventListener("paste", (event) => !document.querySelector("dialog[open]") && take(fileOf(event.clipboardData)));

drawRing();

// On a narrow screen the settings would stand between the question and its answer.
if (results.querySelector(".hits") && matchMedia("(max-width: 820px)").matches) page.querySelector("[data-fold]").open = false;
