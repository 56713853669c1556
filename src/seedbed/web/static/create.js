// Create: controls that follow the model, files that are dropped, pasted or chosen, the price as one types.
const form = document.querySelector("#maker");
const abilities = JSON.parse(form.dataset.abilities);
const media = form.querySelector("[data-media]");
const rows = [...form.querySelectorAll("[data-medium]")];
const fault = form.querySelector("[data-fault]");
const price = form.querySelector("[data-price]");
const kinds = { jpg: "image", jpeg: "image", png: "image", webp: "image", gif: "image", bmp: "image", mp4: "video",
  mov: "video", m4v: "video", mp3: "audio", wav: "audio" };
const roles = { image: ["first_frame", "last_frame", "reference"], video: ["reference"], audio: ["reference"] };

for (const each of form.querySelectorAll("[data-scripted]")) each.hidden = false;
form.classList.add("scripted");

// Media ------------------------------------------------------------------------------------------------------------

const field = (row, name) => row.querySelector(`[data-${name}]`);
const isUsed = (row) => field(row, "url").value.trim() !== "" || row.dataset.busy !== undefined;
const used = () => rows.filter(isUsed);

function kindOf(row) {
  const name = field(row, "url").value.split("?")[0].toLowerCase();
  return row.dataset.kind || kinds[name.slice(name.lastIndexOf(".") + 1)] || "image";
}

// Up to two pictures are the first and the last frame; anything else is for reference. Whoever chose, chose.
function settle() {
  const filled = used();
  const takesReferences = abilities[form.model.value].references;
  const frames = filled.length <= 2 && filled.every((row) => kindOf(row) === "image");
  filled.forEach((row, place) => {
    const role = field(row, "role");
    const allowed = roles[kindOf(row)].filter((name) => takesReferences || name !== "reference");
    for (const option of role.options) option.disabled = !allowed.includes(option.value) && !(allowed.length === 0);
    if (!row.dataset.chosen) role.value = frames ? ["first_frame", "last_frame"][place] : "reference";
    if (role.selectedOptions[0]?.disabled && allowed.length) role.value = allowed[0];
  });
  for (const row of rows) row.hidden = !isUsed(row) && row.dataset.open === undefined;
  const given = filled.map((row) => field(row, "role").value);
  const mode = media.querySelector("[data-mode]");
  const name = !given.length ? "none" : given.includes("reference") ? "reference"
    : given.includes("last_frame") ? "both" : "first";
  mode.textContent = mode.dataset[name];
}

function freeRow() {
  const row = rows.find((each) => !isUsed(each));
  if (!row) say(fault.dataset.fullText);
  return row;
}

function say(text) {
  fault.textContent = text;
  fault.hidden = !text;
}

function clear(row) {
  row.upload?.abort();
  for (const name of ["busy", "chosen", "kind", "open"]) delete row.dataset[name];
  field(row, "url").value = "";
  field(row, "thumb").replaceChildren();
  field(row, "sent").hidden = true;
  changed();
}

// A thumbnail of a file at hand, or of one that lies on this server.
function picture(row, source) {
  const kind = kindOf(row);
  const thumb = field(row, "thumb");
  thumb.replaceChildren();
  thumb.dataset.kind = kind;
  if (kind === "audio" || !source) return;
  const shown = document.createElement(kind === "image" ? "img" : "video");
  shown.src = source;
  if (kind === "video") Object.assign(shown, { muted: true, preload: "metadata" });
  else shown.alt = "";
  thumb.append(shown);
}

function local(url) {
  try {
    const at = new URL(url);
    return at.pathname.startsWith("/files/") ? at.pathname : null;
  } catch {
    return null;
  }
}

function send(file) {
  const row = freeRow();
  if (!row) return;
  say("");
  row.dataset.busy = "";
  row.dataset.kind = file.type.split("/")[0] in roles ? file.type.split("/")[0] : "";
  picture(row, URL.createObjectURL(file));
  const bar = field(row, "sent");
  bar.hidden = false;
  bar.value = 0;
  const upload = (row.upload = new XMLHttpRequest());
  upload.open("POST", form.dataset.uploads);
  upload.setRequestHeader("Accept", "application/json");
  upload.setRequestHeader("Content-Type", file.type || "application/octet-stream");
  upload.responseType = "json";
  upload.upload.addEventListener("progress", (event) => (bar.value = event.loaded / event.total));
  upload.addEventListener("load", () => {
    if (upload.status !== 200) {
      clear(row);
      say(`${file.name}: ${upload.response?.message ?? fault.dataset.awayText}`);
      return;
    }
    delete row.dataset.busy;
    row.dataset.kind = upload.response.kind;
    field(row, "url").value = upload.response.url;
    bar.hidden = true;
    changed();
  });
  upload.addEventListener("error", () => {
    clear(row);
    say(`${file.name}: ${fault.dataset.awayText}`);
  });
  upload.send(file);
  changed();
}

