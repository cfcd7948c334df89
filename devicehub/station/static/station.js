// Keeps the page alive: swaps the fragments the station sends, greys everything while it does not, and sends what a
// person says. Questions come from the station as well, and stand in the one dialog.
"use strict";

const SILENCE = 6000; // milliseconds: three beats (BEAT in events.py)
const AGAIN = 1000; // milliseconds before a stream that ended for good is asked for anew
const HERE = 5000; // milliseconds between two words that somebody is there
const SETTLE = 700; // milliseconds in which what has just come under a finger, or a key, decides nothing

const root = document.documentElement;
const lost = document.getElementById("lost");
const said = document.getElementById("said");
const refused = document.getElementById("refused");
const ask = document.getElementById("ask");
const rail = document.getElementById("rail");
const keys = document.getElementById("keys");
const lang = `lang=${encodeURIComponent(root.lang)}`;
let stream = null;
let names = new Set();
let heard = performance.now();
let heardAt = new Date();
let toldHere = -HERE;
let tellsHere = null;
let askers = []; // what had the focus when the dialog opened
let longing = ""; // what had the focus before its buttons lay still
const settled = new Map(); // by the id of a tile, or of a part around the tiles: when its buttons decide again

// ------------------------------------------------------------------------ the stream and its fragments

function clock(moment) {
  return [moment.getHours(), moment.getMinutes(), moment.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

function alive() {
  heard = performance.now();
  heardAt = new Date();
  if (root.dataset.link === "lost") {
    lost.replaceChildren();
    for (const note of document.querySelectorAll(".frozen")) note.hidden = true;
  }
  root.dataset.link = "up";
}

function gone() {
  if (root.dataset.link === "lost") return;
  root.dataset.link = "lost";
  ask.close();
  const since = clock(heardAt);
  const title = document.createElement("strong");
  title.textContent = `${lost.dataset.title} ${since}`;
  const what = document.createElement("span");
  what.textContent = lost.dataset.what;
  lost.replaceChildren(title, " ", what);
  for (const note of document.querySelectorAll(".frozen")) {
    note.textContent = `${lost.dataset.frozen} ${since}`;
    note.hidden = false;
  }
}

function leave() {
  stream?.close();
  location.replace("/sign-in");
}

function say(before, after) {
  const words = after.dataset.say;
  if (words && (!before || before.dataset.say !== words)) said.textContent = words;
}

// Where buttons come and go together: a tile, or a part of the page that holds none.
function places(part) {
  const tiles = part.querySelectorAll(".tile");
  return part.matches(".tile") || !tiles.length ? [part] : [...tiles];
}

function deciding(place) {
  return [...(place?.querySelectorAll("button[data-post], button[data-ask]") ?? [])];
}

function acts(place) {
  return deciding(place)
    .map(({ dataset }) => [dataset.post, dataset.ask, dataset.said].join(" "))
    .join("\n");
}

// A hand on its way to one button must not meet another: for a moment, what has changed lies still.
function settle(id) {
  const place = document.getElementById(id);
  const left = (settled.get(id) ?? 0) - performance.now();
  for (const button of deciding(place)) button.disabled = left > 0;
  if (left > 0) {
    setTimeout(settle, left, id);
    return;
  }
  settled.delete(id);
  for (const inner of settled.keys()) if (place?.contains(document.getElementById(inner))) settle(inner);
  const here = place && place === document.activeElement;
  if (here && place.contains(document.getElementById(longing))) give([longing]);
}

function give(ids) {
  const heir = ids.map((id) => document.getElementById(id)).find((each) => each && !each.disabled);
  heir?.focus({ preventScroll: true });
  return heir;
}

// A part without a place in the order of keys holds the focus until one of its buttons can have it again.
function wait(part) {
  if (!part.hasAttribute("tabindex")) part.tabIndex = -1;
  part.focus({ preventScroll: true });
}

// The element that has the focus may be replaced: its successor gets it; or, while that lies still, its tile.
function heirs(element) {
  return [element?.id, element?.closest(".tile")?.id].filter(Boolean);
}

function swap(name, html) {
  const before = document.getElementById(name);
  if (!before) return;
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const after = holder.content.firstElementChild;
  for (const part of [after, ...after.querySelectorAll("[data-say]")]) {
    say(document.getElementById(part.id), part);
  }
  for (const field of after.querySelectorAll("input[id]")) {
    field.value = document.getElementById(field.id)?.value ?? "";
  }
  const focused = before.contains(document.activeElement) ? heirs(document.activeElement) : null;
  const changed = places(after).filter((place) => acts(place) !== acts(document.getElementById(place.id)));
  for (const place of changed) settled.set(place.id, performance.now() + SETTLE);
  before.replaceWith(after);
  for (const place of places(after)) if (settled.has(place.id)) settle(place.id);
  if (focused) {
    const heir = give(focused);
    if (heir?.id !== focused[0]) longing = focused[0];
    if (document.activeElement !== heir) wait(after);
  }
  if (name === "banner" && before.dataset.visit !== after.dataset.visit && about() !== after.dataset.visit) {
    if (written() || led) refused.textContent = ask.dataset.over;
    led = false;
    ask.close(); // it was about another patient
  }
  if (name === "devices") count();
  listen(after);
}

// An EventSource tells events by name only: each fragment of the page is asked for once.
function listen(within) {
  for (const part of [within, ...within.querySelectorAll("[data-fragment]")]) {
    const name = part.dataset?.fragment;
    if (!name || names.has(name)) continue;
    names.add(name);
    stream.addEventListener(name, (event) => {
      alive();
      swap(name, event.data);
    });
  }
}

function open() {
  stream?.close();
  names = new Set();
  stream = new EventSource(`/events?${lang}`);
  stream.addEventListener("hello", (event) => {
    if (event.data !== root.dataset.mark) location.reload(); // the station is another version now
  });
  stream.addEventListener("beat", alive);
  stream.addEventListener("signed-out", leave);
  stream.addEventListener("error", () => {
    gone();
    if (stream.readyState === EventSource.CLOSED) setTimeout(again, AGAIN);
  });
  listen(document.body);
}

// A stream that is refused says nothing of why: the station may have started anew, and knows nobody.
async function again() {
  try {
    const answer = await fetch("/api/here", { method: "POST" });
    if (answer.status === 401) return leave();
  } catch {
    // it is still gone
  }
  open();
}

setInterval(() => {
  if (performance.now() - heard < SILENCE) return;
  gone();
  heard = performance.now(); // give the new stream its time
  again();
}, 1000);

// ------------------------------------------------------------------------------- what a person says

// The alert that belongs to a button or a form: the nearest one behind it.
function alertOf(element) {
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    for (let next = at.nextElementSibling; next; next = next.nextElementSibling) {
      if (next.classList.contains("undecided")) return next;
    }
  }
  return refused;
}

// What the station answers: an "error" in words; or, where it has one, the question that comes "next".
async function post(address, body) {
  const answer = await fetch(`${address}?${lang}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
  });
  if (answer.status === 401) leave();
  return answer.status === 204 ? {} : answer.json();
}

function then(next) {
  if (next === "close") ask.close();
  else if (next === "leave") leave();
  else if (next) question(next);
}

// A decision is sent once: the buttons come back with the next fragment, or at once where it was refused.
async function decide(button) {
  const buttons = button.parentElement.querySelectorAll("button");
  const why = alertOf(button);
  if (document.activeElement === button && button.closest(".tile")) {
    longing = button.id;
    button.closest(".tile").focus({ preventScroll: true });
  }
  for (const each of buttons) each.disabled = true;
  button.dataset.sent = "true";
  why.textContent = "";
  try {
    const told = await post(button.dataset.post, button.dataset.said ?? "{}");
    if (told.error) why.textContent = told.error;
    else then(told.next ?? button.dataset.then ?? (ask.contains(button) ? "close" : null));
    if (!told.error && !ask.contains(button)) return;
  } catch {
    // the stream is gone too, and the page says so
  }
  delete button.dataset.sent;
  if (button.isConnected) for (const each of buttons) each.disabled = false;
}

// A form's fields as JSON; those named "values.x" are the object "values".
function fields(form, button) {
  const out = {};
  for (const [name, value] of new FormData(form)) {
    const [head, tail] = name.split(".");
    if (tail) (out[head] ??= {})[tail] = value;
    else out[head] = value;
  }
  if (button?.dataset.confirmed) out.confirmed = true;
  return JSON.stringify(out);
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-form]");
  if (!form) return;
  event.preventDefault();
  if (root.dataset.link === "lost" || form.dataset.sent) return;
  const why = alertOf(form);
  const button = event.submitter;
  why.textContent = "";
  form.dataset.sent = "true"; // what is said once is filed once
  try {
    const told = await post(form.dataset.form, fields(form, button));
    if (!told.error) return then(told.next ?? form.dataset.then);
    (form.isConnected ? why : refused).textContent = told.error; // the question may be over meanwhile
    if (told.ask && button?.dataset.again) {
      button.dataset.confirmed = "true";
      button.textContent = button.dataset.again;
    }
  } catch {
    // the stream is gone too, and the page says so
  } finally {
    delete form.dataset.sent;
  }
});

// A value that is changed is to be asked about anew.
document.addEventListener("input", (event) => {
  const button = event.target.form?.querySelector("[data-confirmed]");
  if (button) delete button.dataset.confirmed;
});

// The visit that the page shows as open.
const shown = () => document.getElementById("banner").dataset.visit;

// Whether something is written in the open question that is not on its way to the station.
function written() {
  const typed = [...ask.querySelectorAll("input[type=text], input[type=date]")];
  return !ask.querySelector("[data-sent]") && typed.some((field) => field.value !== field.defaultValue);
}

// Whom an open question is about, where it says so: it may be the next one already.
const about = () => ask.querySelector("[data-about]")?.dataset.about;

async function question(address) {
  const separator = address.includes("?") ? "&" : "?";
  const before = shown();
  try {
    const answer = await fetch(`${address}${separator}${lang}`);
    if (answer.status === 401) return leave();
    if (!answer.ok) {
      refused.textContent = (await answer.json()).error;
      return;
    }
    ask.innerHTML = await answer.text();
    if (shown() !== before && shown() !== about()) {
      ask.replaceChildren(); // the patient has changed meanwhile
      return ask.close();
    }
    document.getElementById("menu").hidePopover();
    if (!ask.open) {
      askers = heirs(document.activeElement);
      ask.showModal();
    }
    settled.set(ask.id, performance.now() + SETTLE);
    settle(ask.id);
    listen(ask);
    if (document.getElementById("worklist")) fetch("/api/worklist").catch(() => {}); // the stream brings what is new
    (ask.querySelector("input:not([type=hidden])") ?? document.getElementById("ask-title")).focus();
  } catch {
    gone();
  }
}

// The summary has no dialog: it leads here, to the question of a reading of any visit, and is gone back to, unless the
// question was ended by another one's visit: then it is said here.
let led = false;
async function lead() {
  const address = location.hash.slice(1);
  if (!address.startsWith("/ask/reading/")) return;
  history.replaceState(null, "", location.pathname);
  await question(address);
  if (!ask.open) return; // it was refused
  led = true;
  ask.addEventListener("close", () => led && root.dataset.link !== "lost" && history.back(), { once: true });
}

ask.addEventListener("close", () => {
  if (ask.open) return; // it is about something else by now
  ask.replaceChildren();
  if (document.activeElement !== document.body || give(askers)) return;
  const part = document.getElementById(askers[0])?.closest("[data-fragment]");
  if (!part) return;
  longing = askers[0];
  wait(part);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  refused.textContent = "";
  if (!button || root.dataset.link === "lost") return;
  // Where the button of the first touch was, the second one of a double touch meets another: "undo" after "accept",
  // "yes, I mean this value" after "file".
  if (event.detail > 1 && (button.dataset.post || button.closest("form[data-form]"))) return event.preventDefault();
  if (button.dataset.post) decide(button);
  else if (button.dataset.ask) question(button.dataset.ask);
  else if ("close" in button.dataset) ask.close();
  else if (button === keys) remember(keys.getAttribute("aria-pressed") !== "true");
  else if (button === rail) rail.setAttribute("aria-expanded", String(rail.getAttribute("aria-expanded") !== "true"));
});

// -------------------------------------------------------------------------------------- the keyboard

// Letters act on the tile that has the focus, else on the only one that waits; a person can switch that off.
function remember(on) {
  keys.setAttribute("aria-pressed", String(on));
  localStorage.setItem("keys", on ? "on" : "off");
}

function press(key) {
  const button = `button[data-key="${key}"]`;
  if (ask.open) return ask.querySelector(`${button}:enabled`);
  if (key === "Enter" || key === "Escape") {
    // They belong to the part that has the focus: on a patient's tile they open nobody else's visit. Where no part
    // has it and several are asked, whoever was scanned and whoever is locked, nobody can say which one is meant.
    const at = document.activeElement?.closest("[data-fragment]") ?? document;
    const asked = at.querySelectorAll(button);
    return asked.length === 1 && !asked[0].disabled ? asked[0] : null;
  }
  if (keys.getAttribute("aria-pressed") !== "true") return null;
  const tile = document.activeElement?.closest(".tile");
  if (tile) return tile.querySelector(`${button}:enabled`);
  const waiting = document.querySelectorAll(`.tile ${button}`);
  return waiting.length === 1 && !waiting[0].disabled ? waiting[0] : null;
}

function walk(key) {
  const tiles = [...document.querySelectorAll(".tile")];
  const here = tiles.indexOf(document.activeElement?.closest(".tile"));
  const step = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
  const next = here < 0 ? 0 : (here + step + tiles.length) % tiles.length;
  longing = "";
  tiles[next]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("input:not([type=radio]), select, textarea")) return;
  if (event.key.startsWith("Arrow") && !ask.open && !event.target.closest("input, [popover]")) {
    event.preventDefault();
    return walk(event.key);
  }
  if (event.key === "Enter" && event.target.closest("a, button, input, summary")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  press(CSS.escape(key))?.click();
});

// -------------------------------------------------------------------------------- what runs by itself

// Time that is left: counted here, since a redrawn field would lose what was typed.
setInterval(() => {
  for (const left of document.querySelectorAll("[data-until]")) {
    const seconds = Math.max(0, Math.ceil((Date.parse(left.dataset.until) - Date.now()) / 1000));
    const minutes = Math.floor(seconds / 60);
    const rest = String(seconds % 60).padStart(2, "0");
    left.textContent = "clock" in left.dataset ? `${minutes}:${rest}` : `(${seconds} s)`;
  }
}, 250);

// The last touch is always told: the station never takes somebody for gone before their time.
function here() {
  tellsHere ??= setTimeout(tellHere, Math.max(0, toldHere + HERE - performance.now()));
}

function tellHere() {
  tellsHere = null;
  toldHere = performance.now();
  fetch("/api/here", { method: "POST" }).catch(() => {});
}
for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, here, { passive: true });

function count() {
  const troubles = document.getElementById("devices").dataset.troubles;
  rail.querySelector(".count").textContent = troubles === "0" ? "" : troubles;
  rail.dataset.state = troubles === "0" ? "calm" : "trouble";
}

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // a page out of the browser's memory may show the past
});

remember(localStorage.getItem("keys") !== "off");
count();
open();
lead();
