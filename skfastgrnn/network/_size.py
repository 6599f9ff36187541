"""What a device stores of a network, in bytes, and what it computes in a time step.

Without `bits`, every number is stored in single precision, whatever the precision of training; with
them, the network is stored in integers.

A matrix with weights that are 0 may be stored as the other weights and a bitmap of where they are,
with one bit for each group of so many consecutive weights of a row, which is stored whole or not at
all. Where few are left, a list is shorter: in integers of the gaps between them, in single
precision of their columns and of their number in each row, and one of zeros is not stored at all.
Each matrix is stored in the form that takes the fewest bytes.
"""

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from ._gaps import gaps_of
from ._rounding import integers
from ._tensors import HEAD, by_kind, named_views, tensors

#: What bytes are counted of. "head" is everything of the head and of its pooling.
SIZE_PARTS = ("weights", "masks", "scales", "biases", "layers", "tables", "normaliser", "head")
#: Bytes of a number in single precision.
FLOAT = 4
# Bytes of a network in integers (network/_integer.py):
#: of the multiplier of a row, and of the shift of a matrix;
MULTIPLIER, SHIFT = 2, 1
#: of the two biases of a hidden unit;
BIASES_OF_UNIT = 4
#: of ζ and ν of a cell, and of the units of its biases and of its state;
OF_CELL = 6
#: of a bias of the head, and of the unit of all outputs;
BIAS_OF_HEAD, OF_OUTPUTS = 4, 1
#: of center and factor that make integers of the values of a channel, or numbers of an output;
AFFINE = 8
#: of the tables of the logistic function and of powers of two, 33 and 17 numbers.
SIGMOID_TABLE, EXP2_TABLE = 66, 34
#: Widths of the groups of weights that a bitmap may have a bit for.
BLOCK_SIZES = (1, 2, 4, 8)
#: What stands for the width of groups of a matrix that is stored with a list of gaps.
GAPS = 0
#: Multiplications of a hidden unit in its update: ν + ζ (1 - z) takes one, its product with the
#: candidate another, and that of z with the state before a third.
OF_UNIT = 3
#: Of an address of a 32-bit processor; numbers in a struct fill up to a multiple of it.
ADDRESS = 4
#: Those of a state in attention: its part of the score, and of the weighted mean.
OF_ATTENTION = 2


class StoredMatrix(NamedTuple):
    """How a matrix is stored: the number of its weights, and the bytes of bitmap or lists."""

    n_weights: int
    mask: int = 0


def bytes_of_weights(network, n_weights):
    """Bytes of the weights of a matrix; two of 4 bits share one."""
    return ceil(n_weights * (network.bits or 8 * FLOAT) / 8)


def bytes_of_index(network):
    """Bytes of a column in a list, or of a number of columns."""
    widest = max(tensor.shape[-1] for tensor in tensors(network) if tensor.kind.decayed)
    return 1 if widest < 256 else 2


def stored_matrices(network, parameters):
    """`StoredMatrix` of every matrix, by name: the form of the fewest bytes."""

    def n_bytes(form):
        return bytes_of_weights(network, form.n_weights) + form.mask

    parts, found = named_views(network, parameters), by_kind(network)
    stored = {}
    for (kind, cell), tensor in found.items():
        if tensor.kind.decayed:
            rows = np.atleast_2d(parts[tensor.name])
            if network.bits is not None:  # a weight may round to 0
                log_steps = parts[found[f"{kind}_log_step", cell].name]
                rows = integers(rows, log_steps, network.bits)
            forms = forms_of(rows)
            if network.bits is None:
                forms += lists_of(rows, bytes_of_index(network))
            else:
                forms.append(StoredMatrix(np.count_nonzero(rows), len(gaps_of(rows != 0))))
            stored[tensor.name] = min(forms, key=n_bytes)
    return stored


def forms_of(rows):
    """The forms that weights (n_rows, n_columns) can be stored in: whole, or with a bitmap."""
    n_columns = rows.shape[1]
    forms = [StoredMatrix(rows.size)]
    for block_size in BLOCK_SIZES if np.any(rows == 0) else ():
        starts = np.arange(0, n_columns, block_size)
        is_kept = np.logical_or.reduceat(rows != 0, starts, axis=1)
        lengths = np.diff(starts, append=n_columns)
        forms.append(StoredMatrix(int((is_kept * lengths).sum()), ceil(is_kept.size / 8)))
    return forms


