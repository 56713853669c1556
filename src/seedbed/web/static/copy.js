// Copies text, and says so on the button for a moment.
export async function copy(text, button, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Over plain HTTP there is no clipboard to write to: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const label = button.textContent;
  if (label === done) return;
  button.textContent = done;
  setTimeout(() => (button.textContent = label), 1500);
}

// Buttons that copy what they name, and buttons that ask before they act, in `root`.
export function copies(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () =>
      copy(document.querySelector(button.dataset.copy).textContent, button, button.dataset.done));
  }
  for (const button of root.querySelectorAll("[data-ask]")) {
    button.addEventListener("click", (event) => {
      if (!confirm(button.dataset.ask)) event.preventDefault();
    });
  }
}
