// Watches a task until it ends, and then shows what came of it. The page itself is the fallback.
import { tabs } from "./tabs.js";
import { copies } from "./copy.js";

const PAUSE_MS = 3000;
const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });

tabs(document);
watch();

function watch() {
  const panel = document.querySelector("#result[data-events]");
  if (!panel) return;
  const stream = new EventSource(panel.dataset.events);
  const end = () => {
    stream.close();
    renew();
  };
  stream.addEventListener("progress", (event) => show(panel, JSON.parse(event.data)));
  stream.addEventListener("ended", end);
  stream.addEventListener("gone", end);
  // A closed stream (too many, signed out, an old proxy) does not come back by itself.
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(renew, PAUSE_MS);
  });
}

function show(panel, told) {
  const state = panel.querySelector("[data-state]");
  state.textContent = told.state;
  state.className = `state ${told.status}`;
  panel.querySelector("[data-progress]").value = told.progress;
  panel.querySelector("[data-percent]").textContent = percent.format(told.progress);
}

// Takes the parts that depend on the task from a fresh page. What is typed on this one stays.
async function renew() {
  let text;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload();
    if (!answer.ok) return;
    text = await answer.text();
  } catch {
    setTimeout(renew, PAUSE_MS);
    return;
  }
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const part = document.querySelector("[data-refresh]") ? "[data-refresh]" : "#result";
  for (const selector of [part, ".credits", ".lately"]) {
    const [old, now] = [document.querySelector(selector), fresh.querySelector(selector)];
    if (old && now) old.replaceWith(document.adoptNode(now));
  }
  const panel = document.querySelector("#result");
  tabs(panel);
  copies(document.querySelector(part));
  if (panel.dataset.events) return watch();
  const film = panel.querySelector("video.film");
  if (!film) return;
  film.muted = true; // or the browser would not let it play by itself
  film.play().catch(() => {});
}
