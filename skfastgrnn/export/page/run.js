/* What a network has read and computed, step by step. */
"use strict";

function logistic(v) {
  return v < 0 ? Math.exp(v) / (1 + Math.exp(v)) : 1 / (1 + Math.exp(-v));
}

/* Probabilities of the labels; of two classes the only output is the logit of the second. */
function probabilitiesOf(logits, isMultilabel) {
  if (isMultilabel) return logits.map(logistic);
  if (logits.length === 1) return [logistic(-logits[0]), logistic(logits[0])];
  const most = Math.max(...logits);
  const powers = logits.map((v) => Math.exp(v - most));
  const total = powers.reduce((sum, v) => sum + v, 0);
  return powers.map((v) => v / total);
}

/* Each list has one entry for each step that is kept:
 *   rows     numbers of the channels
 *   inputs   the same as int16
 *   states   int16 of all units, layer by layer
 *   outputs  int32
 *   values   probabilities of the labels, or predicted numbers */
class Run {
  constructor(network, kind) {
    this.network = network;
    this.kind = kind;
    this.reset();
  }

  get length() {
    return this.rows.length;
  }

  reset() {
    this.network.reset();
    this.nDropped = 0;
    for (const list of ["rows", "inputs", "states", "outputs", "values"]) this[list] = [];
  }

  read(row) {
    const { network } = this;
    const input = network.quantized(row);
    network.step(input);
    const state = new Int16Array(network.cells.length * network.nHidden);
    network.cells.forEach((cell, layer) => state.set(cell.h, layer * network.nHidden));
    const outputs = network.outputs();
    const real = network.realOutputs(outputs);
    const isRegressor = this.kind === "regressor";
    this.rows.push(row);
    this.inputs.push(input);
    this.states.push(state);
    this.outputs.push(outputs);
    this.values.push(isRegressor ? real : probabilitiesOf(real, this.kind === "multilabel"));
  }

  /* Forget all but the last steps; the network reads on. */
  keep(nSteps) {
    const n = Math.max(0, this.length - nSteps);
    if (n === 0) return;
    this.nDropped += n;
    for (const list of ["rows", "inputs", "states", "outputs", "values"]) this[list].splice(0, n);
  }

  /* Indices of the labels that are predicted after a step; ties as in Python. */
  predicted(at) {
    const outputs = this.outputs[at];
    if (this.kind === "multilabel") {
      return Array.from(outputs.keys()).filter((i) => outputs[i] > 0);
    }
    if (outputs.length === 1) return [outputs[0] > 0 ? 1 : 0];
    return [outputs.indexOf(Math.max(...outputs))];
  }
}
