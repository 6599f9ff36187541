"""What a device stores of a network, in bytes, and what it computes in a time step.

A float model is stored in single precision, whatever the precision of its training. A matrix with
weights that are 0 is stored as its other weights and a bitmap of where they are, if that is
shorter: one bit for each group of `block_size` consecutive weights of a row, which is stored whole
or not at all.
"""

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from ._tensors import HEAD, named_views, tensors

#: Bytes of a number of a float model: single precision.
FLOAT = 4
#: What bytes are counted of. "head" is everything of the head and of its pooling.
SIZE_PARTS = ("weights", "masks", "scales", "biases", "tables", "normaliser", "head")
#: Multiplications of a hidden unit in its update: ν + ζ (1 - z) takes one, its product with the
#: candidate another, and that of z with the state before a third.
OF_UNIT = 3


class StoredMatrix(NamedTuple):
    """Weights of a matrix that are stored, and bytes of its bitmap, 0 where it has none."""

    n_weights: int
    mask: int


def n_groups(shape, block_size):
    """Groups of a matrix; the last one of a row may be shorter."""
    return prod(shape[:-1]) * ceil(shape[-1] / block_size)


def kept_weights(network, parameters, block_size=1):
    """Weights of every matrix, by name, in groups that are not entirely 0."""
    parts = named_views(network, parameters)
    kept = {}
    for tensor in tensors(network):
        if tensor.kind.decayed:
            rows = np.atleast_2d(parts[tensor.name])
            starts = np.arange(0, rows.shape[1], block_size)
            is_kept = np.logical_or.reduceat(rows != 0, starts, axis=1)
            lengths = np.diff([*starts, rows.shape[1]])
            kept[tensor.name] = int((is_kept * lengths).sum())
    return kept


def stored_matrices(network, kept=None, block_size=1):
    """`StoredMatrix` of every matrix, by name.

    kept : dict of the numbers of weights that are not dropped, by name; those of other matrices are
        stored whole
    """
    stored = {}
    for tensor in tensors(network):
        if tensor.kind.decayed:
            whole = StoredMatrix(prod(tensor.shape), 0)
            masked = StoredMatrix(
                (kept or {}).get(tensor.name, whole.n_weights),
                ceil(n_groups(tensor.shape, block_size) / 8),
            )
            stored[tensor.name] = min(masked, whole, key=n_bytes_of_matrix)
    return stored


def n_bytes_of_matrix(stored):
    """Bytes of a matrix, its bitmap included."""
    return stored.n_weights * FLOAT + stored.mask


def bytes_by_part(network, kept=None, block_size=1):
    """Bytes of a float model by `SIZE_PARTS`."""
    sizes = dict.fromkeys(SIZE_PARTS, 0)
    stored = stored_matrices(network, kept, block_size)
    for tensor in tensors(network):
        of_head = tensor.kind.name in HEAD
        if tensor.name in stored:
            n_weights, mask = stored[tensor.name]
            sizes["head" if of_head else "weights"] += n_weights * FLOAT
            sizes["head" if of_head else "masks"] += mask
        else:
            sizes["head" if of_head else "biases"] += prod(tensor.shape) * FLOAT
    return sizes


def n_operations_per_step(network, kept=None, block_size=1):
    """Multiply-adds of a time step: one for each stored weight of a cell, and those of its units.

    Without what happens once in a sequence: the head.
    """
    stored = stored_matrices(network, kept, block_size)
    of_cells = [tensor.name for tensor in tensors(network) if tensor.cell is not None]
    products = sum(stored[name].n_weights for name in of_cells if name in stored)
    return products + OF_UNIT * network.hidden_size * network.n_cells
