// Keeps the page alive: swaps the fragments the station sends, and greys everything while it does not.
"use strict";

const SILENCE = 6000; // milliseconds: three beats (BEAT in events.py)
const AGAIN = 1000; // milliseconds before a stream that ended for good is asked for anew

const root = document.documentElement;
const lost = document.getElementById("lost");
const said = document.getElementById("said");
const address = `/events?lang=${encodeURIComponent(root.lang)}`;
let stream = null;
let names = new Set();
let heard = performance.now();
let heardAt = new Date();

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

function say(before, after) {
  const words = after.dataset.say;
  if (words && (!before || before.dataset.say !== words)) said.textContent = words;
}

// The element that has the focus may be replaced: its successor, found by id, gets it.
function swap(name, html) {
  const before = document.getElementById(name);
  if (!before) return;
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const after = holder.content.firstElementChild;
  for (const part of [after, ...after.querySelectorAll("[data-say]")]) {
    say(document.getElementById(part.id), part);
  }
  const focused = before.contains(document.activeElement) ? document.activeElement.id : "";
  before.replaceWith(after);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
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
  stream = new EventSource(address);
  stream.addEventListener("hello", (event) => {
    if (event.data !== root.dataset.mark) location.reload(); // the station is another version now
  });
  stream.addEventListener("beat", alive);
  stream.addEventListener("error", () => {
    gone();
    if (stream.readyState === EventSource.CLOSED) setTimeout(open, AGAIN);
  });
  listen(document.body);
}

setInterval(() => {
  if (performance.now() - heard < SILENCE) return;
  gone();
  heard = performance.now(); // give the new stream its time
  open();
}, 1000);

// A decision is sent once: the buttons come back with the next fragment, or at once where it was refused.
async function decide(button) {
  const buttons = button.parentElement.querySelectorAll("button");
  const why = button.parentElement.nextElementSibling;
  for (const each of buttons) each.disabled = true;
  why.textContent = "";
  try {
    const answer = await fetch(`${button.dataset.post}?lang=${encodeURIComponent(root.lang)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
    if (answer.ok) return;
    why.textContent = (await answer.json()).error;
  } catch {
    // the stream is gone too, and the page says so
  }
  if (button.isConnected) {
    for (const each of buttons) each.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post]");
  if (button && root.dataset.link !== "lost") decide(button);
});

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // a page out of the browser's memory may show the past
});

open();
