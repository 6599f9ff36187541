/* Charts over the steps, which share one axis of time. */
"use strict";

const MARGIN = { left: 46, right: 10, top: 8, bottom: 20 };
const MOST_COLUMNS = 4000; // of a picture; of more steps only some are shown

function themeColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/* Of a channel or label. */
function seriesColor(i) {
  const named = themeColor(`--series-${i}`);
  return named || `hsl(${(i * 137.508) % 360} 55% 52%)`;
}

/* A number in little room. */
function brief(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/* The context of a canvas whose unit is a pixel of the page, emptied, and its size. */
function emptied(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  context.lineJoin = "round";
  return { context, width, height };
}

/* The least of 1, 2 or 5 times a power of ten that is not below a positive number. */
function roundUp(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 5, 10].map((v) => v * power).find((v) => v >= number);
}

/* Two to four round numbers in a range. */
function roundNumbers(least, most) {
  const distance = roundUp((most - least) / 4);
  const first = Math.ceil(least / distance);
  const n = Math.floor(most / distance) - first + 1;
  return Array.from({ length: n }, (_, i) => (first + i) * distance);
}

/* The area of one chart, and the lines and numbers around it. */
class Plot {
  /* options: nSteps, nDropped (steps before the first shown), at (the step that is looked at),
   * rate (steps per second or null) */
  constructor(canvas, options) {
    Object.assign(this, emptied(canvas), options);
    this.left = MARGIN.left;
    this.top = MARGIN.top;
    this.innerWidth = Math.max(1, this.width - MARGIN.left - MARGIN.right);
    this.innerHeight = Math.max(1, this.height - MARGIN.top - MARGIN.bottom);
  }

  /* The middle of a step. */
  x(step) {
    return this.left + ((step + 0.5) / this.nSteps) * this.innerWidth;
  }

  y(value, least, most) {
    return this.top + (1 - (value - least) / (most - least)) * this.innerHeight;
  }

  marksOfTime() {
    const { context } = this;
    context.fillStyle = themeColor("--soft");
    context.textBaseline = "top";
    context.textAlign = "center";
    const nMarks = Math.max(2, Math.min(8, this.innerWidth / 70));
    const perSecond = this.rate ?? 1;
    const distance = Math.ceil(perSecond * roundUp(Math.max(this.nSteps / nMarks, 1) / perSecond));
    for (let step = 0; step < this.nSteps; step++) {
      const number = step + this.nDropped + 1;
      if (number % distance !== 0) continue;
      const text = this.rate === null ? String(number) : `${brief(number / this.rate)} s`;
      context.fillText(text, this.x(step), this.top + this.innerHeight + 5);
    }
  }

  marksOfValues(values, least, most, text = brief) {
    const { context } = this;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const value of values) {
      const y = this.y(value, least, most);
      context.fillStyle = themeColor("--line");
      context.fillRect(this.left, Math.round(y), this.innerWidth, 1);
      context.fillStyle = themeColor("--soft");
      context.fillText(text(value), this.left - 7, y);
    }
  }

  line(valueOf, least, most, color, thickness = 1.75) {
    const { context } = this;
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.beginPath();
    for (let step = 0; step < this.nSteps; step++) {
      context.lineTo(this.x(step), this.y(valueOf(step), least, most));
    }
    context.stroke();
    if (this.nSteps > 1) return;
    context.fillStyle = color;
    context.beginPath();
    context.arc(this.x(0), this.y(valueOf(0), least, most), 3, 0, 7);
    context.fill();
  }

  /* What is to come is pale, and a line is at the step that is looked at. */
  cursor() {
    const { context } = this;
    const right = this.left + ((this.at + 1) / this.nSteps) * this.innerWidth;
    context.globalAlpha = 0.72;
    context.fillStyle = themeColor("--card");
    context.fillRect(right, 0, this.width - right, this.top + this.innerHeight);
    context.globalAlpha = 1;
    context.fillStyle = themeColor("--ink");
    context.fillRect(Math.round(this.x(this.at)), this.top, 1, this.innerHeight);
  }
}

