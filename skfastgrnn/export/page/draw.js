/* Numbers drawn with the pointer or the arrow keys: one channel over time, or two as x and y. */
"use strict";

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

class Pad {
  /* rate: steps per second, or null; ranges: [least, most] of each channel, and middle: what it is
   * where nothing is drawn; changed: called with the rows */
  constructor(canvas, rate, ranges, middle, changed) {
    Object.assign(this, { canvas, rate, ranges, middle, changed });
    this.nSteps = 1;
    this.channels = [0];
    this.erase();
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => (this.isDown = false));
    canvas.addEventListener("pointercancel", () => (this.isDown = false));
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  get isPlane() {
    return this.channels.length === 2;
  }

  /* Channels that are drawn: one, or two as x and y. */
  choose(channels) {
    if (channels.length === 2 || this.isPlane) this.erase();
    this.channels = channels;
    this.render();
  }

  resize(nSteps) {
    this.nSteps = nSteps;
    if (this.isPlane) return;
    this.erase();
  }

  erase() {
    this.rows = Array.from({ length: this.nSteps }, () => this.middle.slice());
    this.path = [];
    this.pen = { step: 0, x: 0.5, y: 0.5, time: 0 };
    this.isEmpty = true;
    this.render();
  }

  /* Shares of the width and height, from the lower left. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const inside = (v) => Math.min(1, Math.max(0, v));
    return {
      x: inside((event.clientX - box.left) / box.width),
      y: inside(1 - (event.clientY - box.top) / box.height),
    };
  }

  begin(event) {
    this.isDown = true;
    this.canvas.setPointerCapture(event.pointerId);
    const { x, y } = this.place(event);
    if (this.isPlane) this.path = [];
    this.pen = { step: this.stepOf(x), x, y, time: event.timeStamp };
    this.put(this.pen);
  }

  move(event) {
    if (!this.isDown) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of events.length > 0 ? events : [event]) {
      const { x, y } = this.place(one);
      this.put({ step: this.stepOf(x), x, y, time: one.timeStamp });
    }
  }

  press(event) {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    const [right, up] = KEYS[event.key];
    const far = event.shiftKey ? 5 : 1;
    const inside = (v, most) => Math.min(most, Math.max(0, v));
    const { pen } = this;
    const y = inside(pen.y + (up * far) / 40, 1);
    if (this.isPlane) {
      const time = pen.time + 1000 / (this.rate ?? 25);
      if (this.path.length === 0) this.put(pen);
      this.put({ step: 0, x: inside(pen.x + (right * far) / 40, 1), y, time });
    } else {
      this.put({ step: inside(pen.step + right * far, this.nSteps - 1), x: 0, y, time: 0 });
    }
  }

  stepOf(x) {
    return Math.min(this.nSteps - 1, Math.floor(x * this.nSteps));
  }

  value(channel, share) {
    const [least, most] = this.ranges[channel];
    return least + share * (most - least);
  }

  /* Draw from where the pen is to another place. */
  put(to) {
    const { pen } = this;
    if (this.isPlane) {
      const values = [this.value(this.channels[0], to.x), this.value(this.channels[1], to.y)];
      this.path.push({ time: to.time, values });
      this.rows = this.rowsOfPath();
    } else {
      const sign = to.step < pen.step ? -1 : 1;
      const distance = Math.abs(to.step - pen.step);
      for (let i = 0; i <= distance; i++) {
        const share = distance === 0 ? 1 : i / distance;
        const value = this.value(this.channels[0], pen.y + share * (to.y - pen.y));
        this.rows[pen.step + sign * i][this.channels[0]] = value;
      }
    }
    this.pen = to;
    this.isEmpty = false;
    this.render();
    this.changed(this.rows.map((row) => row.slice()));
  }

  /* The path at the model's rate, or in so many steps as are asked for. */
  rowsOfPath() {
    let points;
    if (this.rate === null) {
      points = resampled(this.path, this.nSteps);
    } else {
      const resampler = new Resampler(1000 / this.rate);
      points = this.path.flatMap(({ time, values }) => resampler.add(time, values));
    }
    return points.map((values) => {
      const row = this.middle.slice();
      this.channels.forEach((channel, i) => (row[channel] = values[i]));
      return row;
    });
  }

  render() {
    const { context, width, height } = emptied(this.canvas);
    const share = (channel, value) => {
      const [least, most] = this.ranges[channel];
      return (value - least) / (most - least);
    };
    context.fillStyle = themeColor("--line");
    context.fillRect(0, Math.round(height / 2), width, 1);
    if (this.isPlane) context.fillRect(Math.round(width / 2), 0, 1, height);
    context.strokeStyle = context.fillStyle = seriesColor(this.channels[this.channels.length - 1]);
    context.lineWidth = 2.5;
    context.lineCap = "round";
    context.beginPath();
    const [first, second] = this.channels;
    const points = this.isPlane
      ? this.path.map(({ values }) => [share(first, values[0]), share(second, values[1])])
      : this.rows.map((row, step) => [(step + 0.5) / this.nSteps, share(first, row[first])]);
    for (const [x, y] of points) context.lineTo(x * width, (1 - y) * height);
    context.stroke();
    const x = this.isPlane ? this.pen.x : (this.pen.step + 0.5) / this.nSteps;
    const y = this.isPlane ? this.pen.y : share(first, this.rows[this.pen.step][first]);
    context.beginPath();
    context.arc(x * width, (1 - y) * height, 4.5, 0, 7);
    context.fill();
  }
}
