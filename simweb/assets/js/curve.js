// Reads the stored overlap at one threshold, as analysis/charts.py does; nothing here touches the page.

/** One count of a packed curve (analysis/core/curves.py). */
export const at = (packed, step) =>
  !packed.length || step < packed[0] ? 0 : packed[Math.min(step - packed[0] + 1, packed.length - 1)];

/** Index of the largest threshold that is at most the distance; 0 below the first. */
export function stepAt(steps, distance) {
  let step = 0;
  while (step + 1 < steps.length && steps[step + 1] <= distance) step += 1;
  return step;
}

// One format for all numbers: making one for each would take longer than everything else.
const format = new Intl.NumberFormat("en");
export const number = (n) => format.format(n);
export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** A part of a whole as “2.6 %”, as the template filter `share` writes it. */
export function share(part, whole) {
  if (!whole) return "";
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.1) return "< 0.1\u202f%";
  if (percent > 99.9 && percent < 100) return "> 99.9\u202f%";
  return `${percent.toFixed(1).replace(/\.0$/, "")}\u202f%`;
}

/** What stands behind a distance’s number, as the scales of analysis/core say it. */
export function after(scale, distance) {
  if (scale.unit === "bits") return `of ${scale.largest} bits`;
  if (scale.unit === "cosine distance") return `(similarity ${Number((1 - distance).toFixed(scale.places))})`;
  return "";
}

export const percent = (part, whole) => `${whole ? ((100 * part) / whole).toFixed(2) : 0}%`;

export class Overlap {
  /**
   * @param {object} data what the address curve.json answers
   * @param {object} config what the page says of datasets and scope
   */
  constructor(data, config) {
    this.curve = data.curve;
    this.found = data.found;
    this.judged = data.judged;
    this.config = config;
    const ids = config.datasets.map((dataset) => dataset.id);
    const covered = new Set(config.cells.map(([a, b]) => `${a}-${b}`));
    this.k = ids.length;
    this.cells = [];
    for (let i = 0; i < this.k; i++)
      for (let j = 0; j < this.k; j++)
        if (covered.has(`${Math.min(ids[i], ids[j])}-${Math.max(ids[i], ids[j])}`)) this.cells.push([i, j]);
    this.labels = this.#labelled();
    this.total = this.curve.images.reduce((sum, n) => sum + n, 0);
  }

  #labelled() {
    if (!this.curve.labels) return [];
    const labels = this.curve.label_names.map(([name, title]) => ({ name, title, total: 0, parts: [] }));
    for (const [dataset, label, total, curve] of this.curve.labels.rows) {
      labels[label].parts.push({ dataset, total, curve });
      labels[label].total += total;
    }
    return labels;
  }

  /** Everything that the page says at a distance. */
  at(distance) {
    const { curve } = this;
    const step = stepAt(curve.steps, distance);
    const matched = (i, j) => at(curve.matched[i][j], step);
    const pairs = (i, j) => at(curve.pairs[i][j], step);
    const darkest = Math.max(0, ...this.cells.map(([i, j]) => (curve.images[i] ? matched(i, j) / curve.images[i] : 0)));
    const cells = this.cells.map(([i, j]) => {
      const images = matched(i, j);
      const root = images && darkest ? Math.sqrt(images / curve.images[i] / darkest) : 0;
      return { i, j, images, of: curve.images[i], pairs: pairs(i, j), tint: root ? Math.max(Math.round(this.config.tint * root), 4) : 0 };
    });
    const upper = cells.filter(({ i, j }) => i <= j);
    const parts = upper.map((cell) => cell.pairs).sort((a, b) => b - a);
    return {
      step,
      cells,
      parts,
      pairs: parts.reduce((sum, n) => sum + n, 0),
      images: curve.matched_any.reduce((sum, part) => sum + at(part, step), 0),
      clusters: at(curve.clusters, step),
      largest: at(curve.largest_cluster, step),
      between: upper.map((cell) => ({ ...cell, mirrored: matched(cell.j, cell.i) })),
      shares: curve.matched_any.map((part, i) => ({ matched: at(part, step), total: curve.images[i] })),
      regions: curve.regions
        .map((region) => ({ sets: region.sets, pictures: at(region.pictures, step) }))
        .filter((region) => region.pictures)
        .sort((a, b) => (a.sets.length === 1) - (b.sets.length === 1) || b.pictures - a.pictures),
      differ: curve.labels ? at(curve.labels.pairs_differ, step) : 0,
      ...this.#labelsAt(step),
      ...this.#judgedAt(distance),
    };
  }

  #labelsAt(step) {
    const rows = [];
    for (const label of this.labels) {
      let matched = 0;
      for (const part of label.parts) matched += at(part.curve, step);
      if (matched) rows.push({ label, matched });
    }
    const text = ({ title, name }) => title || name;
    rows.sort(
      (a, b) =>
        b.matched - a.matched ||
        b.matched / b.label.total - a.matched / a.label.total ||
        (text(a.label) < text(b.label) ? -1 : 1),
    );
    const shown = rows.slice(0, this.config.mostLabels).map(({ label, matched }) => ({
      ...label,
      matched,
      parts: label.parts.map((part) => ({ ...part, matched: at(part.curve, step) })),
    }));
    return { labels: shown, labelsWithMatch: rows.length };
  }

  #judgedAt(distance) {
    const verdicts = new Map();
    // Distances are stored as float32, so 0.1 is a little more than 0.1.
    const limit = Math.fround(distance);
    for (const [choice, apart, n] of this.judged)
      if (apart <= limit) verdicts.set(choice, (verdicts.get(choice) ?? 0) + n);
    let judged = 0;
    let accepted = 0;
    for (const [choice, n] of verdicts) {
      judged += n;
      if (this.config.accepted.includes(choice)) accepted += n;
    }
    // All pairs found, even where only the confirmed ones are drawn: reviewed is always of these.
    const found = this.found[stepAt(this.curve.steps, distance)];
    return { verdicts, judged, accepted, found, open: Math.max(found - judged, 0) };
  }
}
