// The menu of a phone: opened and closed by its button, closed by Escape, which brings the focus back to the button.
export function menu(places) {
  const button = document.querySelector("[data-menu]");
  if (!button) return;
  const set = (open) => {
    places.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => set(!places.classList.contains("open")));
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !places.classList.contains("open")) return;
    set(false);
    button.focus();
  });
}
