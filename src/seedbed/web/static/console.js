// The console: what every page of it needs.
import { copies } from "./copy.js";

copies(document);

const menu = document.querySelector("[data-menu]");
menu?.addEventListener("click", () => {
  const open = document.querySelector("#places").classList.toggle("open");
  menu.setAttribute("aria-expanded", String(open));
});
