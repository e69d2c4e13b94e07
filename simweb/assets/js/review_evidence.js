// The column beside the pictures: distances, what differs, labels, what was said.

import { el } from "./review_dom.js";

const when = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

const distances = (row, signal) =>
  row.evidence.map(({ signal: name, title, words, apart, usual, note }) =>
    el(
      "div",
      { class: name === signal ? "ev of-queue" : "ev", title: name },
      el("span", { text: title.replace(/, \d+ bits/, "") }),
      el("b", { text: words }),
      el("span", { class: "meter", title: `${Math.round(100 * apart)} % of what unrelated pictures differ by` }, el("i", { class: usual ? null : "warn", style: `width:${100 * apart}%` })),
      note && el("span", { class: "faint note", text: note }),
    ),
  );

// What verifiers found: how many keypoints lie in one arrangement.
const looks = (row) =>
  (row.looked ?? []).map(({ title, words, sure }) =>
    el("div", { class: "ev", title: `${title}: keypoints in one arrangement` }, el("span", { text: title }), el("b", { class: sure ? "good" : null, text: words })),
  );

const labels = (row) => {
  const lists = row.images.map((image, i) =>
    el(
      "div",
      { class: "labels-of" },
      el("span", { class: "named" }, el("i", { class: `dot d${image.color}` }), el("span", { class: "sr", text: `${i ? "Second" : "First"} image:` })),
      el(
        "span",
        { class: "chips" },
        ...(image.labels.length
          ? image.labels.map(({ name, title, shared }) =>
              el("span", { class: shared ? "chip" : "chip warn", title: name }, title, shared ? null : el("span", { class: "sr", text: " (only here)" })),
            )
          : [el("span", { class: "faint", text: "no label" })]),
      ),
    ),
  );
  const none = row.images.every((image) => !image.labels.length);
  return [el("p", { class: "muted", text: row.labels }), ...(none ? [] : lists)];
};

const history = (row, mayJudge) => {
  if (!row.history.length)
    return [el("p", { class: "faint", text: mayJudge && !row.mine ? "None by you yet. What others said shows after your verdict." : "None yet." })];
  const entries = row.history.map(({ who, choice, title, note, at, standing }) =>
    el(
      "li",
      { class: standing ? "" : "past" },
      el("i", { class: `swatch v-${choice}` }),
      el("div", {}, el("b", { text: title }), ` · ${who}`, note && el("p", { class: "said", text: note }), el("time", { class: "faint", datetime: at, text: when.format(new Date(at)) })),
    ),
  );
  return [el("ul", { class: "history" }, ...entries)];
};

/** Show everything known of a pair. */
export const showEvidence = (root, row, { signal, mayJudge }) => {
  const put = (name, children) => root.querySelector(`[data-${name}]`).replaceChildren(...children);
  put("evidence", [...distances(row, signal), ...looks(row)]);
  put("differs", row.differs.map((sentence) => el("li", { text: sentence })));
  put("labels", labels(row));
  put("history", history(row, mayJudge));
  root.querySelector("[data-pair-page]").href = row.page;
};

/** Who the two pictures are. */
export const showNames = (stage, row) => {
  [..."ab"].forEach((side, i) => {
    const figure = stage.querySelector(`.pic.${side}`);
    const image = row.images[i];
    figure.querySelector(".dot").className = `dot d${image.color}`;
    figure.querySelector("[data-dataset]").textContent = image.dataset;
    figure.querySelector("[data-name]").textContent = image.name;
    Object.assign(figure.querySelector("[data-link]"), { href: image.page, title: image.name });
    figure.querySelector("[data-facts]").textContent = image.facts;
  });
};
