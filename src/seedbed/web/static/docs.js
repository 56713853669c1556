// The documentation: tabs of code, copying, the search, the contents on a phone.
import { copy } from "./copy.js";
import { menu } from "./menu.js";
import { search } from "./search.js";

const article = document.querySelector("article");

function remembered() {
  try {
    return localStorage.getItem("code");
  } catch {
    return null;
  }
}

function choose(tab, store = true) {
  for (const group of document.querySelectorAll(".tabs.ready")) {
    const has = group.querySelector(`.tab[data-tab="${tab}"]`);
    if (!has) continue;
    for (const panel of group.querySelectorAll(".tab")) panel.hidden = panel !== has;
    for (const button of group.querySelectorAll("[role=tab]")) {
      const chosen = button.dataset.for === tab;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
  }
  if (store) {
    try {
      localStorage.setItem("code", tab);
    } catch {
      // Without storage the choice holds for this page.
    }
  }
}

let count = 0;
for (const group of article?.querySelectorAll(".tabs") ?? []) {
  const list = document.createElement("div");
  list.className = "tab-list";
  list.setAttribute("role", "tablist");
  for (const panel of group.querySelectorAll(".tab")) {
    count += 1;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", id: `tab-${count}`, textContent: panel.querySelector(".tab-label").textContent });
    button.setAttribute("role", "tab");
    button.dataset.for = panel.dataset.tab;
    panel.id = `panel-${count}`;
    button.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
    button.addEventListener("click", () => {
      const before = button.getBoundingClientRect().top;
      choose(button.dataset.for);
      // Other groups above may have grown: what was clicked stays under the pointer.
      scrollBy({ top: button.getBoundingClientRect().top - before, behavior: "instant" });
    });
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const all = [...list.children];
      const next = all[(all.indexOf(button) + step + all.length) % all.length];
      next.focus();
      choose(next.dataset.for);
    });
    list.append(button);
  }
  group.prepend(list);
  group.classList.add("ready");
  choose(group.querySelector(".tab").dataset.tab, false);
}
const before = remembered();
if (before) choose(before, false);

for (const block of article?.querySelectorAll(".code") ?? []) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "copy", textContent: article.dataset.copy });
  button.addEventListener("click", () => copy(block.querySelector("code").textContent, button, article.dataset.copied));
  block.append(button);
}

for (const heading of article?.querySelectorAll("h2[id], h3[id]") ?? []) {
  const link = document.createElement("a");
  Object.assign(link, { className: "anchor", href: `#${heading.id}`, textContent: "#" });
  link.setAttribute("aria-label", heading.textContent);
  heading.append(link);
}

for (const button of document.querySelectorAll("[data-copy-page]")) {
  button.addEventListener("click", async () => {
    const answer = await fetch(button.dataset.copyPage);
    if (answer.ok) await copy(await answer.text(), button, button.dataset.done);
  });
}

menu(document.querySelector("#contents"));

const links = new Map([...document.querySelectorAll(".on-page a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
if (links.size) {
  const headings = [...article.querySelectorAll("h2[id], h3[id]")];
  const mark = () => {
    const here = headings.findLast((heading) => heading.getBoundingClientRect().top < 140);
    for (const [id, link] of links) link.classList.toggle("here", id === here?.id);
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}

const form = document.querySelector("form.search");
if (form) search(form);
