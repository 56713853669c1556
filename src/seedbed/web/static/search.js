// Looks through the sections of all pages of a language, which are fetched when the field is first used.
const MOST = 8;

export function search(form) {
  const input = form.querySelector("input");
  const list = form.querySelector("ul");
  let rows = null;
  let at = -1;

  async function load() {
    rows ??= fetch(form.dataset.search).then((answer) => answer.json());
    return rows;
  }

  async function look() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return close();
    const found = (await load())
      .map((row) => [score(row, words), row])
      .filter(([points]) => points > 0)
      .sort((a, b) => b[0] - a[0])
      .slice(0, MOST)
      .map(([, row]) => row);
    if (words.join(" ") !== input.value.toLowerCase().split(/\s+/).filter(Boolean).join(" ")) return;
    list.replaceChildren(...(found.length ? found.map((row, place) => entry(row, words, place)) : [nothing()]));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    point(found.length ? 0 : -1);
  }

  function entry(row, words, place) {
    const item = document.createElement("li");
    item.id = `found-${place}`;
    item.setAttribute("role", "option");
    const base = form.dataset.search.replace("search.json", "");
    item.dataset.href = `${base}${row.page}${row.anchor ? `#${row.anchor}` : ""}`;
    const title = document.createElement("strong");
    title.append(...marked(row.heading === row.title ? row.title : `${row.title} › ${row.heading}`, words));
    const text = document.createElement("span");
    text.append(...marked(excerpt(row.text, words), words));
    item.append(title, text);
    item.addEventListener("mousedown", (event) => event.preventDefault());
    item.addEventListener("click", () => go(item));
    item.addEventListener("mousemove", () => point(place));
    return item;
  }

  function nothing() {
    const item = document.createElement("li");
    item.textContent = form.dataset.none;
    item.setAttribute("role", "option");
    item.setAttribute("aria-disabled", "true");
    return item;
  }

  function point(place) {
    at = place;
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === at)));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", `found-${at}`);
      list.children[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function go(item) {
    if (!item?.dataset.href) return;
    close();
    location.href = item.dataset.href;
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  }

  input.addEventListener("input", look);
  input.addEventListener("focus", load);
  input.addEventListener("blur", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(list.children[Math.max(at, 0)]);
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.children.length) {
      event.preventDefault();
      point((at + step + list.children.length) % list.children.length);
    } else if (event.key === "Escape") close();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement?.tagName)) {
      event.preventDefault();
      input.focus();
    }
  });
}

// All words must be there; a heading counts more than a text, and a whole word more than a part of one.
function score(row, words) {
  const heading = row.heading.toLowerCase();
  const text = row.text.toLowerCase();
  let points = 0;
  for (const word of words) {
    const here = (heading.includes(word) ? 6 : 0) + (row.title.toLowerCase().includes(word) ? 3 : 0);
    const there = text.includes(word) ? 1 + (new RegExp(`(^|[^\\p{L}\\p{N}_])${escaped(word)}($|[^\\p{L}\\p{N}_])`, "u").test(text) ? 1 : 0) : 0;
    if (!here && !there) return 0;
    points += here + there;
  }
  return points;
}

function escaped(word) {
  return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function excerpt(text, words) {
  const first = Math.min(...words.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0), text.length);
  const start = Math.max(0, Math.min(first, text.length) - 40);
  return `${start ? "…" : ""}${text.slice(first === text.length ? 0 : start, start + 160)}`;
}

function marked(text, words) {
  const parts = text.split(new RegExp(`(${words.map(escaped).join("|")})`, "iu"));
  return parts.map((part, place) => {
    if (place % 2 === 0) return document.createTextNode(part);
    const mark = document.createElement("mark");
    mark.textContent = part;
    return mark;
  });
}
