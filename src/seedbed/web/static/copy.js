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