/* The least and greatest of lists of numbers, apart by a little. */
function rangeOf(lists) {
  let [least, most] = [Infinity, -Infinity];
  for (const list of lists) {
    for (const value of list) {
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  const room = (most - least) * 0.06 || Math.abs(most) * 0.1 || 1;
  return [least - room, most + room];
}

function drawLines(plot, lists) {
  const [least, most] = rangeOf(lists);
  plot.marksOfValues(roundNumbers(least, most), least, most);
  plot.marksOfTime();
  const nLines = lists[0].length;
  for (let i = 0; i < nLines; i++) {
    plot.line((step) => lists[step][i], least, most, seriesColor(i));
  }
  plot.cursor();
}

function percent(value) {
  return `${Math.round(100 * value)} %`;
}

/* Areas upon each other, which add up to 1. */
function drawStack(plot, lists) {
  const { context } = plot;
  const lower = new Float64Array(plot.nSteps);
  for (let i = 0; i < lists[0].length; i++) {
    context.fillStyle = seriesColor(i);
    context.globalAlpha = 0.85;
    context.beginPath();
    const edge = (step) => plot.y(Math.min(1, lower[step]), 0, 1);
    const [begin, end] = [plot.left, plot.left + plot.innerWidth];
    context.moveTo(begin, edge(0));
    for (let step = 0; step < plot.nSteps; step++) context.lineTo(plot.x(step), edge(step));
    context.lineTo(end, edge(plot.nSteps - 1));
    for (let step = 0; step < plot.nSteps; step++) lower[step] += lists[step][i];
    context.lineTo(end, edge(plot.nSteps - 1));
    for (let step = plot.nSteps - 1; step >= 0; step--) context.lineTo(plot.x(step), edge(step));
    context.lineTo(begin, edge(0));
    context.fill();
  }
  context.globalAlpha = 1;
  plot.marksOfValues([0, 0.5, 1], 0, 1, percent);
  plot.marksOfTime();
  plot.cursor();
}

function drawShares(plot, lists) {
  plot.marksOfValues([0, 0.5, 1], 0, 1, percent);
  plot.marksOfTime();
  for (let i = 0; i < lists[0].length; i++) {
    plot.line((step) => lists[step][i], 0, 1, seriesColor(i));
  }
  plot.cursor();
}

function channelsOfColor(color) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

/* States (all units, of -limit to limit for each) over the steps: one color above 0, one below. */
function drawHeat(plot, lists, limits) {
  const nUnits = lists[0].length;
  const stride = Math.ceil(plot.nSteps / MOST_COLUMNS);
  const nColumns = Math.ceil(plot.nSteps / stride);
  const picture = new ImageData(nColumns, nUnits);
  const [zero, above, below] = ["--card", "--high", "--low"].map((name) =>
    channelsOfColor(themeColor(name)),
  );
  for (let column = 0; column < nColumns; column++) {
    const states = lists[column * stride];
    for (let unit = 0; unit < nUnits; unit++) {
      const share = Math.min(1, Math.abs(states[unit]) / limits[unit]) ** 0.75;
      const end = states[unit] < 0 ? below : above;
      const to = 4 * (unit * nColumns + column);
      for (let c = 0; c < 3; c++) picture.data[to + c] = zero[c] + share * (end[c] - zero[c]);
      picture.data[to + 3] = 255;
    }
  }
  const small = document.createElement("canvas");
  small.width = nColumns;
  small.height = nUnits;
  small.getContext("2d").putImageData(picture, 0, 0);
  const { context } = plot;
  context.imageSmoothingEnabled = false;
  context.drawImage(small, plot.left, plot.top, plot.innerWidth, plot.innerHeight);
  context.strokeStyle = themeColor("--line");
  context.strokeRect(plot.left + 0.5, plot.top + 0.5, plot.innerWidth - 1, plot.innerHeight - 1);
  context.fillStyle = themeColor("--soft");
  context.textAlign = "right";
  context.textBaseline = "top";
  context.fillText("unit 1", plot.left - 7, plot.top);
  context.textBaseline = "bottom";
  if (nUnits > 1) context.fillText(String(nUnits), plot.left - 7, plot.top + plot.innerHeight);
  plot.marksOfTime();
  plot.cursor();
}
