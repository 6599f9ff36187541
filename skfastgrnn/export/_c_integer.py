"""The C of a model in integers."""

from functools import cache
from importlib.resources import files

import numpy as np

from ._names import comment

RUNTIME = files("skfastgrnn") / "kernels" / "c" / "integer"


@cache
def runtime(name):
    """The text of a file of the source that the package runs, too."""
    return (RUNTIME / name).read_text("utf-8")


def array(c_type, name, values):
    """The definition of a constant array."""
    text = ", ".join(str(v) for v in np.asarray(values).ravel().tolist())
    return f"static const {c_type} {name}[{np.size(values)}] = {{{text}}};\n"


def integer_source(model, name):
    """Source and header of a `DeviceModel` in integers."""
    network, big = model.network, name.upper()
    H, L = network.hidden_size, len(network.cells)
    ranks = [len(m.multiplier) for c in network.cells for m in (c.w_low, c.u_low) if m is not None]
    header = f"""/* {name}: a FastGRNN network in integers. */
#ifndef {big}_H
#define {big}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {big}_N_CHANNELS {network.n_channels}
#define {big}_N_OUTPUTS {network.n_outputs}
#define {big}_OUTPUT_BITS {network.output_bits}

typedef struct {{
    int16_t h[{H * L}];
    int32_t pre[{H}];
    int16_t low[{max(ranks, default=1)}];
    int16_t summary[{H}];
    int64_t sum[{H}];
    int64_t weight;
    int32_t reference;
    uint32_t n_steps;
}} {name}_state;

void {name}_reset({name}_state *state);
void {name}_quantize(const float x[{big}_N_CHANNELS], int16_t q[{big}_N_CHANNELS]);
void {name}_step({name}_state *state, const float x[{big}_N_CHANNELS]);
void {name}_step_integers({name}_state *state, const int16_t x[{big}_N_CHANNELS]);
void {name}_logits({name}_state *state, int32_t logits[{big}_N_OUTPUTS]);

#ifdef __cplusplus
}}
#endif

#endif
"""
    data, cells = [], []
    for i, cell in enumerate(network.cells):
        found = [matrix(data, f"{n}_{i}", getattr(cell, n)) for n in ("w_low", "w", "u_low", "u")]
        for b in ("bias_gate", "bias_update"):
            data.append(array("int16_t", f"{b}_{i}", getattr(cell, b)))
        cells.append(
            f"{{{', '.join(found)}, bias_gate_{i}, bias_update_{i}, {cell.zeta}, {cell.nu}, "
            f"{cell.bias_shift}, {cell.state_bits}}}"
        )
    head = matrix(data, "head", network.head)
    attention = matrix(data, "attention", network.attention)
    data.append(array("int32_t", "head_bias", network.head_bias))
    data.append(f"static const fastgrnn_cell cells[] = {{{', '.join(cells)}}};\n")
    floats = {"center": network.input_center, "factor": network.input_factor}
    for n, values in floats.items():
        text = ", ".join(f"{float(v).hex()}f" for v in values)
        data.append(f"static const float {n}[{len(values)}] = {{{text}}};\n")
    kinds = [f"FASTGRNN_{k.upper()}" for k in (network.gate_activation, network.update_activation)]
    data.append(
        f"static const fastgrnn_model model = {{cells, {head}, {attention}, head_bias, "
        f"{network.n_channels}, {H}, {network.n_outputs}, {L}, {', '.join(kinds)}, "
        f"FASTGRNN_{network.pooling.upper()}}};\n"
    )
    functions = FUNCTIONS.replace("NAME", name).replace("BIG", big)
    source = (
        f'/* {comment(name)} */\n#include "{name}.h"\n#define FASTGRNN_API static\n'
        + runtime("fastgrnn_integer.h")
        + runtime("fastgrnn_integer.c").replace('#include "fastgrnn_integer.h"\n', "")
        + "".join(data)
        + functions
    )
    return source, header


def matrix(data, name, m):
    """The initializer of a fastgrnn_matrix, whose arrays are added to the data."""
    if m is None:
        return "{0, 0, 0, 0, 0, 0, 8, 1}"
    stored = m.stored
    data.append(array("uint8_t", f"{name}_weights", np.append(stored["weights"], np.uint8(0))))
    data.append(array("int16_t", f"{name}_multiplier", m.multiplier))
    mask = "0"
    if stored["mask"] is not None:
        mask = f"{name}_mask"
        data.append(array("uint8_t", mask, stored["mask"]))
    rows, columns = m.weights.shape
    return (
        f"{{{name}_weights, {mask}, {name}_multiplier, {rows}, {columns}, {m.shift}, {m.bits}, "
        f"{m.block_size or 1}}}"
    )


FUNCTIONS = """
static fastgrnn_state begin(NAME_state *s) {
    const fastgrnn_state view = {s->h, s->pre, s->low, 0, s->summary, s->sum, s->weight,
                                 s->reference, s->n_steps};
    return view;
}

static void end(NAME_state *s, const fastgrnn_state *view) {
    s->weight = view->weight;
    s->reference = view->reference;
    s->n_steps = view->n_steps;
}

void NAME_reset(NAME_state *state) {
    fastgrnn_state view = begin(state);
    fastgrnn_reset(&model, &view);
    end(state, &view);
}

void NAME_quantize(const float x[BIG_N_CHANNELS], int16_t q[BIG_N_CHANNELS]) {
    for (int i = 0; i < BIG_N_CHANNELS; i++)
        q[i] = fastgrnn_quantize_input(x[i], center[i], factor[i]);
}

void NAME_step_integers(NAME_state *state, const int16_t x[BIG_N_CHANNELS]) {
    fastgrnn_state view = begin(state);
    fastgrnn_step(&model, &view, x);
    end(state, &view);
}

void NAME_step(NAME_state *state, const float x[BIG_N_CHANNELS]) {
    int16_t q[BIG_N_CHANNELS];
    NAME_quantize(x, q);
    NAME_step_integers(state, q);
}

void NAME_logits(NAME_state *state, int32_t logits[BIG_N_OUTPUTS]) {
    fastgrnn_state view = begin(state);
    fastgrnn_logits(&model, &view, logits);
}
"""
