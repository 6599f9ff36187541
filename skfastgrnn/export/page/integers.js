/* Networks in integers: what kernels/reference/_integer.py computes, to the bit.
 *
 * Numbers are doubles, in which integers below 2^53 are exact:
 *   - a sum of a row is below 2^31 and its multiplier below 2^15, so that their product is below
 *     2^46; a quotient by a power of two is exact, too;
 *   - a state is below 2^15 and sequences have fewer than 2^32 steps, so that twice the sum of a mean
 *     is below 2^48. Its quotient is below 2^16 and at least 2^-33 from the next integer unless it
 *     is one, while a double of that size errs by at most 2^-38: the floor of it is right.
 * The sums of attention grow beyond that in long sequences, and are BigInt. */
"use strict";

const PRE_BITS = 12; // fractional bits of pre-activations
const PRE_LIMIT = 32767; // from 8 on, a sigmoid is 1
const ONE = 32768; // 1 with 15 fractional bits
const SEGMENT = 1024; // of the sigmoid's table, which has 32 between 0 and 8
const SCORE_ONE = 1024; // 1 in the unit of scores, which are exponents of 2
const EXP_SEGMENT = 64; // of the table of powers of two, which has 16 between 0 and 1

/* sigmoid(i / 4), 15 fractional bits, shifted by half of what interpolation would err by. */
const SIGMOID_TABLE = [
  16384, 18425, 20404, 22265, 23967, 25483, 26802, 27928, 28872, 29653, 30290, 30805, 31219, 31549,
  31811, 32018, 32181, 32309, 32409, 32488, 32550, 32598, 32635, 32664, 32687, 32705, 32719, 32730,
  32738, 32745, 32750, 32754, 32767,
];

/* 2^(i / 16), 14 fractional bits. */
const EXP2_TABLE = [
  16384, 17109, 17867, 18658, 19484, 20347, 21247, 22188, 23170, 24196, 25268, 26386, 27554, 28774,
  30048, 31379, 32768,
];

/* floor(v / 2^n + 1/2), n >= 0. */
function rounded(v, n) {
  return Math.floor(v / 2 ** n + 0.5);
}

/* The same of BigInt. */
function roundedBig(v, n) {
  return (v + ((1n << n) >> 1n)) >> n;
}

/* floor(v / n + 1/2) of BigInt, n > 0. Division of BigInt is toward zero. */
function roundedQuotientBig(v, n) {
  const doubled = 2n * v + n;
  const quotient = doubled / (2n * n);
  return doubled % (2n * n) < 0n ? quotient - 1n : quotient;
}

function clipped(v, least, most) {
  return v < least ? least : v > most ? most : v;
}

/* The nearest int16. */
function saturated(v) {
  return clipped(v, -32768, 32767);
}

/* Between neighbours of a table, whose distance is `segment`. */
function interpolated(table, at, segment) {
  const left = Math.floor(at / segment);
  const part = at - left * segment;
  return table[left] + Math.floor(((table[left + 1] - table[left]) * part) / segment + 0.5);
}

function sigmoid(v) {
  const y = interpolated(SIGMOID_TABLE, Math.min(Math.abs(v), PRE_LIMIT), SEGMENT);
  return v < 0 ? ONE - y : y;
}

/* Of v / 2^PRE_BITS, with 15 fractional bits, from 1 - 2^15 to 2^15 - 1. */
const FUNCTIONS = {
  sigmoid,
  tanh: (v) => 2 * sigmoid(2 * v) - ONE,
  hard_sigmoid: (v) => clipped((v + 2 ** PRE_BITS) * 2 ** (14 - PRE_BITS), 0, ONE - 1),
  hard_tanh: (v) => clipped(v * 2 ** (15 - PRE_BITS), 1 - ONE, ONE - 1),
};