const files = form.querySelector("[data-files]");
form.querySelector("[data-choose]").addEventListener("click", () => files.click());
files.addEventListener("change", () => {
  [...files.files].forEach(send);
  files.value = "";
});
form.querySelector("[data-address]").addEventListener("click", () => {
  const row = freeRow();
  if (!row) return;
  row.dataset.open = "";
  settle();
  field(row, "url").focus();
});
for (const row of rows) {
  field(row, "away").addEventListener("click", () => clear(row));
  field(row, "role").addEventListener("change", () => {
    row.dataset.chosen = "";
    settle();
  });
  field(row, "url").addEventListener("change", () => {
    delete row.dataset.kind;
    picture(row, local(field(row, "url").value));
    changed();
  });
  if (isUsed(row)) {
    row.dataset.chosen = "";
    picture(row, local(field(row, "url").value));
  }
}

addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  form.classList.add("dropping");
});
for (const name of ["dragleave", "drop"]) {
  addEventListener(name, (event) => {
    if (name === "drop" || event.relatedTarget === null) form.classList.remove("dropping");
  });
}
addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  [...event.dataTransfer.files].forEach(send);
});
addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files ?? [])];
  if (!pasted.length) return;
  event.preventDefault();
  pasted.forEach(send);
});

// Choices that follow the model ------------------------------------------------------------------------------------

function offer() {
  const can = abilities[form.model.value];
  const mode = used().length ? "image_to_video" : "text_to_video";
  limit("ratios", can.ratios);
  limit("durations", can.durations);
  limit("resolutions", can.resolutions[mode] ?? Object.values(can.resolutions)[0]);
  form.querySelector("[data-model-hint]").textContent = form.model.selectedOptions[0].dataset.hint;
}

function limit(name, allowed) {
  const place = form.querySelector(`[data-choice="${name}"]`);
  if (place.tagName === "SELECT") {
    for (const option of place.options) option.hidden = option.disabled = !allowed.includes(option.value);
    if (place.selectedOptions[0]?.disabled) place.value = allowed[0];
    return;
  }
  for (const radio of place.querySelectorAll("input")) {
    radio.disabled = !allowed.includes(radio.value);
    radio.closest("label").hidden = radio.disabled;
  }
  if (!place.querySelector("input:checked:enabled")) place.querySelector("input:enabled").checked = true;
}

// The price --------------------------------------------------------------------------------------------------------

let asked = 0;
let timer;

function ask() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const number = ++asked;
    const query = new URLSearchParams({ model: form.model.value, resolution: form.resolution.value,
      duration: form.duration.value, media: used().length ? "1" : "" });
    let text = form.dataset.failed;
    try {
      const answer = await fetch(`/price?${query}`, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      text = told.text ?? told.message;
    } catch {
      // Signed out, or no connection: submitting will tell.
    }
    if (number === asked) price.textContent = text;
  }, 120);
}

function changed() {
  settle();
  offer();
  ask();
  const waits = rows.some((row) => row.dataset.busy !== undefined);
  form.querySelector("[data-submit]").disabled = waits;
}

form.addEventListener("change", changed);

// The prompt -------------------------------------------------------------------------------------------------------

for (const link of document.querySelectorAll("[data-example]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    form.prompt.value = link.textContent;
    form.prompt.focus();
  });
}
// Whoever is signed out while writing finds the prompt again.
const DRAFT = "draft-prompt";
try {
  if (new URLSearchParams(location.search).has("task")) sessionStorage.removeItem(DRAFT);
  else if (!form.prompt.value) form.prompt.value = sessionStorage.getItem(DRAFT) ?? "";
  form.prompt.addEventListener("input", () => sessionStorage.setItem(DRAFT, form.prompt.value));
} catch {
  // Without storage there is nothing to keep it in.
}
form.prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
form.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
// A page that comes back from the browser's memory can be sent again; its token makes sure that it buys once.
addEventListener("pageshow", () => delete form.dataset.sent);

changed();
