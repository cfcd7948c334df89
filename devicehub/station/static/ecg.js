// The ECG panel: swaps its fragment, and draws the traces on calibrated paper. Nothing old ever looks live.
"use strict";

(() => {
  const SILENCE = 1000; // milliseconds: two beats (BEAT in ecg_panel.py)
  const MILLIMETRE = 96 / 25.4; // CSS pixels, by definition of the unit
  const SPEED = 25; // millimetres a second
  const GAIN = 10; // millimetres a millivolt
  const STEP = 0.005; // millivolts in one drawn unit (STEP_MV in ecg/trace.py)
  const ROW = 15 * MILLIMETRE;
  const ROW_MANY = 13 * MILLIMETRE;
  const ROW_SHORT = 9.5 * MILLIMETRE;
  const SHORT = 720; // pixels of a screen on which all shall be seen together (45rem in ecg.css)
  const PULSE = 5 * MILLIMETRE; // 1 mV for 200 ms
  const AHEAD = 0.25; // seconds wiped before the newest sample
  const SETTLE = 700; // milliseconds in which a button that does something else now does nothing (as in station.js)

  const section = document.getElementById("ecg");
  if (!section) return;
  const panel = document.getElementById("ecg-panel");
  const traces = document.getElementById("ecg-traces");
  const frozen = document.getElementById("ecg-frozen");
  const said = document.getElementById("ecg-said");
  const grid = document.getElementById("ecg-grid");
  const lines = document.getElementById("ecg-lines");
  const language = encodeURIComponent(document.documentElement.lang);

  let stream = null;
  let heard = performance.now();
  let aliveAt = heard;
  let drawnAt = new Date();
  let strips = null; // {names, hertz, length, values: Map name → Float32Array, next, filled}
  let layout = null; // {columns, rows, width, row, strip}
  let due = false;
  let settled = 0; // when the panel's buttons decide again
  let longing = ""; // the button that has the focus back then

  const clock = (moment) =>
    [moment.getHours(), moment.getMinutes(), moment.getSeconds()]
      .map((part) => String(part).padStart(2, "0"))
      .join(":");
  const colour = (name) => getComputedStyle(section).getPropertyValue(name).trim();

  // ------------------------------------------------------------------------------ the paper

  function arrange() {
    if (!strips || section.hidden) return;
    const width = traces.firstElementChild.clientWidth;
    const columns = strips.names.length > 3 && width > 420 ? 2 : 1;
    const rows = Math.ceil(strips.names.length / columns);
    const many = innerHeight < SHORT ? ROW_SHORT : ROW_MANY;
    const row = rows > 5 ? many : ROW * (rows > 3 ? 1 : 1.6);
    const height = Math.ceil(rows * row + 9 * MILLIMETRE);
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [grid, lines]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    traces.firstElementChild.style.height = `${height}px`;
    const strip = width / columns - PULSE - 3 * MILLIMETRE;
    layout = { columns, rows, width, height, row, strip };
    const length = Math.max(1, Math.floor((strip / MILLIMETRE / SPEED) * strips.hertz));
    if (length !== strips.length) empty(length);
    rule();
    paint();
  }

  function rule() {
    const paper = grid.getContext("2d");
    paper.clearRect(0, 0, layout.width, layout.height);
    for (const [every, name] of [
      [1, "--ecg-fine"],
      [5, "--ecg-bold"],
    ]) {
      paper.strokeStyle = colour(name);
      paper.lineWidth = every === 5 ? 1 : 0.5;
      paper.beginPath();
      for (let x = 0; x <= layout.width; x += every * MILLIMETRE) {
        paper.moveTo(x, 0);
        paper.lineTo(x, layout.height);
      }
      for (let y = 0; y <= layout.height; y += every * MILLIMETRE) {
        paper.moveTo(0, y);
        paper.lineTo(layout.width, y);
      }
      paper.stroke();
    }
  }

  function empty(length) {
    strips.length = length;
    strips.values = new Map(strips.names.map((name) => [name, new Float32Array(length).fill(NaN)]));
  }

  function paint() {
    due = false;
    if (!layout || !strips) return;
    const pen = lines.getContext("2d");
    pen.clearRect(0, 0, layout.width, layout.height);
    pen.lineJoin = "round";
    pen.font = `600 13px ${getComputedStyle(section).fontFamily}`;
    const step = layout.strip / strips.length;
    const wiped = Math.round(AHEAD * strips.hertz);
    const head = strips.next % strips.length;
    const ink = colour("--ecg-ink");
    const names = [];
    strips.names.forEach((name, place) => {
      const left = Math.floor(place / layout.rows) * (layout.width / layout.columns) + MILLIMETRE;
      const middle = ((place % layout.rows) + 0.6) * layout.row + 6 * MILLIMETRE;
      const state = panel.querySelector(`[data-lead="${name}"]`)?.dataset.state;
      const hue = state && state !== "good" ? colour(`--ecg-${state}`) : ink;
      pen.strokeStyle = hue;
      pen.lineWidth = 1;
      pen.beginPath();
      const one = GAIN * MILLIMETRE;
      pen.moveTo(left, middle);
      pen.lineTo(left, middle - one);
      pen.lineTo(left + PULSE - MILLIMETRE, middle - one);
      pen.lineTo(left + PULSE - MILLIMETRE, middle);
      pen.stroke();
      pen.save();
      if (state !== "good") {
        // A good lead's beat may reach over its neighbours, at its true height; another keeps to its own lane.
        pen.beginPath();
        pen.rect(left, middle - 0.6 * layout.row, layout.width / layout.columns, layout.row);
        pen.clip();
      }
      pen.lineWidth = 1.4;
      pen.beginPath();
      const values = strips.values.get(name);
      let down = false;
      for (let at = 0; at < strips.length; at += 1) {
        const value = values[at];
        const away = (at - head + strips.length) % strips.length;
        if (Number.isNaN(value) || away < wiped) {
          down = false;
          continue;
        }
        const x = left + PULSE + at * step;
        const y = middle - value * STEP * GAIN * MILLIMETRE;
        if (down) pen.lineTo(x, y);
        else pen.moveTo(x, y);
        down = true;
      }
      pen.stroke();
      pen.restore();
      names.push([name, hue, left + PULSE, middle - one + 6]);
    });
    pen.strokeStyle = colour("--ecg-paper");
    pen.lineWidth = 3;
    for (const [name, hue, x, y] of names) {
      pen.fillStyle = hue;
      pen.strokeText(name, x, y);
      pen.fillText(name, x, y);
    }
  }

  function draw(piece) {
    if (["frozen", "waiting", "others", "unable"].includes(section.dataset.standing)) return;
    const names = Object.keys(piece.leads);
    const isOther =
      !strips || strips.hertz !== piece.hertz || strips.names.join() !== names.join();
    if (isOther || piece.at < strips.next) {
      strips = { names, hertz: piece.hertz, length: 0, values: new Map(), next: piece.at };
      layout = null;
    }
    traces.dataset.state = "live";
    frozen.hidden = true;
    if (!layout) arrange();
    if (!layout) return;
    // What was dropped on the way is a gap, not a line across it.
    const missed = Math.min(piece.at - strips.next, strips.length);
    const count = piece.leads[names[0]].length;
    for (const name of names) {
      const values = strips.values.get(name);
      for (let back = 0; back < missed; back += 1) {
        values[(piece.at - 1 - back) % strips.length] = NaN;
      }
      piece.leads[name].forEach((value, at) => {
        values[(piece.at + at) % strips.length] = value ?? NaN;
      });
    }
    strips.next = piece.at + count;
    drawnAt = new Date();
    heard = performance.now();
    if (!due) {
      due = true;
      requestAnimationFrame(paint);
    }
  }

  function freeze() {
    if (traces.dataset.state !== "live") return;
    traces.dataset.state = "frozen";
    frozen.textContent = `${traces.dataset.at} ${clock(drawnAt)}`;
    frozen.hidden = false;
  }

  function wipe() {
    strips = null;
    layout = null;
    traces.dataset.state = "empty";
    frozen.hidden = true;
    for (const canvas of [grid, lines]) {
      canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    }
  }

  // ------------------------------------------------------------------------------ the panel

  const deciding = () => [...panel.querySelectorAll("button[data-ecg-post]")];
  const acts = () => deciding().map(({ dataset }) => [dataset.ecgPost, dataset.ecgSaid].join(" ")).join("\n");

  // A hand on its way to one patient's button must not meet the next one's.
  function settle() {
    const left = settled - performance.now();
    for (const button of deciding()) button.disabled = left > 0;
    if (left > 0) {
      setTimeout(settle, left);
      return;
    }
    if (longing && document.activeElement === document.body) {
      document.getElementById(longing)?.focus({ preventScroll: true });
    }
    longing = "";
  }

  function swap(html) {
    const before = acts();
    const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
    longing = focused || longing;
    panel.innerHTML = html;
    if (acts() !== before) settled = performance.now() + SETTLE;
    settle();
    const head = panel.querySelector("[data-panel]");
    section.hidden = !head;
    const standing = head?.dataset.standing;
    if (!standing || ["waiting", "others", "unable"].includes(standing)) wipe();
    else if (standing === "frozen") freeze();
    section.dataset.standing = standing ?? "";
    const words = head?.dataset.say ?? "";
    if (said.textContent !== words) said.textContent = words;
    count();
    if (strips && !layout) arrange();
  }

  function count() {
    for (const time of panel.querySelectorAll("[data-ecg-since]")) {
      const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time.dataset.ecgSince)) / 1000));
      time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }
  }

  panel.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-ecg-post]");
    if (!button) return;
    button.disabled = true;
    try {
      const answer = await fetch(`${button.dataset.ecgPost}?lang=${language}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: button.dataset.ecgSaid,
      });
      if (answer.ok) return;
      const why = panel.querySelector(".ecg-why");
      if (why) why.textContent = (await answer.json()).error;
    } catch {
      // the stream is gone too, and the traces say so
    }
    button.disabled = false;
  });

  function alive() {
    aliveAt = performance.now();
    delete section.dataset.link;
  }

  function open() {
    stream?.close();
    stream = new EventSource(`/api/ecg/events?lang=${language}`);
    stream.addEventListener("beat", alive);
    stream.addEventListener("panel", (event) => {
      alive();
      swap(event.data);
    });
    stream.addEventListener("trace", (event) => {
      alive();
      draw(JSON.parse(event.data));
    });
    stream.addEventListener("error", () => {
      freeze();
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, SILENCE);
    });
  }

  setInterval(() => {
    count();
    if (performance.now() - heard > SILENCE) freeze();
    if (performance.now() - aliveAt > 2 * SILENCE) section.dataset.link = "lost";
  }, 250);
  addEventListener("resize", () => {
    layout = null;
    arrange();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => arrange());
  addEventListener("pagehide", () => stream?.close());
  open();
})();
