// Keeps a sheet current: reads it again, swaps what has changed, and greys it while the station does not answer.
"use strict";

const EVERY = 3000; // milliseconds between two looks
const LATE = 3000; // milliseconds after which an answer is no longer waited for
const HERE_EVERY = 5000; // milliseconds between two words that a person is at the page

const root = document.documentElement;
const lost = document.getElementById("sheet-lost");
let heardAt = new Date();
let hereAt = -HERE_EVERY;
let hereSoon = null;

function clock(moment) {
  return [moment.getHours(), moment.getMinutes(), moment.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

function alive() {
  heardAt = new Date();
  if (root.dataset.link === "lost") lost.replaceChildren();
  root.dataset.link = "up";
}

function gone() {
  if (root.dataset.link === "lost") return;
  root.dataset.link = "lost";
  const title = document.createElement("strong");
  title.textContent = `${lost.dataset.title} ${clock(heardAt)}`;
  lost.replaceChildren(title, " ", lost.dataset.what);
}

// What a person has opened stays open, what has the focus keeps it, and what they are writing is left alone.
function swap(next) {
  const here = document.getElementById("sheet");
  for (const open of here.querySelectorAll("details[open][id]")) {
    next.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  if (here.innerHTML === next.innerHTML) return;
  const focused = here.contains(document.activeElement) ? document.activeElement.id : "";
  if (here.contains(document.activeElement?.closest("form"))) return;
  if ([...here.querySelectorAll("input")].some((field) => field.value !== field.defaultValue)) return;
  here.replaceWith(document.adoptNode(next));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

async function look() {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(LATE) });
    if (answer.status === 401 || answer.redirected) {
      location.assign("/sign-in"); // the session is over
      return;
    }
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const sheet = next.getElementById("sheet");
    if (!sheet) throw new Error("no sheet");
    alive();
    swap(sheet);
  } catch {
    gone();
  }
}

async function keepLooking() {
  if (!document.hidden) await look();
  setTimeout(keepLooking, EVERY);
}

// The last touch is always told: the station never takes somebody for gone before their time.
function here() {
  hereSoon ??= setTimeout(tellHere, Math.max(0, hereAt + HERE_EVERY - performance.now()));
}

function tellHere() {
  hereSoon = null;
  hereAt = performance.now();
  fetch("/api/here", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  }).catch(gone);
}

for (const act of ["pointerdown", "keydown"]) document.addEventListener(act, here);

// An act is sent as JSON; where it is refused, the line behind the form or the buttons says why.
async function act(from, address, body) {
  const why = from.nextElementSibling;
  why.textContent = "";
  try {
    const answer = await fetch(`${address}?lang=${encodeURIComponent(root.lang)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
    if (!answer.ok) {
      why.textContent = (await answer.json()).error;
      return false;
    }
  } catch {
    gone();
    return false;
  }
  return true;
}

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-print]")) print();
  const button = event.target.closest("button[data-post]");
  if (!button || root.dataset.link === "lost") return;
  button.disabled = true;
  if (await act(button.parentElement, button.dataset.post, button.dataset.body)) {
    if (button.dataset.then) location.assign(button.dataset.then);
    else await look();
  }
  button.disabled = false;
});

// What is left empty is not said.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-form]");
  if (!form) return;
  event.preventDefault();
  if (root.dataset.link === "lost") return;
  const said = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  if (!(await act(form, form.dataset.form, JSON.stringify(said)))) return;
  form.reset();
  document.activeElement?.blur();
  await look();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // a page out of the browser's memory may show the past
});

setTimeout(keepLooking, EVERY);
