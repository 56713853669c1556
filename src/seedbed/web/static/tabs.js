// Sections one under another become tabs; the chosen one is remembered.
const KEY = "code-language";

export function tabs(root) {
  for (const group of root.querySelectorAll("[data-tabs]:not(.ready)")) make(group);
}

function make(group) {
  const sections = [...group.querySelectorAll("[data-tab]")];
  const list = document.createElement("div");
  list.className = "tab-list";
  list.setAttribute("role", "tablist");
  const buttons = sections.map((section, number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = section.dataset.tab;
    button.setAttribute("role", "tab");
    button.id = `tab-${number}`;
    section.id ||= `tab-part-${number}`;
    section.setAttribute("role", "tabpanel");
    section.setAttribute("aria-labelledby", button.id);
    section.removeAttribute("aria-label");
    button.setAttribute("aria-controls", section.id);
    button.addEventListener("click", () => choose(number));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (number + step + buttons.length) % buttons.length;
      choose(next);
      buttons[next].focus();
    });
    list.append(button);
    return button;
  });
  function choose(chosen) {
    buttons.forEach((button, number) => {
      button.setAttribute("aria-selected", String(number === chosen));
      button.tabIndex = number === chosen ? 0 : -1;
      sections[number].hidden = number !== chosen;
    });
    remember(sections[chosen].dataset.tab);
  }
  group.prepend(list);
  group.classList.add("ready");
  choose(Math.max(0, sections.findIndex((section) => section.dataset.tab === remembered())));
}

function remember(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Without storage the choice holds for this page.
  }
}

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
