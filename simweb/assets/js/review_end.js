// The end of the queue: what was done, what holds now, what to do next.

import { count, el, plural } from "./review_dom.js";

const time = (seconds) => (seconds < 90 ? plural(Math.max(1, Math.round(seconds)), "second") : plural(Math.round(seconds / 60), "minute"));

const headline = (config, counts, left) => {
  const { within } = counts;
  if (!counts.total) return [`There are no pairs ${within}`, counts.none];
  if (config.show === "open" && !left) return ["Every pair is judged", `All ${plural(counts.total, "pair")} ${within} have a verdict.`];
  if (config.show === "open") return ["You are through", `${plural(left, "pair")} ${within} came up or were freed meanwhile; load the page again to see them.`];
  return ["You are through this list", "No further pair has the verdict that this list shows."];
};

const session = ({ log, seconds, pace }) => {
  if (!log.length) return null;
  const rate = pace ? `, ${Math.round(pace)} a minute` : "";
  const took = log.length > 1 && seconds >= 1 ? ` in ${time(seconds)}${rate}` : "";
  return el("p", {}, `In this session you judged ${plural(log.length, "pair")}${took}. `, el("span", { class: "muted" }, el("kbd", { text: "z" }), " takes the last one back."));
};

const table = (config, counts) =>
  el(
    "div",
    { class: "bars verdict-bars" },
    ...config.choices.map(({ value, title }) => {
      const n = counts.judged[value] ?? 0;
      return el(
        "div",
        {},
        el("span", { text: title }),
        el("span", { class: "bar" }, el("i", { class: `v-${value}`, style: `width:${counts.total ? (100 * n) / counts.total : 0}%` })),
        el("span", { class: "muted nums", text: count(n) }),
      );
    }),
  );

const next = ({ links, show }, counts, left) => {
  const further = counts.further;
  const widen = further && el("a", { class: "btn primary", href: `${links.review}?${further.query}`, text: `${plural(further.pairs, "more pair")} up to ${further.words}` });
  return el(
    "div",
    { class: "actions" },
    show !== "open" || left ? el("a", { class: "btn primary", href: `${links.review}?${links.open}`, text: left ? `Judge ${plural(left, "open pair")}` : "Pairs not judged yet" }) : widen,
    el("a", { class: further && show === "open" ? "btn" : "btn", href: links.origin, text: links.origin_title }),
    el("a", { class: "btn", href: links.split, text: "Make a split" }),
    el("a", { class: "btn", href: links.reviews, text: "All reviews" }),
  );
};

/** Fill the end page. */
export const showEnd = (root, config, counts, log) => {
  const judged = Object.values(counts.judged).reduce((sum, n) => sum + n, 0);
  const left = Math.max(0, counts.total - judged);
  const [title, sentence] = headline(config, counts, left);
  const beyond = counts.further ? null : el("p", { class: "faint", text: counts.beyond });
  root.replaceChildren(
    el("div", { class: "sheet end" }, el("h2", { text: title }), el("p", { class: "muted", text: sentence }), session(log) ?? "", counts.total ? table(config, counts) : "", next(config, counts, left), beyond ?? ""),
  );
};
