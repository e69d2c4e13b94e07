// The legend of a scatter plot: each group with colour, name and count; pressed, it is hidden or shown again.

const FIRST_ROWS = 60;
const REST = "#8f9198"; // as analysis.core.palette has it
const format = new Intl.NumberFormat("en");

const element = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

/** Events: "change", when another set of groups is hidden. */
export class Legend extends EventTarget {
  /** @param {HTMLUListElement} list */
  constructor(list) {
    super();
    this.list = list;
    this.hidden = new Set();
    this.list.addEventListener("click", (event) => this.#pressed(event.target.closest("button")));
  }

  /**
   * @param {{name: string, color: string, count: number}[]} groups
   * @param {Set<number>} hidden positions of groups that are not shown
   */
  show(groups, hidden = new Set()) {
    this.groups = groups;
    this.hidden = hidden;
    const filled = groups.map((_, position) => position).filter((position) => groups[position].count);
    this.filled = filled;
    const rows = filled.slice(0, FIRST_ROWS).map((position) => this.#row(position));
    if (filled.length > FIRST_ROWS) {
      const row = element("li", "");
      const more = element("button", "legend-more", `and ${format.format(filled.length - FIRST_ROWS)} more`);
      more.type = "button";
      row.append(more);
      rows.push(row);
    }
    this.list.replaceChildren(...rows);
    this.#press();
  }

  #row(position) {
    const { name, color, count } = this.groups[position];
    const row = element("li", "");
    const group = element("button", "legend-group");
    group.type = "button";
    group.dataset.group = position;
    group.title = name;
    const dot = element("i", "");
    dot.style.background = color;
    group.append(dot, element("span", "", name), element("span", "", format.format(count)));
    const only = element("button", "legend-only", "only");
    only.type = "button";
    only.dataset.only = position;
    only.setAttribute("aria-label", `Only ${name}`);
    row.append(group, only);
    return row;
  }

  #press() {
    for (const button of this.list.querySelectorAll("[data-group]"))
      button.setAttribute("aria-pressed", String(!this.hidden.has(Number(button.dataset.group))));
    const shown = this.filled.filter((position) => !this.hidden.has(position));
    for (const button of this.list.querySelectorAll("[data-only]")) {
      const alone = shown.length === 1 && shown[0] === Number(button.dataset.only) && this.filled.length > 1;
      button.textContent = alone ? "all" : "only";
      button.toggleAttribute("data-alone", alone);
    }
  }

  #pressed(button) {
    if (!button) return;
    if (button.matches(".legend-more")) {
      button.parentElement.replaceWith(...this.filled.slice(FIRST_ROWS).map((position) => this.#row(position)));
    } else if (button.dataset.group) {
      const position = Number(button.dataset.group);
      if (!this.hidden.delete(position)) this.hidden.add(position);
    } else {
      const alone = button.textContent === "all";
      this.hidden = new Set(alone ? [] : this.filled.filter((position) => position !== Number(button.dataset.only)));
    }
    this.#press();
    this.dispatchEvent(new Event("change"));
  }
}

/** How groups are painted: their colours, and which lie beneath the others since they are the rest. */
export const painted = (groups) => ({
  palette: groups.map(({ color }) => channels(color)),
  behind: new Set(groups.map((_, position) => position).filter((position) => groups[position].color === REST)),
});

/** Red, green and blue of “#rrggbb”. */
const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

/** The group of each point, from base64 of little-endian uint16. */
export const codesOf = (text) => new Uint16Array(bytesOf(text).buffer);

export const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
