// “Have we seen this picture?”: dropped anywhere on a page of the project, or brought into the dialog.
import { bringsFiles, fileOf, send } from "./picture_drop.js";

const dialog = document.querySelector("[data-look-up]");
const veil = document.querySelector("[data-drop-veil]");
const zone = dialog.querySelector("[data-drop]");
const answer = dialog.querySelector("[data-answer]");
const turned = dialog.querySelector("[data-turned]");
const input = dialog.querySelector("[data-file]");

// Pages that take drops themselves: uploads, and the search.
const free = !document.querySelector("[data-upload], [data-own-drop]");

let picture = null;
let latest = 0;

const ask = async () => {
  const turn = ++latest;
  dialog.querySelector("[data-name]").textContent = picture.name || "The picture from the clipboard";
  answer.setAttribute("aria-busy", "true");
  const said = await send(dialog.dataset.lookUp, picture, turned.checked ? { turned: "1" } : {});
  if (turn !== latest || said === undefined) return;
  answer.innerHTML = said;
  answer.removeAttribute("aria-busy");
};

const take = (file) => {
  if (!file) return;
  picture = file;
  if (!dialog.open) dialog.showModal();
  ask();
};

input.addEventListener("change", () => {
  take(input.files[0]);
  input.value = ""; // so that choosing the same again is a change
});
turned.addEventListener("change", () => picture && ask());

let depth = 0;
const over = (on) => {
  zone.classList.toggle("over", on && dialog.open);
  veil.hidden = !on || dialog.open;
};
const taken = (event) => bringsFiles(event) && (dialog.open || free);

/** Before the page's own handling of drops, which must not see what goes into the dialog. */
const first = (kind, act) =>
  addEventListener(
    kind,
    (event) => {
      if (!taken(event)) return;
      event.stopImmediatePropagation();
      act(event);
    },
    true,
  );
first("dragenter", () => ((depth += 1), over(true)));
first("dragleave", () => over((depth = Math.max(0, depth - 1)) > 0));
first("dragover", (event) => event.preventDefault());
first("drop", (event) => {
  event.preventDefault();
  depth = 0;
  over(false);
  take(fileOf(event.dataTransfer));
});
dialog.addEventListener("paste", (event) => take(fileOf(event.clipboardData)));
