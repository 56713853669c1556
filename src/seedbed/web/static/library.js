// The wall: what the pointer or the keyboard is on plays; filters act as soon as they are chosen.
const still = matchMedia("(prefers-reduced-motion: reduce)");

for (const name of ["pointerover", "focusin"]) {
  document.addEventListener(name, (event) => film(event)?.play().catch(() => {}));
}
for (const name of ["pointerout", "focusout"]) {
  document.addEventListener(name, (event) => {
    const playing = film(event);
    if (!playing || playing.closest("a").contains(event.relatedTarget)) return;
    playing.pause();
    playing.currentTime = 0;
  });
}

function film(event) {
  return still.matches ? null : event.target.closest?.(".tile a")?.querySelector("video[data-hover]");
}

for (const select of document.querySelectorAll("[data-auto]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// On a phone the filters are folded, so that the wall is what one sees; not while they hold something.
const sieve = document.querySelector(".sieve"), narrow = matchMedia("(max-width: 34rem)");
const fold = () => { if (sieve) sieve.open = !narrow.matches || "kept" in sieve.dataset; };
narrow.addEventListener("change", fold);
fold();

// Empty filters need not stand in the address.
document.querySelector(".filters")?.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});

// What is being made moves on.
if (document.querySelector("[data-wall] .tile:is(.queued, .processing)")) setTimeout(renew, 5000);

async function renew() {
  if (document.hidden) return setTimeout(renew, 5000);
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-wall] .tile:is(.queued, .processing)")) {
      const address = old.querySelector("a").getAttribute("href");
      const now = [...fresh.querySelectorAll(".tile")].find((tile) => tile.querySelector("a").getAttribute("href") === address);
      if (now) old.replaceWith(document.adoptNode(now));
    }
  } catch {
    // No connection: the next time.
  }
  if (document.querySelector("[data-wall] .tile:is(.queued, .processing)")) setTimeout(renew, 5000);
}
