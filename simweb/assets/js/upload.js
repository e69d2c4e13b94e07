// The upload zone: every archive or folder becomes a row with its dataset's name, progress, retry and cancel.
import { fromDrop, fromFiles, fromFolder } from "./dropped.js";
import { Rate } from "./rate.js";
import { Transfer } from "./transfer.js";
import { count, duration, inBytes } from "./words.js";

const AT_ONCE = 2;

const zone = document.querySelector("[data-upload]");
const known = new Map(JSON.parse(document.getElementById("known-datasets").textContent).map((each) => [each.name, each.images]));
const queue = zone.querySelector("[data-queue]");
const rows = new Set();

const say = (words) => (zone.querySelector("[data-say]").textContent = words);

class Row {
  #state = "ready"; // ready → waiting → sending → sent; sending → broken → waiting
  #rate = new Rate();

  constructor(delivery) {
    this.delivery = delivery;
    this.transfer = new Transfer(delivery, zone.dataset.begin);
    this.element = zone.querySelector("[data-row]").content.firstElementChild.cloneNode(true);
    this.part("source").textContent = delivery.name;
    for (const icon of this.element.querySelectorAll("[data-icon]")) icon.hidden = icon.dataset.icon !== delivery.kind;
    const files = delivery.kind === "folder" ? `${count(delivery.files.length, "file")}, ` : "";
    this.part("size").textContent = files + inBytes(delivery.bytes);
    this.name = this.part("name");
    this.name.value = delivery.suggested.slice(0, 100);
    this.name.addEventListener("input", () => this.#hint());
    this.name.addEventListener("keydown", (event) => event.key === "Enter" && this.start());
    this.element.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act === "start" || act === "retry") this.start();
      if (act === "cancel") this.cancel();
    });
    this.#hint();
    if (!delivery.bytes) this.#fail("There is nothing in it.", { final: true });
  }

  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  get state() {
    return this.#state;
  }

  #hint() {
    const name = this.name.value.trim().replace(/\s+/g, " ");
    const images = known.get(name);
    this.part("hint").textContent = !name ? "Write the dataset's name." : images === undefined ? "A new dataset." : `Adds to ${name}, which has ${count(images, "image")}.`;
    this.name.toggleAttribute("aria-invalid", false);
  }

  start() {
    if (!["ready", "broken"].includes(this.#state)) return;
    if (!this.name.value.trim()) {
      this.name.setAttribute("aria-invalid", "true");
      this.name.focus();
      return;
    }
    this.#become("waiting");
    this.part("sent").textContent = "Waiting for its turn";
    pump();
  }

  async send() {
    this.#become("sending");
    this.#rate.reset();
    this.#progress(this.transfer.done);
    try {
      await this.transfer.run(this.name.value, (done) => this.#progress(done));
      this.#become("sent");
      const name = this.name.value.trim().replace(/\s+/g, " ");
      if (!known.has(name)) known.set(name, 0);
      this.part("page").href = this.transfer.pageUrl;
      this.part("chosen").textContent = name;
      this.part("sent").textContent = `All ${inBytes(this.delivery.bytes)} have arrived; the import goes on by itself.`;
      this.part("left").textContent = "";
      say(`${this.delivery.name} is uploaded.`);
      document.body.dispatchEvent(new CustomEvent("simweb:uploads"));
    } catch (error) {
      if (error.name !== "AbortError") this.#fail(error.message, error);
    }
    pump();
  }

  #progress(done) {
    const { bytes } = this.delivery;
    this.#rate.add(done);
    const percent = bytes ? (100 * done) / bytes : 0;
    const bar = this.part("bar");
    bar.setAttribute("aria-valuenow", percent.toFixed(0));
    bar.firstElementChild.style.width = `${percent}%`;
    const rate = this.#rate.perSecond;
    this.part("sent").textContent = `${inBytes(done)} of ${inBytes(bytes)}${rate ? `, ${inBytes(Math.round(rate))} a second` : ""}`;
    this.part("left").textContent = rate && done < bytes ? `about ${duration((bytes - done) / rate)} left` : "";
  }

  #fail(message, { final = false } = {}) {
    const begun = Boolean(this.transfer.pageUrl);
    this.#become("broken");
    this.part("error-text").textContent = final || !begun ? message : `${message} What has arrived is kept.`;
    this.part("error").hidden = false;
    this.element.querySelector('[data-act="retry"]').hidden = !this.delivery.bytes || (final && begun);
    this.name.disabled = begun;
    say(`${this.delivery.name}: ${message}`);
  }

  #become(state) {
    this.#state = state;
    const act = (name) => this.element.querySelector(`[data-act="${name}"]`);
    this.name.disabled = state !== "ready";
    act("start").hidden = state !== "ready";
    act("retry").hidden = true;
    act("cancel").hidden = state === "sent";
    act("cancel").textContent = this.transfer.pageUrl || state === "sending" ? "Cancel" : "Remove";
    this.part("error").hidden = true;
    this.part("state").hidden = state === "ready" || (state === "broken" && !this.transfer.pageUrl);
    this.part("page").hidden = state !== "sent";
    this.part("bar").hidden = state === "sent";
    this.part("chosen").hidden = state !== "sent";
    this.part("target").hidden = state === "sent";
    refresh();
  }

  cancel() {
    this.transfer.cancel().then(() => document.body.dispatchEvent(new CustomEvent("simweb:uploads")));
    rows.delete(this);
    const after = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.element.remove();
    (after?.querySelector("button:not([hidden]), input") ?? zone.querySelector("[data-pick]")).focus();
    refresh();
    pump();
  }
}