/* The update activation in the format of the state, a function of a pre-activation. */
function candidateOf(kind, stateBits) {
  if (kind !== "relu") {
    const activation = FUNCTIONS[kind];
    return (v) => rounded(activation(v), 15 - stateBits);
  }
  if (stateBits < PRE_BITS) {
    return (v) => saturated(rounded(Math.max(v, 0), PRE_BITS - stateBits));
  }
  return (v) => saturated(Math.max(v, 0) * 2 ** (stateBits - PRE_BITS));
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/* Places of the weights that are stored: all without a mask, those of the groups of `block_size`
 * neighbours whose bit is set, or with a block_size of 0 those behind gaps, of which 15 has none. */
function* placesOf(stored, nRows) {
  const nColumns = stored.n_columns;
  const size = nRows * nColumns;
  const mask = stored.mask === null ? null : bytesOf(stored.mask);
  if (mask !== null && stored.block_size === 0) {
    let place = 0;
    for (let i = 0; ; i++) {
      const gap = (mask[i >> 1] >> (4 * (i & 1))) & 15;
      place += gap;
      if (place >= size) return;
      if (gap < 15) yield place++;
    }
  }
  const width = mask === null ? nColumns : stored.block_size;
  let group = 0;
  for (let row = 0; row < nRows; row++) {
    for (let first = 0; first < nColumns; first += width, group++) {
      if (mask !== null && !((mask[group >> 3] >> (group & 7)) & 1)) continue;
      const end = Math.min(first + width, nColumns);
      for (let column = first; column < end; column++) yield row * nColumns + column;
    }
  }
}

/* A matrix of weights, stored as a device stores them: of 8 or 4 bits by rows, the lower half of a
 * byte first. */
class Matrix {
  constructor(stored) {
    this.nRows = stored.multiplier.length;
    this.nColumns = stored.n_columns;
    this.multiplier = stored.multiplier;
    this.scale = 2 ** -(16 + stored.shift);
    this.weights = new Int8Array(this.nRows * this.nColumns);
    const bytes = bytesOf(stored.weights);
    let taken = 0;
    for (const place of placesOf(stored, this.nRows)) {
      // An Int8Array takes a byte above 127 as negative; half a byte gets its sign by shifts.
      if (stored.bits === 8) this.weights[place] = bytes[taken];
      else this.weights[place] = ((bytes[taken >> 1] >> (4 * (taken & 1))) << 28) >> 28;
      taken++;
    }
    this.result = new Float64Array(this.nRows);
  }

  /* This matrix times x, in the format of its results; the same array at each call. */
  times(x) {
    const { weights, nColumns } = this;
    for (let row = 0, at = 0; row < this.nRows; row++) {
      let sum = 0;
      for (let column = 0; column < nColumns; column++) sum += weights[at++] * x[column];
      this.result[row] = Math.floor(sum * this.multiplier[row] * this.scale + 0.5);
    }
    return this.result;
  }
}

/* The same through an int16 intermediate, where `low` is a matrix. */
function factoredProduct(low, matrix, x) {
  return matrix.times(low === null ? x : low.times(x).map(saturated));
}

function matrixOrNull(stored) {
  return stored === null ? null : new Matrix(stored);
}

class Cell {
  constructor(stored, gate, update) {
    this.wLow = matrixOrNull(stored.w_low);
    this.w = new Matrix(stored.w);
    this.uLow = matrixOrNull(stored.u_low);
    this.u = new Matrix(stored.u);
    this.biasGate = stored.bias_gate.map((bias) => bias * 2 ** stored.bias_shift);
    this.biasUpdate = stored.bias_update.map((bias) => bias * 2 ** stored.bias_shift);
    this.zeta = stored.zeta;
    this.nu = stored.nu;
    this.stateBits = stored.state_bits;
    this.gate = FUNCTIONS[gate];
    this.candidate = candidateOf(update, stored.state_bits);
    this.h = new Int16Array(this.u.nRows);
  }

  step(x) {
    const ofX = factoredProduct(this.wLow, this.w, x);
    const ofH = factoredProduct(this.uLow, this.u, this.h);
    for (let i = 0; i < this.h.length; i++) {
      const a = ofX[i] + ofH[i];
      const z = this.gate(a + this.biasGate[i]);
      const c = this.candidate(a + this.biasUpdate[i]);
      const share = this.nu + this.zeta - rounded(this.zeta * z, 15);
      this.h[i] = saturated(rounded(share * c + z * this.h[i], 15));
    }
    return this.h;
  }
}

class Last {
  constructor(nHidden) {
    this.summary = new Int16Array(nHidden);
  }

  add(h) {
    this.summary.set(h);
  }
}

class Mean {
  constructor(nHidden) {
    this.total = new Float64Array(nHidden);
    this.nSteps = 0;
  }

  add(h) {
    this.nSteps++;
    for (let i = 0; i < h.length; i++) this.total[i] += h[i];
  }

  get summary() {
    return this.total.map((v) => Math.floor((2 * v + this.nSteps) / (2 * this.nSteps)));
  }
}

class Max {
  constructor(nHidden) {
    this.summary = new Int16Array(nHidden).fill(-32768);
  }

  add(h) {
    for (let i = 0; i < h.length; i++) this.summary[i] = Math.max(this.summary[i], h[i]);
  }
}

/* A softmax over the steps. Weights are relative to the greatest exponent of 2 so far; a greater
 * one moves the sums to it. */
class Attention {
  constructor(nHidden, matrix) {
    this.matrix = matrix;
    this.reference = null;
    this.weight = 0n;
    this.total = new Array(nHidden).fill(0n);
  }

  add(h) {
    const score = this.matrix.times(h)[0];
    const exponent = Math.floor(score / SCORE_ONE);
    if (this.reference === null) this.reference = exponent;
    const reference = Math.max(this.reference, exponent);
    const down = BigInt(Math.min(reference - this.reference, 62));
    const mantissa = interpolated(EXP2_TABLE, score - exponent * SCORE_ONE, EXP_SEGMENT);
    const weight = rounded(mantissa, Math.min(reference - exponent, 30));
    this.weight = roundedBig(this.weight, down) + BigInt(weight);
    for (let i = 0; i < h.length; i++) {
      const moved = down === 0n ? this.total[i] : roundedBig(this.total[i], down);
      this.total[i] = moved + BigInt(weight * h[i]);
    }
    this.reference = reference;
  }

  get summary() {
    return this.total.map((v) => saturated(Number(roundedQuotientBig(v, this.weight))));
  }
}

const POOLINGS = { last: Last, mean: Mean, max: Max, attention: Attention };

/* A network, and the sequence that it has read so far. */
class IntegerNetwork {
  /* stored: what skfastgrnn/export/_to_html.py writes. */
  constructor(stored) {
    this.center = stored.input_center;
    this.factor = stored.input_factor;
    this.cells = stored.cells.map(
      (cell) => new Cell(cell, stored.gate_activation, stored.update_activation),
    );
    this.attention = matrixOrNull(stored.attention);
    this.pooling = stored.pooling;
    this.head = new Matrix(stored.head);
    this.headBias = stored.head_bias;
    this.unit = stored.output_unit;
    this.outputCenter = stored.output_center;
    this.outputOne = 2 ** stored.output_bits;
    this.reset();
  }

  get nChannels() {
    return this.center.length;
  }

  get nHidden() {
    return this.cells[0].h.length;
  }

  /* Begin a sequence. */
  reset() {
    for (const cell of this.cells) cell.h.fill(0);
    this.pooled = new POOLINGS[this.pooling](this.nHidden, this.attention);
  }

  /* Numbers of a step as int16: the nearest integer to (x - center) * factor in float32, halves away
   * from zero, at most ±32767. Each float32 is the rounded result of one operation on doubles. */
  quantized(row) {
    const largest = Math.fround(3.4028234663852886e38);
    return Int16Array.from(row, (value, i) => {
      const x = Math.fround(clipped(value, -largest, largest));
      const scaled = Math.fround(Math.fround(x - this.center[i]) * this.factor[i]);
      const inside = clipped(scaled, -32767, 32767);
      return Math.sign(inside) * Math.floor(Math.abs(inside) + 0.5);
    });
  }

  /* One time step, of int16. */
  step(x) {
    for (const cell of this.cells) x = cell.step(x);
    this.pooled.add(x);
  }

  /* int32 outputs of the steps so far, at least one. */
  outputs() {
    const product = this.head.times(this.pooled.summary);
    return Int32Array.from(product, (v, i) => v + this.headBias[i]);
  }

  /* The same as floating point numbers in their units. */
  realOutputs(outputs) {
    return Array.from(
      outputs,
      (q, i) => this.outputCenter[i] + this.unit[i] * (q / this.outputOne),
    );
  }
}
