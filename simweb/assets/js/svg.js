// Small helpers for drawing: SVG elements, and a drawing saved as a file of its own.

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline", "opacity"];

/** A copy that looks the same outside the page: styles written out, with the page's ground behind it. */
function standalone(drawing) {
  const copy = drawing.cloneNode(true);
  const box = drawing.viewBox.baseVal;
  const originals = drawing.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, n) => {
    const style = getComputedStyle(originals[n]);
    for (const name of STYLES) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute("class");
    element.removeAttribute("style");
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  copy.removeAttribute("style");
  const ground = getComputedStyle(drawing.closest(".sheet")).backgroundColor;
  copy.prepend(svg("rect", { x: box.x, y: box.y, width: box.width, height: box.height, fill: ground }));
  return { text: new XMLSerializer().serializeToString(copy), box };
}

function offer(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

/** Save a drawing as “svg”, or as “png” at three times its size. */
export async function save(drawing, kind, name) {
  const { text, box } = standalone(drawing);
  const data = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  if (kind === "svg") return offer(data, `${name}.svg`);
  const image = new Image();
  image.src = data;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 3 * box.width;
  canvas.height = 3 * box.height;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  offer(canvas.toDataURL("image/png"), `${name}.png`);
}
