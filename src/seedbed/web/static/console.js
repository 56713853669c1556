// The console: what every page of it needs.
import { copies } from "./copy.js";
import { menu } from "./menu.js";
import { scrollers } from "./scroll.js";

copies(document);
menu(document.querySelector("#places"));
scrollers();