const of = (...states) => [...rows].filter((row) => states.includes(row.state));

const pump = () => {
  for (const row of of("waiting").slice(0, Math.max(0, AT_ONCE - of("sending").length))) row.send();
};

const refresh = () => {
  zone.querySelector("[data-queue-head]").hidden = !rows.size;
  const all = zone.querySelector("[data-upload-all]");
  const ready = of("ready").length;
  all.hidden = !ready;
  all.textContent = ready === 1 ? "Upload" : `Upload all ${ready}`;
};

const add = (deliveries) => {
  for (const delivery of deliveries) {
    const row = new Row(delivery);
    rows.add(row);
    queue.append(row.element);
  }
  refresh();
  if (!deliveries.length) return say("There was no file in it.");
  say(`${count(deliveries.length, "delivery", "deliveries")} ready to upload.`);
  const first = [...rows].at(-deliveries.length);
  first.name.focus();
  first.name.select();
};

zone.addEventListener("click", (event) => {
  const pick = event.target.closest("[data-pick]");
  if (pick) zone.querySelector(`[data-input="${pick.dataset.pick}"]`).click();
  if (event.target.closest("[data-upload-all]")) for (const row of of("ready")) row.start();
});

for (const [kind, read] of [["archives", fromFiles], ["folder", fromFolder]]) {
  const input = zone.querySelector(`[data-input="${kind}"]`);
  input.addEventListener("change", () => {
    const deliveries = read(input.files);
    input.value = ""; // so that choosing the same again is a change
    add(deliveries);
  });
}

// Anywhere on the page: a file dropped beside the zone would otherwise replace the page.
let depth = 0;
const over = (on) => zone.classList.toggle("over", on);
const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", (event) => bringsFiles(event) && ((depth += 1), over(true)));
addEventListener("dragleave", (event) => bringsFiles(event) && over((depth = Math.max(0, depth - 1)) > 0));
addEventListener("dragover", (event) => bringsFiles(event) && event.preventDefault());
addEventListener("drop", async (event) => {
  if (!bringsFiles(event)) return;
  event.preventDefault();
  depth = 0;
  over(false);
  try {
    add(await fromDrop(event.dataTransfer, (found) => say(`Reading the folder: ${count(found, "file")} so far.`)));
  } catch (error) {
    say(`The folder could not be read (${error.message}). Pack it as a ZIP archive instead.`);
  }
});

// The first dataset is there: the zone makes room for the list of datasets above it.
document.body.addEventListener("simweb:uploads", () => {
  if (!known.size) return;
  zone.classList.remove("first");
  const title = zone.querySelector("[data-then]");
  title.textContent = title.dataset.then;
});

addEventListener("online", () => {
  for (const row of of("broken")) if (row.transfer.pageUrl) row.start();
});
addEventListener("beforeunload", (event) => {
  if (of("waiting", "sending").length) event.preventDefault();
});
