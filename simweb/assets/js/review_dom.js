// Elements from data. Text always goes in as text, so that a file name or a label can never become markup.

/** An element with properties (class, text, data-… and attributes) and children. */
export const el = (tag, properties = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name === "style") made.style.cssText = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
};

/** A count with thousands separated as the server writes them. */
export const count = (n) => n.toLocaleString("en-US");

/** "1 pair", "12 pairs". */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
