// The page with JavaScript: photos that are dropped, pasted, chosen or taken show at once
// and are classified together. Without it, the form posts to the page itself.
// Words and markup stand in the page's <template> elements, limits in the form's data-*.

// What a file takes in a form beside its own bytes: boundary, headers, name.
const PART_BYTES = 1024;

const form = document.querySelector("form");
const answers = document.querySelector("#answers");
const announcement = document.querySelector("#status");
const maxImages = Number(form.dataset.maxImages);
const maxImageBytes = Number(form.dataset.maxImageBytes);
const maxBodyBytes = Number(form.dataset.maxBodyBytes);

/** What went wrong, as the gateway's problem documents say it. */
class Problem extends Error {
  constructor({ status = 0, code = "", detail }) {
    super(detail);
    this.code = code;
    // What a photo itself is to blame for stays wrong, however often it is sent.
    this.mayPass = status === 0 || status === 429 || status >= 500;
  }
}

function clone(id) {
  return document.querySelector(`template#${id}`).content.cloneNode(true);
}

function percent(share) {
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The gateway's answer to a POST; throws a Problem when it is none. */
async function ask(address, query, body, accept) {
  let reply;
  try {
    // A page opened as http://user:key@host may not fetch relative to its own address.
    const url = new URL(address, location.origin);
    url.search = new URLSearchParams(query);
    reply = await fetch(url, { method: "POST", body, headers: { Accept: accept } });
  } catch {
    throw new Problem({ detail: "The gateway cannot be reached; trying again may help." });
  }
  if (reply.ok) return reply;
  const said = await reply.json().catch(() => ({}));
  const detail = said.detail ?? `The answer has the status ${reply.status}.`;
  throw new Problem({ ...said, status: reply.status, detail });
}

function formOf(places) {
  const body = new FormData();
  for (const { file } of places) body.append("image", file);
  return body;
}

/** One photo's place on the page: the file, its card, and what was said about it. */
function makePlace(file) {
  const card = clone("card").firstElementChild;
  const picture = card.querySelector("img");
  const preview = URL.createObjectURL(file);
  const place = { file, card, picture, preview, outcome: "" };
  picture.addEventListener("error", () => card.classList.add("no-preview"));
  picture.addEventListener("load", () => card.classList.remove("no-preview"));
  picture.src = preview;
  picture.alt = file.name;
  card.querySelector("figcaption").textContent = file.name;
  return place;
}

function say(place, part, outcome = "") {
  place.card.querySelector(".said").replaceChildren(part);
  place.card.setAttribute("aria-busy", outcome === "");
  place.outcome = outcome && `${place.file.name}: ${outcome}`;
}

function showProblem(place, problem) {
  const part = clone("problem");
  const [summary, detail] = part.querySelectorAll("p");
  const ofItsKind = `[data-code="${CSS.escape(problem.code)}"]`;
  const known = clone("summaries").querySelector(ofItsKind);
  summary.textContent = known?.textContent ?? problem.message;
  detail.textContent = known ? sentence(problem.message) : "";
  const button = part.querySelector("button");
  button.hidden = !problem.mayPass;
  button.addEventListener("click", () => {
    classify([place]);
    place.card.querySelector(".said").focus();
  });
  say(place, part, summary.textContent);
}

function drawBar({ label, score }) {
  const row = clone("bar");
  row.querySelector("th").textContent = label;
  row.querySelector(".fill").setAttribute("width", `${100 * score}%`);
  row.querySelector(".number").textContent = percent(score);
  return row;
}

function showVerdict(place, prediction, reply) {
  const part = clone("verdict");
  const { label, score, scores } = prediction;
  part.querySelector(".best strong").textContent = label;
  part.querySelector(".best span").textContent = percent(score);
  part.querySelector("tbody").replaceChildren(...scores.map(drawBar));
  const { model, version, timings } = reply;
  const spent = `${Math.round(timings.total_ms)}\u00a0ms`;
  part.querySelector(".who").textContent =
    `answered by ${model}, version ${version}, in ${spent}`;
  const button = part.querySelector("button");
  button.hidden = JSON.parse(form.dataset.unexplained).includes(model);
  if (!button.hidden) button.onclick = place.picture.onclick = makeHeatmapToggle(place, button, reply);
  place.card.classList.toggle("with-heatmap", !button.hidden);
  say(place, part, `${label}, ${percent(score)}`);
}

/** A function that lays the heatmap over the photo, asked for once, or takes it off. */
function makeHeatmapToggle(place, button, { model, version }) {
  const { picture, preview, file } = place;
  const note = button.nextElementSibling;
  let heatmap = null;
  let isAsking = false;

  async function fetchHeatmap() {
    const { explain } = form.dataset;
    const reply = await ask(explain, { model, version }, formOf([place]), "image/png");
    return URL.createObjectURL(await reply.blob());
  }

  return async () => {
    if (isAsking) return;
    isAsking = true;
    button.setAttribute("aria-busy", "true");
    try {
      heatmap ??= await fetchHeatmap();
      const isShown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", isShown);
      picture.src = isShown ? heatmap : preview;
      picture.alt = isShown ? `Heatmap over ${file.name}` : file.name;
      note.textContent = isShown ? button.dataset.legend : "";
    } catch (problem) {
      note.textContent = sentence(problem.message);
    }
    announcement.textContent = note.textContent || "The photo as it is";
    button.removeAttribute("aria-busy");
    isAsking = false;
  };
}

/** Problems the gateway need not be asked about: no file, or one that is too large. */
async function findProblem({ file }) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    return new Problem({ status: 400, detail: "This is a folder, or cannot be read." });
  }
  if (file.size <= maxImageBytes) return null;
  const detail = `expected at most ${maxImageBytes} bytes, received ${file.size}`;
  return new Problem({ status: 413, code: "image_too_large", detail });
}

