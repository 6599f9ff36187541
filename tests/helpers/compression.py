"""Compressed networks for the tests."""

import numpy as np

#: Kinds of matrices by the density that applies to them.
PRUNED = {"density_w": ("W", "W1", "W2"), "density_u": ("U", "U1", "U2")}


def matrices(model, density):
    """The matrices of all cells that a density applies to, by name."""
    return {
        name: part
        for name, part in model.params_.items()
        if name.split("_")[0] in PRUNED[density] and "log_step" not in name
    }


def kept_groups(matrix, block_size=1):
    """How many groups of neighbours in a row have a weight that is not 0."""
    return sum(
        bool(np.any(row[start : start + block_size]))
        for row in matrix
        for start in range(0, len(row), block_size)
    )


def n_groups(matrix, block_size=1):
    """How many groups a matrix has."""
    return len(matrix) * len(range(0, matrix.shape[1], block_size))


def check_supports(model):
    """Just so many weights as the compression of a model says are not 0, in every matrix."""
    compression, n_checked = model.compression, 0
    for name in PRUNED:
        density, size = getattr(compression, name), compression.block_size
        for matrix in matrices(model, name).values() if density is not None else ():
            expected = max(1, round(density * n_groups(matrix, size)))
            assert kept_groups(matrix, size) == expected
            n_checked += 1
    assert n_checked


def zeros(model):
    """Where weights of the model are 0, by name."""
    return {name: (part == 0).tolist() for name, part in model.params_.items() if part.ndim == 2}
