"""Weights of few bits: integers times a step for each row.

A row w is rounded to s clip(round(w / s), -L, L), with L = 127 for 8 bits and 7 for 4. The
parameters of a network with `bits` hold w and log s; what it computes uses the rounded rows.
"""

import numpy as np

from ._spec import LEVELS
from ._tensors import by_kind, n_parameters, named_views

#: The step of a row of zeros is that of weights which reach so far.
REACH_OF_ZEROS = 0.1
#: A row with no larger weight is one of zeros.
SMALLEST = 1e-30
#: Where the search for a step of 4 bits looks, relative to the one that clips nothing. In a short
#: row weights may lie nearer to the multiples of a longer step.
SHARES = np.linspace(0.3, 3.0, 271)


def steps(log_steps):
    """The steps s of rows, of the dtype of their logarithms.

    They are computed in double precision, in which both kernels get the same single ones.
    """
    return np.exp(log_steps.astype(np.float64)).astype(log_steps.dtype)


def integers(weights, log_steps, bits):
    """The integers (rows, columns) of weights, as numbers of their dtype."""
    nearest = np.rint(weights / steps(log_steps)[:, None])
    return np.clip(nearest, -LEVELS[bits], LEVELS[bits])


def first_log_steps(weights, bits):
    """Logarithms of steps (rows,) for weights (rows, columns) that have not been rounded yet.

    With 8 bits the step that the largest weight of the row is 127 of; with 4 bits, where the loss
    of resolution counts for more than a clipped weight, the one of least squared error.
    """
    weights = weights.astype(np.float64)
    largest = np.abs(weights).max(axis=1)
    largest[largest < SMALLEST] = REACH_OF_ZEROS
    log_steps = np.log(largest / LEVELS[bits])
    if bits == 8:
        return log_steps
    candidates = log_steps + np.log(SHARES)[:, None]  # (candidates, rows)
    errors = [
        np.sum((np.exp(tried)[:, None] * integers(weights, tried, bits) - weights) ** 2, axis=1)
        for tried in candidates
    ]
    return candidates[np.argmin(errors, axis=0), np.arange(len(weights))]


def set_log_steps(network, flat):
    """Let the steps begin from the weights, in place; nothing happens without `bits`."""
    if network.bits is None:
        return
    parts, tensors = named_views(network, flat), by_kind(network)
    for (kind, cell), tensor in tensors.items():
        if tensor.kind.decayed:
            log_steps = parts[tensors[f"{kind}_log_step", cell].name]
            rows = parts[tensor.name].reshape(len(log_steps), -1)
            log_steps[...] = first_log_steps(rows, network.bits)


def with_log_steps(network, unrounded):
    """The parameters of a network with `bits`, from those of the same one without."""
    flat = np.zeros(n_parameters(network), dtype=unrounded.dtype)
    flat[: len(unrounded)] = unrounded
    set_log_steps(network, flat)
    return flat