/** Photos in the order given, as many in each part as one request may hold. */
function splitForRequests(places) {
  const parts = [];
  let bytes = Infinity;
  for (const place of places) {
    const size = place.file.size + PART_BYTES;
    bytes += size;
    if (bytes > maxBodyBytes || parts.at(-1).length === maxImages) {
      parts.push([]);
      bytes = size;
    }
    parts.at(-1).push(place);
  }
  return parts;
}

async function classifyTogether(places) {
  const { predict, top } = form.dataset;
  const query = { model: form.elements.model?.value ?? "", top };
  try {
    const answer = await ask(predict, query, formOf(places), "application/json");
    const reply = await answer.json();
    places.forEach((place, i) => {
      const prediction = reply.predictions[i];
      if (prediction.error) showProblem(place, new Problem(prediction.error));
      else showVerdict(place, prediction, reply);
    });
  } catch (problem) {
    for (const place of places) showProblem(place, problem);
  }
}

// One request at a time: photos that come meanwhile wait for their turn.
let turn = Promise.resolve();

function classify(places) {
  for (const place of places) say(place, clone("waiting"));
  const names = places.map(({ file }) => file.name).join(", ");
  announcement.textContent = `Looking at ${names}`;
  turn = turn.then(async () => {
    const problems = await Promise.all(places.map(findProblem));
    places.forEach((place, i) => problems[i] && showProblem(place, problems[i]));
    const readable = places.filter((_, i) => !problems[i]);
    for (const part of splitForRequests(readable)) await classifyTogether(part);
    announcement.textContent = places.map(({ outcome }) => outcome).join(". ");
  });
}

function take(files) {
  const places = Array.from(files, makePlace);
  if (!places.length) return;
  answers.prepend(...places.map(({ card }) => card));
  classify(places);
}

for (const input of form.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => {
    take(input.files);
    // The same photo may be chosen again.
    input.value = "";
  });
}

form.addEventListener("submit", (event) => {
  if (form.elements.url?.value.trim()) return;
  event.preventDefault();
  form.querySelector("input[type=file]").focus();
});

document.addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  take(event.clipboardData.files);
});

document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  form.classList.add("is-over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) form.classList.remove("is-over");
});
document.addEventListener("drop", (event) => {
  form.classList.remove("is-over");
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});

document.documentElement.classList.add("is-scripted");
