"""Cells in layers and directions in NumPy.

Both directions side by side: Schuster & Paliwal, *Bidirectional Recurrent Neural Networks*, IEEE
Transactions on Signal Processing 45, 1997.

Shapes as in _cell.py, and R states of a layer: H, or 2 H of both directions side by side.
"""

from typing import NamedTuple

import numpy as np

from ...network import cell_parts
from . import _cell
from ._dropout import mask


class Record(NamedTuple):
    """What a cell read and computed: its parameters by name, and arrays as in _cell.py."""

    parameters: dict
    x: np.ndarray
    h: np.ndarray
    z: np.ndarray
    c: np.ndarray


def reversed_steps(x, lengths):
    """x (B, T, n) with the steps of each sequence in reverse, and its end as it was."""
    steps = np.arange(x.shape[1])
    order = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return np.take_along_axis(x, order[..., None], axis=1)


def forward(network, p, x, lengths, h0=None, dropped=None):
    """Run all cells through time.

    x (B, T, D), lengths (B,) decreasing, h0 (B, C, H) or None for zeros. `dropped` says by layer
    what the states that it passes on are multiplied by (B, T, R); None drops nothing. Returns the
    states of the last layer (B, T, R), its last states (B, R), and the Record of each cell.
    """
    directions, records = network.n_directions, []
    for c, cell in enumerate(cell_parts(network, p)):
        layer, direction = divmod(c, directions)
        if c > 0 and direction == 0:  # the layer below is complete
            x = states if dropped is None else states * dropped(layer - 1)  # noqa: F821
        read = reversed_steps(x, lengths) if direction else x
        record = _cell.forward(network, cell, read, lengths, None if h0 is None else h0[:, c])
        records.append(Record(cell, read, *record))
        own = records[-1].h[1:].swapaxes(0, 1)  # (B, T, H)
        own = reversed_steps(own, lengths) if direction else own
        states = own if direction == 0 else np.concatenate([states, own], axis=2)  # noqa: F821
    last = np.concatenate([record.h[-1] for record in records[-directions:]], axis=1)
    return states, last, records


def gates_and_states(network, p, x, layer, reverse=False):
    """Gates z and states h (T, H) of one cell on one sequence x (T, D), row t those of step t.

    `layer` counts from 0. Rows of a reverse cell, which begins at the end, are in the order of x
    too.
    """
    lengths = np.array([len(x)])
    records = forward(network, p, x[None], lengths)[2]
    record = records[layer * network.n_directions + reverse]
    gates, states = record.z[:, 0], record.h[1:, 0]
    return (gates[::-1], states[::-1]) if reverse else (gates, states)


def backward(network, lengths, records, upstream, gradient, dropped=None, lowest=0):
    """Go back through all cells from `upstream`, the gradient of the last layer's states (B, T, R).

    Adds to the named parts of `gradient`; returns the gradients of x (B, T, D) and h0 (B, C, H).
    """
    H, directions = network.hidden_size, network.n_directions
    parts = cell_parts(network, gradient)
    d_h0 = np.zeros((len(lengths), network.n_cells, H), dtype=upstream.dtype)
    d_x = None
    for layer in reversed(range(lowest, network.n_layers)):
        d_x = 0
        for direction in range(directions):
            c = layer * directions + direction
            own = upstream[..., direction * H : (direction + 1) * H]
            own = reversed_steps(own, lengths) if direction else own
            cell, read, h, z, candidate = records[c]
            d_read, d_h0[:, c] = _cell.backward(
                network, cell, read, lengths, h, z, candidate, own.swapaxes(0, 1), parts[c]
            )
            d_x = d_x + (reversed_steps(d_read, lengths) if direction else d_read)
        if layer > lowest:
            upstream = d_x if dropped is None else d_x * dropped(layer - 1)
    return d_x, d_h0


def masks(network, dropout, positions, n_steps, dtype):
    """A function layer -> what its states (B, T, R) are multiplied by, or None."""
    if dropout.rate == 0:
        return None
    R = network.n_states
    return lambda layer: mask(dropout, positions, layer, n_steps * R, dtype).reshape(-1, n_steps, R)
