/* The page: from inputs to a run. */
"use strict";

const MOST_LIVE = 400; // steps of a stream that are shown

/* ---- Pasted numbers ---- */

function readText() {
  const text = element("text").value;
  if (text.trim() === "") {
    readAll([]);
    tell("");
    return;
  }
  try {
    const rows = parseRows(text, model.channels);
    readAll(rows);
    tell(`${counted(rows.length, "step")} of ${counted(model.channels.length, "channel")}.`);
  } catch (error) {
    readAll([]);
    tell(error.message, true);
  }
}

let typed;
element("text").addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(readText, 120);
});
element("clear").addEventListener("click", () => {
  element("text").value = "";
  readText();
});
element("example").addEventListener("click", () => {
  element("text").value = textOf(model.example);
  readText();
});

/* ---- Drawn numbers ---- */

/* The range of a channel in the example, or half of what an int16 holds, as quantize leaves. */
function rangeOfChannel(i) {
  if (model.example !== null) return rangeOf(model.example.map((row) => [row[i]]));
  const reach = 16384 / network.factor[i];
  return [network.center[i] - reach, network.center[i] + reach].map((v) => Number(v.toPrecision(3)));
}

const ranges = model.channels.map((_, i) => rangeOfChannel(i));
/* The mean of each channel in the calibration. */
const middle = Array.from(network.center, (v) => Number(v.toPrecision(4)));
const pad = new Pad(element("pad"), model.rate, ranges, middle, (rows) => {
  readAll(rows);
  tell(`${counted(rows.length, "step")} drawn.`);
});

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

model.channels.forEach((channel, i) => {
  element("draw-mode").append(option(String(i), channel));
  element("draw-y").append(option(String(i), `${channel} as y`));
});
if (model.channels.length > 1) {
  model.channels.forEach((channel, i) => {
    element("draw-mode").append(option(`x${i}`, `${channel} as x`));
  });
  element("draw-y").value = "1";
}

function chooseDrawing() {
  const mode = element("draw-mode").value;
  const isPlane = mode.startsWith("x");
  const first = Number(mode.replace("x", ""));
  const second = Number(element("draw-y").value);
  element("y-field").hidden = !isPlane;
  element("draw-steps").parentElement.hidden = isPlane && model.rate !== null;
  element("draw-least").parentElement.hidden = element("draw-most").parentElement.hidden = isPlane;
  [element("draw-least").value, element("draw-most").value] = ranges[first].map((v) =>
    Number(v.toPrecision(3)),
  );
  element("pad-help").textContent = isPlane
    ? "Draw a path at the speed that it should have, or use the arrow keys. Other channels keep still."
    : "Draw from left to right, or use the arrow keys; then choose another channel.";
  element("pad").setAttribute("aria-label", isPlane ? "Plane to draw a path in" : "Chart to draw in");
  pad.choose(isPlane ? [first, second] : [first]);
}

function setRange() {
  const [least, most] = ["draw-least", "draw-most"].map((id) => element(id).valueAsNumber);
  if (!(least < most)) {
    tell("The range must begin below its end.", true);
    return;
  }
  ranges[pad.channels[0]].splice(0, 2, least, most);
  pad.render();
  tell("");
}

function setSteps() {
  const nSteps = Math.min(5000, Math.max(1, Math.round(element("draw-steps").valueAsNumber) || 1));
  element("draw-steps").value = nSteps;
  pad.resize(nSteps);
}

element("draw-mode").addEventListener("change", chooseDrawing);
element("draw-y").addEventListener("change", chooseDrawing);
element("draw-steps").addEventListener("change", setSteps);
element("draw-least").addEventListener("change", setRange);
element("draw-most").addEventListener("change", setRange);
element("erase").addEventListener("click", () => {
  pad.erase();
  readAll([]);
  tell("");
});

/* ---- Sensors ---- */

const motion = new Motion(
  model.rate,
  (row) => {
    const window = Math.max(0, Math.round(element("window").valueAsNumber) || 0);
    if (window > 0 && run.nDropped + run.length >= window) run.reset();
    run.read(row);
    run.keep(MOST_LIVE);
    at = run.length - 1;
    tell(`${counted(run.nDropped + run.length, "step")} read.`);
    showSoon();
  },
  tell,
);

const mapping = model.channels.map((channel, i) => {
  const line = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = channel;
  const sensor = document.createElement("select");
  sensor.setAttribute("aria-label", `Sensor of ${channel}`);
  sensor.append(option(NONE, "none"));
  SENSORS.forEach(([, , text], at) => sensor.append(option(at, text)));
  sensor.value = sensorOf(channel, i);
  const factor = document.createElement("input");
  factor.type = "number";
  factor.step = "any";
  factor.value = "1";
  factor.setAttribute("aria-label", `Factor of ${channel}`);
  for (const cell of [sensor, factor]) {
    const td = document.createElement("td");
    td.append(cell);
    line.append(td);
  }
  line.prepend(name);
  element("mapping").append(line);
  return { sensor, factor, middle: middle[i] };
});

function stopMotion() {
  motion.stop();
  element("motion").textContent = "Start";
}

element("motion").addEventListener("click", async () => {
  if (motion.isOn) {
    stopMotion();
    return;
  }
  readAll([]);
  try {
    await motion.start(
      mapping.map(({ sensor, factor, middle }) => ({
        sensor: Number(sensor.value),
        factor: factor.valueAsNumber || 0,
        middle,
      })),
    );
    element("motion").textContent = "Stop";
    element("sensors").open = false;
  } catch (error) {
    tell(error.message, true);
  }
});

/* ---- Tabs ---- */

const TABS = ["paste", "draw", "motion"];

function openTab(name) {
  for (const other of TABS) {
    const isOpen = other === name;
    element(`tab-${other}`).setAttribute("aria-selected", String(isOpen));
    element(`tab-${other}`).tabIndex = isOpen ? 0 : -1;
    element(`panel-${other}`).hidden = !isOpen;
  }
  if (motion.isOn) stopMotion();
  tell("");
  if (name === "draw") pad.render();
}

TABS.forEach((name, i) => {
  element(`tab-${name}`).addEventListener("click", () => openTab(name));
  element(`tab-${name}`).addEventListener("keydown", (event) => {
    const by = { ArrowLeft: TABS.length - 1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    const next = TABS[(i + by) % TABS.length];
    openTab(next);
    element(`tab-${next}`).focus();
  });
});

/* ---- Beginning ---- */

describe();
element("draw-steps").value = model.example === null ? 100 : model.example.length;
element("window").value = model.example === null ? 0 : model.example.length;
setSteps();
chooseDrawing();
if (model.example !== null) {
  element("text").value = textOf(model.example);
  readText();
}
new ResizeObserver(showSoon).observe(element("strip"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  element("legend").replaceChildren();
  legend();
  pad.render();
  showSoon();
});
show();