def lists_of(rows, index):
    """The form of weights with lists, in a list, or what is left of zeros.

    index : bytes of a column
    """
    n_kept = int(np.count_nonzero(rows))
    if n_kept == rows.size:
        return []
    return [StoredMatrix(n_kept, index * (n_kept + len(rows)) if n_kept else 0)]


def whole_matrices(network):
    """`StoredMatrix` of every matrix of a network without a weight that is 0."""
    return {
        tensor.name: StoredMatrix(prod(tensor.shape))
        for tensor in tensors(network)
        if tensor.kind.decayed
    }


def bytes_by_part(network, stored=None, *, is_regression=False):
    """Bytes of a network by `SIZE_PARTS`.

    stored : dict of `StoredMatrix` by name; None for matrices without a weight that is 0
    is_regression : whether outputs are numbers in the units of the targets
    """
    stored = whole_matrices(network) if stored is None else stored
    sizes = dict.fromkeys(SIZE_PARTS, 0)
    for tensor in tensors(network):
        of_head = tensor.kind.name in HEAD
        if tensor.name in stored:
            n_weights, mask = stored[tensor.name]
            sizes["head" if of_head else "weights"] += bytes_of_weights(network, n_weights)
            sizes["head" if of_head else "masks"] += mask
        elif network.bits is None:
            sizes["head" if of_head else "biases"] += prod(tensor.shape) * FLOAT
        elif tensor.kind.name.endswith("_log_step"):
            sizes["head" if of_head else "scales"] += prod(tensor.shape) * MULTIPLIER + SHIFT
    if network.bits is not None:
        of_cell = network.hidden_size * BIASES_OF_UNIT + OF_CELL
        sizes["biases"] += network.n_cells * of_cell
        sizes["head"] += network.n_outputs * BIAS_OF_HEAD + OF_OUTPUTS
        sizes["head"] += network.n_outputs * AFFINE * is_regression
        sizes["normaliser"] += network.n_channels * AFFINE
        sizes["layers"] += bytes_of_layers(
            network.n_cells,
            2 + (network.rank_w is not None) + (network.rank_u is not None),
            any(matrix.mask > 0 for matrix in stored.values()),
            max(network.n_channels, network.hidden_size * network.n_cells, network.n_outputs),
        )
        if {"sigmoid", "tanh"} & {network.gate_activation, network.update_activation}:
            sizes["tables"] += SIGMOID_TABLE
        if network.pooling == "attention":
            sizes["tables"] += EXP2_TABLE
    return sizes


def bytes_of_layers(n_cells, n_matrices, has_masks, largest):
    """Bytes by which one function computes several cells: addresses and sizes of their arrays.

    They are the structs of kernels/c/integer/fastgrnn_integer.h, without what other parts count. Of
    a single cell there are none, as they are constants of its function.

    n_matrices : of a cell
    has_masks : whether a matrix of the network is stored with a mask
    largest : of its sizes, which have a byte if it fits
    """
    if n_cells == 1:
        return 0
    sizes = ADDRESS if largest < 256 else 2 * ADDRESS  # rows, columns, shift, width of groups
    of_matrix = (2 + has_masks) * ADDRESS + sizes - SHIFT
    of_biases = 2 * ADDRESS
    of_numbers = 2 * ADDRESS - OF_CELL  # two of ζ and ν, and two that fill up an address
    return n_cells * (n_matrices * of_matrix + of_biases + of_numbers)


def n_operations_per_step(network, stored=None):
    """Multiply-adds of a time step: one for each stored weight of a cell, and those of its units.

    Without what happens once in a sequence: the head.

    stored : dict of `StoredMatrix` by name; None for matrices without a weight that is 0
    """
    stored = whole_matrices(network) if stored is None else stored
    cells = [tensor.name for tensor in tensors(network) if tensor.cell is not None]
    products = sum(stored[name].n_weights for name in cells if name in stored)
    of_pooling = OF_ATTENTION * network.n_states if network.pooling == "attention" else 0
    return products + OF_UNIT * network.hidden_size * network.n_cells + of_pooling
