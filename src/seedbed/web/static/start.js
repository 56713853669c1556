// The films of the front page play once, and again under the pointer; not for who asks for stillness.
const still = matchMedia("(prefers-reduced-motion: reduce)");

for (const film of document.querySelectorAll(".films video")) {
  play(film);
  film.addEventListener("pointerenter", () => play(film));
}

function play(film) {
  if (!still.matches) film.play().catch(() => {});
}
