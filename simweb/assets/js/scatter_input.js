// What people do on a scatter plot by mouse, finger and keyboard, as calls of its methods.

const CLICK_PIXELS = 4;
const STEP = 0.12; // share of the window that an arrow key moves
const ZOOM_STEP = 1.35;

const between = ([a, b]) => ({
  x: (a.x + b.x) / 2,
  y: (a.y + b.y) / 2,
  apart: Math.hypot(a.x - b.x, a.y - b.y),
});

/** Listen on the plot's element. The plot has: move, zoomAt, fit, hoverAt, pickAt, draw outlines, escape. */
export function listen(plot, element) {
  const pointers = new Map();
  let pinch = null;
  let start = null;
  let dragged = false;
  let outline = null;

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || event.target.closest("a, button")) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 2) {
      pinch = between([...pointers.values()]);
      outline = plot.outline(null);
      return;
    }
    start = place(event);
    dragged = false;
    outline = plot.lasso !== event.shiftKey ? [start] : null;
    plot.adding = event.shiftKey || event.ctrlKey || event.metaKey;
  });

  element.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") plot.hoverAt(now.x, now.y);
      return;
    }
    pointers.set(event.pointerId, now);
    if (pinch && pointers.size === 2) {
      const next = between([...pointers.values()]);
      plot.move(next.x - pinch.x, next.y - pinch.y);
      plot.zoomAt(next.x, next.y, next.apart / Math.max(pinch.apart, 1));
      pinch = next;
      dragged = true;
      return;
    }
    if (!dragged && Math.hypot(now.x - start.x, now.y - start.y) < CLICK_PIXELS) return;
    dragged = true;
    plot.hoverAt(-1e6, -1e6);
    if (outline) {
      const last = outline.at(-1);
      if (Math.hypot(now.x - last.x, now.y - last.y) >= 3) outline.push(now);
      plot.outline(outline);
    } else plot.move(now.x - before.x, now.y - before.y);
  });

  const ended = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pinch) {
      if (pointers.size === 0) pinch = null;
      return;
    }
    if (dragged && outline?.length > 2 && event.type === "pointerup") plot.enclose(outline, plot.adding);
    else if (!dragged && event.type === "pointerup") plot.pickAt(start.x, start.y, event.pointerType === "touch");
    outline = plot.outline(null);
  };
  element.addEventListener("pointerup", ended);
  element.addEventListener("pointercancel", ended);
  element.addEventListener("pointerleave", () => plot.hoverAt(-1e6, -1e6));
  element.addEventListener("dblclick", (event) => {
    const { x, y } = place(event);
    if (!event.target.closest("a, button")) plot.zoomAt(x, y, 2);
  });

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = place(event);
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      // A pinch on a touch pad arrives as a wheel with the control key, in small steps.
      const speed = event.ctrlKey ? 0.01 : 0.0022;
      plot.zoomAt(x, y, Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) * speed));
    },
    { passive: false },
  );

  element.addEventListener("keydown", (event) => {
    if (event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = plot.size;
    const act = {
      ArrowLeft: () => plot.move(STEP * width, 0),
      ArrowRight: () => plot.move(-STEP * width, 0),
      ArrowUp: () => plot.move(0, STEP * height),
      ArrowDown: () => plot.move(0, -STEP * height),
      "+": () => plot.zoomAt(width / 2, height / 2, ZOOM_STEP),
      "=": () => plot.zoomAt(width / 2, height / 2, ZOOM_STEP),
      "-": () => plot.zoomAt(width / 2, height / 2, 1 / ZOOM_STEP),
      0: () => plot.fit(),
      Enter: () => plot.pickAt(width / 2, height / 2, true),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
