// The form of a new split: a distance matters only where pairs of a signal make the clusters.
const form = document.querySelector("[data-split-form]");

if (form) {
  const source = form.elements.namedItem("source");
  const distance = form.querySelector("[data-distance]");
  const show = () => {
    distance.toggleAttribute("data-off", source.value === "accepted");
  };
  source.addEventListener("change", () => {
    // Another signal has another length: its own usual distance is a better guess than the last one's.
    form.elements.namedItem("t").value = "";
    show();
  });
  show();
}
