// The console: what every page of it needs.
import { copy } from "./copy.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () =>
    copy(document.querySelector(button.dataset.copy).textContent, button, button.dataset.done));
}

for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", (event) => {
    if (!confirm(button.dataset.ask)) event.preventDefault();
  });
}

const menu = document.querySelector("[data-menu]");
menu?.addEventListener("click", () => {
  const open = document.querySelector("#places").classList.toggle("open");
  menu.setAttribute("aria-expanded", String(open));
});
