"""Compressed networks for the tests."""

import numpy as np

from skfastgrnn.kernels import Frozen, active_kernel
from skfastgrnn.network import named_views

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


class Calls(list):
    """The calls of `train_epoch` of the fits to come.

    Each is a dict of the network, the number of rows, copies of the matrices before and after, and
    the entries that are trained (None for all).
    """

    def __init__(self, monkeypatch):
        super().__init__()
        kernel = active_kernel()
        original = kernel.train_epoch

        def recorded(network, parameters, sequences, targets, loss, rows, optimizer, *rest, **more):
            before = parameters.copy()
            totals = original(
                network, parameters, sequences, targets, loss, rows, optimizer, *rest, **more
            )
            parametrization = more["parametrization"]
            trained = None
            if isinstance(parametrization, Frozen):
                trained = named_views(network, parametrization.trained.copy())
            self.append(
                {
                    "network": network,
                    "n_rows": len(rows),
                    "before": named_views(network, before),
                    "after": named_views(network, parameters.copy()),
                    "moments": named_views(network, optimizer.first.copy()),
                    "trained": trained,
                }
            )
            return totals

        monkeypatch.setattr(kernel, "train_epoch", recorded)
