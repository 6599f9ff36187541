/* Samples at any times to steps at equal distances, on the lines between them. */
"use strict";

class Resampler {
  /* period: between two steps, in the unit of times; null where each sample is a step. */
  constructor(period) {
    this.period = period;
    this.last = null;
  }

  /* The rows up to a sample, of which each is later than the one before. */
  add(time, values) {
    if (this.period === null) return [values];
    const { last } = this;
    if (last === null) {
      this.last = { time, values };
      this.begin = time;
      this.nRows = 1;
      return [values];
    }
    if (time <= last.time) return [];
    const rows = [];
    // Times of steps are multiples of the period, so that rounding does not add up.
    for (let next; (next = this.begin + this.nRows * this.period) <= time; this.nRows++) {
      const share = (next - last.time) / (time - last.time);
      rows.push(values.map((value, i) => last.values[i] + share * (value - last.values[i])));
    }
    this.last = { time, values };
    return rows;
  }
}

/* Samples {time, values} as so many steps from the first to the last. */
function resampled(samples, nSteps) {
  const begin = samples[0].time;
  const length = samples[samples.length - 1].time - begin;
  let after = 1;
  return Array.from({ length: nSteps }, (_, step) => {
    const time = begin + (nSteps > 1 ? (length * step) / (nSteps - 1) : 0);
    while (after < samples.length - 1 && samples[after].time < time) after++;
    if (samples.length === 1 || length === 0) return samples[samples.length - 1].values.slice();
    const [left, right] = [samples[after - 1], samples[after]];
    const span = right.time - left.time;
    const share = span > 0 ? (time - left.time) / span : 1;
    return right.values.map((value, i) => left.values[i] + share * (value - left.values[i]));
  });
}
