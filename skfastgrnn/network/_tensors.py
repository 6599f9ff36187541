"""The parameters of a network: one flat vector, and its parts by name.

==============  ======================  =====================================================
name            shape                   in the equations
==============  ======================  =====================================================
W               (hidden, inputs)        W, of what the cell reads
U               (hidden, hidden)        U, of the previous state
head_weight     (outputs, states)       V, of the linear head
bias_gate       (hidden,)               b_z
bias_update     (hidden,)               b_h
zeta_hat        (1,)                    ζ = σ(zeta_hat)
nu_hat          (1,)                    ν = σ(nu_hat)
head_bias       (outputs,)              b, of the linear head
==============  ======================  =====================================================

Each further cell has its own, whose names end in ``_2`` for the second layer and so on, and in
``_reverse`` for the cell that goes backward: ``W_2_reverse``. Weight decay shrinks W, U and
head_weight, which therefore come first (`n_decayed`). The compiled kernel knows the same order
(kernels/c/layout.h).
"""

import math
from functools import lru_cache

import numpy as np

MATRICES = ("W", "U")
VECTORS = ("bias_gate", "bias_update", "zeta_hat", "nu_hat")


def cell_endings(network):
    """How the names of each cell's parameters end, in the order of cells."""
    return [
        ("" if layer == 0 else f"_{layer + 1}") + direction
        for layer in range(network.n_layers)
        for direction in ("", "_reverse")[: network.n_directions]
    ]


def shapes(network):
    """Shape of every parameter by name, in the order of the flat vector."""
    H, O, R = network.hidden_size, network.n_outputs, network.n_states  # noqa: E741
    endings = cell_endings(network)
    inputs = [network.n_channels if c < network.n_directions else R for c in range(len(endings))]
    matrices = {
        name + ending: (H, D if name == "W" else H)
        for ending, D in zip(endings, inputs, strict=True)
        for name in MATRICES
    }
    vectors = {
        name + ending: (1,) if name in ("zeta_hat", "nu_hat") else (H,)
        for ending in endings
        for name in VECTORS
    }
    return {**matrices, "head_weight": (O, R), **vectors, "head_bias": (O,)}


def cell_parts(network, parts):
    """The parameters of each cell by their plain names, from those of a network."""
    return [
        {name: parts[name + ending] for name in MATRICES + VECTORS}
        for ending in cell_endings(network)
    ]


def n_parameters(network):
    """Length of the flat vector."""
    return sum(math.prod(shape) for shape in shapes(network).values())


def zeros(network, dtype):
    """A flat vector of zeros; a MemoryError says what makes the network too large."""
    count = n_parameters(network)
    try:
        return np.zeros(count, dtype=dtype)
    except (MemoryError, OverflowError, ValueError) as error:  # the last two beyond all addresses
        raise MemoryError(
            f"hidden_size={network.hidden_size}, n_layers={network.n_layers}, "
            f"{network.n_channels} channels and {network.n_outputs} outputs make {count} "
            "parameters, for which there is not enough memory; lower hidden_size or n_layers."
        ) from error


def n_decayed(network):
    """Length of the leading part of the flat vector that weight decay applies to."""
    decayed = [shape for shape in shapes(network).values() if len(shape) == 2]
    return sum(math.prod(shape) for shape in decayed)


def named_views(network, flat):
    """The parts of a flat vector by name, as views that share its memory."""
    return {name: flat[part].reshape(shape) for name, part, shape in layout(network)}


@lru_cache(maxsize=32)
def layout(network):
    """(name, slice, shape) of each part of the flat vector, in its order."""
    parts, start = [], 0
    for name, shape in shapes(network).items():
        stop = start + math.prod(shape)
        parts.append((name, slice(start, stop), shape))
        start = stop
    return tuple(parts)
