// The form of a new comparison: says how many pairs it stands for, and gives each distance a slider.
const form = document.querySelector("[data-new-comparison]");
const say = (n) => n.toLocaleString("en");

/** 2,866,896 as “2.9 million”: what matters here is the size. */
const rough = (n) => {
  for (const [unit, name] of [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]])
    if (n >= unit) return `${(n / unit).toLocaleString("en", { maximumFractionDigits: 1 })} ${name}`;
  return say(n);
};

function sum() {
  const images = [...form.querySelectorAll("[name=datasets]:checked")].map((box) => Number(box.dataset.images));
  const scope = form.querySelector("[name=scope]:checked")?.value;
  const signals = form.querySelectorAll("[name=signal]:checked").length;
  const all = images.reduce((total, n) => total + n, 0);
  const within = images.reduce((total, n) => total + (n * (n - 1)) / 2, 0);
  const both = (all * (all - 1)) / 2;
  const pairs = { across: both - within, within, both }[scope] ?? 0;
  const line = form.querySelector("[data-sum]");
  const [needed, missing] = scope === "across" ? [2, "Choose two datasets or more."] : [1, "Choose a dataset."];
  if (images.length < needed) line.textContent = missing;
  else if (!signals) line.textContent = "Choose at least one signal.";
  else line.textContent = `All ${rough(pairs)} pairs of ${say(all)} images are compared under ${signals === 1 ? "one signal" : `each of ${signals} signals`}: exactly, nothing is sampled or skipped.`;
}

if (form) {
  for (const reach of form.querySelectorAll("[data-reach]")) {
    const [typed, range] = reach.querySelectorAll("input");
    range.hidden = false;
    // People think of embeddings in similarity: it stands beside the distance, whichever field is moved.
    const similarity = reach.querySelector("output");
    const tell = () => {
      if (similarity) similarity.textContent = typed.value === "" ? "–" : Number((1 - typed.value).toFixed(4));
    };
    tell();
    range.addEventListener("input", () => {
      typed.value = range.value;
      typed.closest(".signal-choice").querySelector("[name=signal]").checked = true;
      tell();
      sum();
    });
    typed.addEventListener("input", () => {
      range.value = typed.value;
      tell();
    });
  }
  form.addEventListener("change", sum);
  sum();
}
