"""Matrices in single precision: stored whole, or as some of their weights."""

from dataclasses import dataclass

import numpy as np

from ..network import BLOCK_SIZES
from ._c_text import array

BYTES = {"float": 4, "uint8_t": 1, "uint16_t": 2}


@dataclass(frozen=True, eq=False)
class FloatMatrix:
    """How a matrix is stored.

    function : name of the function of runtime/fastgrnn_float.c that multiplies by it; None for a
        matrix of zeros, by which nothing is multiplied
    arrays : (C type, ending of the name, values) of its constants
    settings : arguments of that function behind the arrays
    n_columns : None where the function needs no number of columns
    """

    n_rows: int
    function: str | None
    arrays: tuple = ()
    settings: tuple = ()
    n_columns: int | None = None

    def data(self, name):
        """Definitions of the constants."""
        return "".join(array(c_type, f"{name}{end}", v) for c_type, end, v in self.arrays)

    def call(self, name, x, y):
        """The statement y += matrix x."""
        names = [f"{name}{end}" for _, end, _ in self.arrays]
        columns = [] if self.n_columns is None else [str(self.n_columns)]
        arguments = [*names, *map(str, self.settings), x, *columns, y, str(self.n_rows)]
        return f"{self.function}({', '.join(arguments)});"


def stored(weights, index_bits):
    """The `FloatMatrix` of fewest bytes of weights (n_rows, n_columns).

    index_bits : 8 or 16, of an index of a list
    """
    if not weights.any():
        return FloatMatrix(len(weights), None)
    forms = [whole(weights)]
    if np.any(weights == 0):
        forms += [masked(weights, size) for size in BLOCK_SIZES]
        forms.append(listed(weights, index_bits))
    return min(forms, key=n_bytes)


def n_bytes(matrix):
    """Bytes of the constants of a `FloatMatrix`."""
    return sum(np.size(values) * BYTES[c_type] for c_type, _, values in matrix.arrays)


def whole(weights):
    """All of the weights."""
    rows, columns = weights.shape
    return FloatMatrix(rows, "add_product", (("float", "", weights),), (), columns)


def masked(weights, block_size):
    """Blocks of a row with a weight that is not 0, and a bit for each block."""
    rows, columns = weights.shape
    starts = np.arange(0, columns, block_size)
    is_kept = np.logical_or.reduceat(weights != 0, starts, axis=1)
    kept = weights[np.repeat(is_kept, np.diff(starts, append=columns), axis=1)]
    mask = np.packbits(is_kept.ravel(), bitorder="little")
    arrays = (("float", "", kept), ("uint8_t", "_mask", mask))
    if block_size == 1:
        return FloatMatrix(rows, "add_masked_product", arrays, (), columns)
    return FloatMatrix(rows, "add_block_product", arrays, (block_size,), columns)


def listed(weights, index_bits):
    """The weights that are not 0, the number of those of each row, and the column of each."""
    is_kept = weights != 0
    c_type = f"uint{index_bits}_t"
    arrays = (
        ("float", "", weights[is_kept]),
        (c_type, "_counts", is_kept.sum(axis=1)),
        (c_type, "_columns", np.nonzero(is_kept)[1]),
    )
    return FloatMatrix(len(weights), "add_listed_product", arrays)
