"""The parameters of a network: one flat vector, and its parts by name.

=====================  ==================  ======================================================
name                   shape               in the equations
=====================  ==================  ======================================================
W                      (hidden, inputs)    W, of what the cell reads
W1, W2                 (hidden, rank),     factors of W = W1 W2, in its place with `rank_w`
                       (rank, inputs)
U                      (hidden, hidden)    U, of the previous state
U1, U2                 (hidden, rank),     factors of U = U1 U2, in its place with `rank_u`
                       (rank, hidden)
head_weight            (outputs, states)   V, of the linear head
attention              (states,)           v, which scores steps, with `pooling` "attention"
bias_gate              (hidden,)           b_z
bias_update            (hidden,)           b_h
zeta_hat               (1,)                ζ = σ(zeta_hat)
nu_hat                 (1,)                ν = σ(nu_hat); without it, with `bounded`, ν = 0
head_bias              (outputs,)          b, of the linear head
W_log_step and so on   (rows,)             log s of every row of every matrix, with `bits`
=====================  ==================  ======================================================

Each further cell has its own, whose names end in ``_2`` for the second layer and so on, and in
``_reverse`` for the cell that goes backward: ``W_2_reverse``. Weight decay shrinks the matrices,
which therefore come first (`n_decayed`). The logarithms of steps come last, so that a vector
without rounding is the beginning of one with it. All of this derives from `TABLE`; the compiled
kernel has the same table (kernels/c/layout.h), and a test compares the two.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np


def always(network):
    """Whether a network has a tensor that each has."""
    return True


class Kind(NamedTuple):
    """A tensor that every cell has, or the head.

    shape : one letter an axis, as in kernels/c/kernel.h: H hidden, D inputs of the cell, O outputs,
        R states that the head reads, K and L the ranks of W and U
    when : whether a network has it
    """

    name: str
    shape: str
    decayed: bool
    of_cell: bool
    when: Callable = always


def matrix(name, shape, of_cell=True, when=always):
    """A matrix, or a vector that is one row: decayed, and rounded where a network has `bits`."""
    return Kind(name, shape, decayed=True, of_cell=of_cell, when=when)


def log_step(kind):
    """The logarithms of the steps that the rows of a matrix are rounded to."""
    return Kind(
        f"{kind.name}_log_step",
        kind.shape[:-1] or "1",
        decayed=False,
        of_cell=kind.of_cell,
        when=lambda network: network.bits is not None and kind.when(network),
    )


#: What weight decay shrinks and `bits` round.
MATRICES = (
    matrix("W", "HD", when=lambda network: network.rank_w is None),
    matrix("W1", "HK", when=lambda network: network.rank_w is not None),
    matrix("W2", "KD", when=lambda network: network.rank_w is not None),
    matrix("U", "HH", when=lambda network: network.rank_u is None),
    matrix("U1", "HL", when=lambda network: network.rank_u is not None),
    matrix("U2", "LH", when=lambda network: network.rank_u is not None),
    matrix("head_weight", "OR", of_cell=False),
    matrix("attention", "R", of_cell=False, when=lambda network: network.pooling == "attention"),
)

#: In the order of the flat vector, in which a run of neighbours of one cell is repeated cell by
#: cell.
TABLE = (
    *MATRICES,
    Kind("bias_gate", "H", decayed=False, of_cell=True),
    Kind("bias_update", "H", decayed=False, of_cell=True),
    Kind("zeta_hat", "1", decayed=False, of_cell=True),
    Kind("nu_hat", "1", decayed=False, of_cell=True, when=lambda network: not network.bounded),
    Kind("head_bias", "O", decayed=False, of_cell=False),
    *map(log_step, MATRICES),
)

#: Factors by the matrix that they make.
FACTORS = {"W": ("W1", "W2"), "U": ("U1", "U2")}
#: Names of tensors that the head may have.
HEAD = tuple(kind.name for kind in TABLE if not kind.of_cell)
#: Names of those that have a row for each output.
OF_OUTPUTS = tuple(kind.name for kind in TABLE if kind.shape[0] == "O")


class Tensor(NamedTuple):
    """A part of the flat vector. `cell` is the number of its cell, or None for the head."""

    name: str
    kind: Kind
    cell: int | None
    shape: tuple
    part: slice


def cell_endings(network):
    """How the names of each cell's parameters end, in the order of cells."""
    return [
        ("" if layer == 0 else f"_{layer + 1}") + direction
        for layer in range(network.n_layers)
        for direction in ("", "_reverse")[: network.n_directions]
    ]


@lru_cache(maxsize=32)
def tensors(network):
    """The parts of the flat vector, in its order."""
    sizes = {"H": network.hidden_size, "O": network.n_outputs, "R": network.n_states, "1": 1}
    found, start = [], 0
    for of_cell, run in groupby(TABLE, key=lambda kind: kind.of_cell):
        owners = enumerate(cell_endings(network)) if of_cell else [(None, "")]
        kinds = [kind for kind in run if kind.when(network)]
        for cell, ending in owners:
            reads_channels = cell is not None and cell < network.n_directions
            sizes["D"] = network.n_channels if reads_channels else network.n_states
            sizes["K"] = min(network.rank_w or sizes["D"], sizes["D"], sizes["H"])
            sizes["L"] = min(network.rank_u or sizes["H"], sizes["H"])
            for kind in kinds:
                shape = tuple(sizes[axis] for axis in kind.shape)
                stop = start + math.prod(shape)
                found.append(Tensor(kind.name + ending, kind, cell, shape, slice(start, stop)))
                start = stop
    return tuple(found)


def by_kind(network):
    """The parts of the flat vector by the names of their kind and the numbers of their cell."""
    return {(tensor.kind.name, tensor.cell): tensor for tensor in tensors(network)}


def shapes(network):
    """Shape of every parameter by name, in the order of the flat vector."""
    return {tensor.name: tensor.shape for tensor in tensors(network)}


def cell_parts(network, parts):
    """The parameters of each cell by their plain names, from those of a network."""
    cells = [{} for _ in range(network.n_cells)]
    for tensor in tensors(network):
        if tensor.cell is not None:
            cells[tensor.cell][tensor.kind.name] = parts[tensor.name]
    return cells


def n_parameters(network):
    """Length of the flat vector."""
    return tensors(network)[-1].part.stop


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


@lru_cache(maxsize=32)
def n_decayed(network):
    """Length of the leading part of the flat vector that weight decay applies to."""
    return max(tensor.part.stop for tensor in tensors(network) if tensor.kind.decayed)


def named_views(network, flat):
    """The parts of a flat vector by name, as views that share its memory."""
    return {tensor.name: flat[tensor.part].reshape(tensor.shape) for tensor in tensors(network)}
