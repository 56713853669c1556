// What scrolls by itself can be scrolled by the keyboard: it has a stop there, with the name of its part of the page.
const SCROLLERS = ".table, .answer";

function look() {
  for (const each of document.querySelectorAll(SCROLLERS)) {
    const scrolls = each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 1;
    if (scrolls === (each.tabIndex === 0)) continue;
    for (const name of ["tabindex", "role", "aria-label"]) each.removeAttribute(name);
    if (!scrolls) continue;
    each.tabIndex = 0;
    each.setAttribute("role", "group");
    const heading = each.closest("section")?.querySelector("h2") ?? document.querySelector("h1");
    each.setAttribute("aria-label", heading.textContent.trim());
  }
}

export function scrollers() {
  const sizes = new ResizeObserver(look);
  sizes.observe(document.querySelector("main"));
  // What is inside may grow while the page around it does not: letters that come late, a row more.
  for (const inside of document.querySelectorAll(`:is(${SCROLLERS}) > *`)) sizes.observe(inside);
}
