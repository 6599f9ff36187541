/* What is shown of a run, and the step that is looked at. */
"use strict";

const PLAYING_TIME = 5; // seconds of a sequence whose rate is not known

const model = JSON.parse(document.getElementById("model").textContent);
const network = new IntegerNetwork(model.network);
const run = new Run(network, model.kind);
const element = (id) => document.getElementById(id);
const isRegressor = model.kind === "regressor";
let at = 0; // the step that is looked at
let playing = null; // {begin, from} while the steps are played
let isDirty = false;

function tell(text, isWrong = false) {
  element("message").textContent = text;
  element("message").classList.toggle("wrong", isWrong);
}

/* Show at the next picture of the screen; many calls before it are one. */
function showSoon() {
  if (isDirty) return;
  isDirty = true;
  requestAnimationFrame(() => {
    isDirty = false;
    show();
  });
}

function readAll(rows) {
  playing = null;
  run.reset();
  for (const row of rows) run.read(row);
  at = Math.max(0, run.length - 1);
  showSoon();
}

/* ---- What is shown ---- */

function numberText(value) {
  return Number(value.toPrecision(5)).toString();
}

function percentText(value) {
  return `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
}

const bars = model.labels.map((label, i) => {
  const item = document.createElement("li");
  item.className = "bar";
  const [name, value, track] = ["span", "span", "div"].map((tag) => document.createElement(tag));
  const fill = document.createElement("i");
  name.textContent = name.title = label;
  track.className = "track";
  track.append(fill);
  item.append(name, value);
  if (!isRegressor) item.append(track);
  element("bars").append(item);
  return { item, value, fill, i };
});
element("bars").classList.toggle("many", bars.length > 6);

function showBars() {
  const values = run.length > 0 ? run.values[at] : null;
  const predicted = values === null || isRegressor ? [] : run.predicted(at);
  for (const { item, value, fill, i } of bars) {
    item.classList.toggle("most", predicted.includes(i));
    fill.style.background = seriesColor(i);
    fill.style.transform = `scaleX(${values === null ? 0 : values[i]})`;
    const text = isRegressor ? numberText : percentText;
    value.textContent = values === null ? "" : text(values[i]);
  }
  let text = "–";
  if (values !== null && isRegressor) text = numberText(values[0]);
  else if (values !== null) text = predicted.map((i) => model.labels[i]).join(", ") || "none";
  if (element("predicted").textContent !== text) element("predicted").textContent = text;
  element("integer-input").textContent = values === null ? "" : run.inputs[at].join(" ");
  element("integer-outputs").textContent = values === null ? "" : run.outputs[at].join(" ");
}

/* Of each unit the state that has the full color: the greatest of its layer in the run. */
function limitsOfStates() {
  const { nHidden, cells } = network;
  const most = new Float64Array(cells.length).fill(1);
  for (const states of run.states) {
    states.forEach((v, i) => {
      const layer = Math.floor(i / nHidden);
      most[layer] = Math.max(most[layer], Math.abs(v));
    });
  }
  return Array.from({ length: nHidden * cells.length }, (_, i) => most[Math.floor(i / nHidden)]);
}

function show() {
  showBars();
  const { length: nSteps, nDropped } = run;
  const slider = element("at");
  slider.max = Math.max(1, nSteps);
  slider.value = at + 1;
  slider.disabled = element("play").disabled = nSteps === 0;
  element("play").textContent = playing === null ? "Play" : "Pause";
  const number = nDropped + at + 1;
  const seconds = model.rate === null ? "" : `, ${(number / model.rate).toFixed(2)} s`;
  const text = nSteps === 0 ? "" : `${number} of ${nDropped + nSteps}${seconds}`;
  element("step").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  const canvases = ["strip", "heat", "course"].map(element);
  if (nSteps === 0) {
    canvases.forEach(emptied);
    return;
  }
  const options = { nSteps, nDropped, at, rate: model.rate };
  const [strip, heat, course] = canvases.map((canvas) => new Plot(canvas, options));
  drawLines(strip, run.rows);
  drawHeat(heat, run.states, limitsOfStates());
  const draw = { classifier: drawStack, multilabel: drawShares, regressor: drawLines };
  draw[model.kind](course, run.values);
}

function legend() {
  model.channels.forEach((channel, i) => {
    const entry = document.createElement("span");
    const sample = document.createElement("i");
    sample.style.background = seriesColor(i);
    entry.append(sample, channel);
    element("legend").append(entry);
  });
}

function describe() {
  element("title").textContent = model.title;
  element("about").textContent = model.about;
  element("result-heading").textContent = isRegressor ? model.labels[0] : "Prediction";
  if (isRegressor && model.labels.length === 1) element("bars").hidden = true;
  const names = model.channels.join(", ");
  const shortened = names.length > 90 ? `${names.slice(0, 88)}…` : names;
  element("text-label").textContent =
    `One line for each step, with ${counted(model.channels.length, "number")}: ${shortened}`;
  element("outputs-caption").textContent = isRegressor ? "Prediction" : "Probabilities";
  element("strip").setAttribute("aria-label", `Channels over the steps: ${shortened}`);
  element("heat").setAttribute("aria-label", "Hidden state of each unit over the steps");
  element("course").setAttribute("aria-label", "Outputs over the steps");
  element("example").hidden = model.example === null;
  legend();
}

/* ---- Time ---- */

function lookAt(step) {
  playing = null;
  at = Math.min(run.length - 1, Math.max(0, step));
  showSoon();
}

element("at").addEventListener("input", () => lookAt(Number(element("at").value) - 1));

for (const id of ["strip", "heat", "course"]) {
  const follow = (event) => {
    if (run.length === 0 || (event.type === "pointermove" && event.buttons === 0)) return;
    const box = element(id).getBoundingClientRect();
    const share =
      (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    lookAt(Math.floor(share * run.length));
  };
  element(id).addEventListener("pointerdown", follow);
  element(id).addEventListener("pointermove", follow);
}

function playOn(now) {
  if (playing === null) return;
  playing.begin ??= now;
  const perSecond = model.rate ?? Math.max(run.length / PLAYING_TIME, 4);
  at = playing.from + Math.floor(((now - playing.begin) / 1000) * perSecond);
  if (at >= run.length - 1) {
    at = run.length - 1;
    playing = null;
  }
  show();
  requestAnimationFrame(playOn);
}

element("play").addEventListener("click", () => {
  if (playing !== null) {
    playing = null;
    show();
    return;
  }
  playing = { from: at >= run.length - 1 ? 0 : at };
  requestAnimationFrame(playOn);
});
