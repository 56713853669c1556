// A delivery that is on its way: its page is looked at again until something came of it.
const EVERY_MS = 1500;
const LOOKS = 20;

async function look(left) {
  const now = document.querySelector("[data-waiting]");
  if (!now || left === 0) return;
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } }).catch(() => null);
  if (answer?.ok) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const then = page.querySelector("[data-delivery]");
    if (then && then.dataset.delivery !== document.querySelector("[data-delivery]").dataset.delivery) {
      document.querySelector("[data-delivery]").replaceWith(document.importNode(then, true));
    }
  }
  setTimeout(look, EVERY_MS, left - 1);
}

setTimeout(look, EVERY_MS, LOOKS);
