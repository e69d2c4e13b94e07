// Sends one delivery in parts. Every part may be sent again, so a broken connection costs one part at most.

export const PART_BYTES = 8 * 1024 * 1024;
export const PART_FILES = 100;
const PAUSES_MS = [1000, 3000, 8000];

/** A refusal by the server, or a connection that broke too often. `message` is for people. */
export class TransferError extends Error {
  constructor(message, { final = false } = {}) {
    super(message);
    this.final = final; // sending the same again cannot help
  }
}

const token = () => document.querySelector('meta[name="csrf-token"]').content;

/** One request; XMLHttpRequest, because fetch does not tell how much has been sent. */
const request = (url, body, { signal, onProgress, type } = {}) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const sent = new XMLHttpRequest();
    const abort = () => sent.abort();
    signal.addEventListener("abort", abort, { once: true });
    const ended = (settle, value) => {
      signal.removeEventListener("abort", abort);
      settle(value);
    };
    sent.open("POST", url);
    sent.setRequestHeader("X-CSRFToken", token());
    if (type) sent.setRequestHeader("Content-Type", type);
    sent.upload.onprogress = (event) => onProgress?.(event.loaded);
    sent.onabort = () => ended(reject, signal.reason);
    sent.onerror = () => ended(reject, new TransferError("The connection broke."));
    sent.onload = () => {
      let answer = null;
      try {
        answer = JSON.parse(sent.responseText);
      } catch {
        // a page of a proxy, or of the sign-in
      }
      if (sent.status < 300 && answer) return ended(resolve, answer);
      if (sent.status < 300) return ended(reject, new TransferError("You are signed out. Sign in again in another tab, then go on.", { final: true }));
      const words = answer?.detail ? `${answer.detail} ${answer.remedy ?? ""}`.trim() : null;
      if (sent.status >= 500) return ended(reject, new TransferError(words ?? "The server has a problem."));
      const known = { 403: "You were signed out, or may not upload here any more. Reload the page.", 404: "The upload is gone. Reload the page.", 413: "A proxy between here and the server refuses parts of this size." };
      ended(reject, new TransferError(words ?? known[sent.status] ?? `The server refuses this (${sent.status}).`, { final: sent.status !== 400 }));
    };
    sent.send(body);
  });

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

const patiently = async (send, signal) => {
  for (const ms of [...PAUSES_MS, null]) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof TransferError) || error.final || ms === null) throw error;
      await pause(ms, signal);
    }
  }
};

/** The parts of an archive: slices of the file by offset. */
const slices = (file) =>
  Array.from({ length: Math.ceil(file.size / PART_BYTES) }, (_, index) => {
    const offset = index * PART_BYTES;
    const piece = file.slice(offset, offset + PART_BYTES);
    return { bytes: piece.size, query: `?offset=${offset}`, type: "application/octet-stream", body: () => piece };
  });

/** The parts of a folder: as many files as fit; a large file goes alone. */
const batches = (files) => {
  const parts = [];
  let batch = [];
  let bytes = 0;
  const close = () => {
    if (!batch.length) return;
    const chosen = batch;
    parts.push({
      bytes,
      query: "",
      body: () => {
        const form = new FormData();
        for (const { path, number, file } of chosen) {
          form.append("path[]", path);
          form.append("number[]", number);
          form.append("files", file, "file");
        }
        return form;
      },
    });
    [batch, bytes] = [[], 0];
  };
  files.forEach(({ path, file }, number) => {
    if (batch.length === PART_FILES || bytes + file.size > PART_BYTES) close();
    batch.push({ path, number, file });
    bytes += file.size;
  });
  close();
  return parts;
};

let begins = Promise.resolve();

/**
 * A delivery on its way. `run` may be called again after it threw: it goes on where it stopped.
 *
 * @param {{kind: "archive"|"folder", name: string, bytes: number, file?: File, files?: {path: string, file: File}[]}} delivery
 */
export class Transfer {
  #parts;
  #next = 0;
  #urls = null;
  #stop = new AbortController();
  done = 0;

  constructor(delivery, beginUrl) {
    this.delivery = delivery;
    this.beginUrl = beginUrl;
    this.#parts = delivery.kind === "archive" ? slices(delivery.file) : batches(delivery.files);
  }

  get pageUrl() {
    return this.#urls?.page_url ?? null;
  }

  /** Sends what is missing, then closes the delivery. `onProgress` gets the bytes that have been sent. */
  async run(dataset, onProgress) {
    const { signal } = this.#stop;
    if (!this.#urls) {
      const { kind, name, bytes } = this.delivery;
      const asked = JSON.stringify({ dataset, kind, source_name: name, bytes_expected: bytes });
      // One after another, so that datasets stand in the order in which they were dropped.
      const begun = begins.then(() => request(this.beginUrl, asked, { signal, type: "application/json" }));
      begins = begun.catch(() => {});
      this.#urls = await begun;
    }
    while (this.#next < this.#parts.length) {
      const part = this.#parts[this.#next];
      const report = (loaded) => onProgress(this.done + Math.min(loaded, part.bytes));
      await patiently(() => request(this.#urls.part_url + part.query, part.body(), { signal, type: part.type, onProgress: report }), signal);
      this.done += part.bytes;
      this.#next += 1;
      onProgress(this.done);
    }
    await patiently(() => request(this.#urls.finish_url, "", { signal }), signal);
  }

  /** Stops sending, and has the server forget what has arrived. */
  async cancel() {
    this.#stop.abort(new DOMException("cancelled", "AbortError"));
    if (!this.#urls) return;
    const form = new FormData();
    form.append("action", "discard");
    try {
      // keepalive: it goes out even if the page is left at once.
      await fetch(this.#urls.page_url, { method: "POST", body: form, headers: { "X-CSRFToken": token() }, redirect: "manual", keepalive: true });
    } catch {
      // The list of datasets shows it as not completed; its page discards it.
    }
  }
}
