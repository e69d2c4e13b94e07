// One picture over the other: the slider goes from the first to the second.

for (const section of document.querySelectorAll("[data-laid]")) {
  const stage = section.querySelector(".laid-stage");
  const slider = section.querySelector("[data-mix]");
  const mix = () => stage.style.setProperty("--mix", slider.value / 100);
  slider.addEventListener("input", mix);
  // The browser may have kept another value.
  mix();
}
