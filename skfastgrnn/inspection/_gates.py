r"""Gates and states of a cell, step by step, from fitted parameters.

.. math::

    a_t &= W x_t + U h_{t-1} \\
    z_t &= \mathrm{gate}(a_t + b_z) \\
    c_t &= \mathrm{update}(a_t + b_h) \\
    h_t &= (\zeta (1 - z_t) + \nu) \odot c_t + z_t \odot h_{t-1}

with :math:`\zeta = \sigma(\hat\zeta)` and :math:`\nu = \sigma(\hat\nu)`: Kusupati et al.,
*FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network*, NeurIPS
2018, section 3.2. Kernels answer the states of the last layer only, and no gates.

Shapes: T steps, D channels (or states of the layer below), H hidden units.
"""

import numpy as np
from scipy.special import expit

ACTIVATIONS = {
    "sigmoid": expit,
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "hard_sigmoid": lambda a: np.clip((a + 1) / 2, 0, 1),
    "hard_tanh": lambda a: np.clip(a, -1, 1),
}


def gates_and_states(network, params, x, layer, reverse):
    """Gates z and states h (T, H) of one cell on x (T, D), row t those of step t.

    `network` tells activations and directions, `params` are the parameters by name, `layer` counts
    from 1. A reverse cell goes through the steps from the end; its rows are in the order of x too.
    """
    directions = ("", "_reverse") if network.bidirectional else ("",)
    for below in range(1, layer):
        x = np.hstack([_run(network, params, x, below, ending)[1] for ending in directions])
    return _run(network, params, x, layer, "_reverse" if reverse else "")


def _run(network, params, x, layer, direction):
    """z and h (T, H) of the cell whose parameters' names end in a layer and a direction."""
    ending = ("" if layer == 1 else f"_{layer}") + direction
    U = params["U" + ending]
    bias_gate, bias_update = params["bias_gate" + ending], params["bias_update" + ending]
    zeta, nu = expit(params["zeta_hat" + ending]), expit(params["nu_hat" + ending])
    gate, update = ACTIVATIONS[network.gate_activation], ACTIVATIONS[network.update_activation]
    steps = slice(None, None, -1 if direction else 1)
    read = (x @ params["W" + ending].T)[steps]  # (T, H)
    z, h = np.empty_like(read), np.empty_like(read)
    state = np.zeros(len(U), dtype=read.dtype)
    for t in range(len(read)):
        a = read[t] + U @ state
        z[t] = gate(a + bias_gate)
        state = (zeta * (1 - z[t]) + nu) * update(a + bias_update) + z[t] * state
        h[t] = state
    return z[steps], h[steps]
