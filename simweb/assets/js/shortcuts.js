// Keys that work on every page. Pages add their own and list them in the block "shortcuts".

const PREFIX_MS = 1200;
let prefixUntil = 0;

/** Whether the key goes into something that takes text. */
export const typing = (event) => {
  const at = event.target;
  return at.isContentEditable || /^(input|select|textarea)$/i.test(at.tagName) && !/^(checkbox|radio|range|button)$/.test(at.type);
};

const follow = (selector) => {
  const link = [...document.querySelectorAll(selector)].find((found) => found.offsetParent !== null);
  link?.click();
  return Boolean(link);
};

const act = (key) => {
  if (performance.now() < prefixUntil) {
    prefixUntil = 0;
    return /^[a-z]$/.test(key) && follow(`[data-go="${key}"]`);
  }
  switch (key) {
    case "g":
      prefixUntil = performance.now() + PREFIX_MS;
      return true;
    case "?":
      document.getElementById("help")?.showModal();
      return true;
    case "/": {
      const search = document.querySelector("[data-search]");
      search?.focus();
      search?.select();
      return Boolean(search);
    }
    case "[":
      return follow('.pager [rel="prev"]');
    case "]":
      return follow('.pager [rel="next"]');
    default:
      return false;
  }
};

// In the capture phase, so that a page's own key "d" does not see the second half of "g d".
document.addEventListener(
  "keydown",
  (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || document.querySelector("dialog[open]")) return;
    if (act(event.key)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  },
  true,
);
