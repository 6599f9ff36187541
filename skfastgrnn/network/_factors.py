"""Factors of low rank, and what a network has learned as parameters of another one."""

import numpy as np

from ._rounding import set_log_steps
from ._tensors import FACTORS, by_kind, named_views, zeros


def largest_ranks(network):
    """The largest rank that any cell has room for: a dict of `rank_w` and `rank_u`."""
    widest = network.n_channels
    if network.n_layers > 1:
        widest = max(widest, network.n_states)
    return {"rank_w": min(network.hidden_size, widest), "rank_u": network.hidden_size}


def best_factors(matrix, rank):
    """Factors (rows, rank) and (rank, columns) of the nearest matrix of that rank.

    They share the singular values, so that both have the same norm. (Nearest by Frobenius' norm:
    Eckart & Young, *The approximation of one matrix by another of lower rank*, 1936.)
    """
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    roots = np.sqrt(values[:rank])
    # Singular vectors are unique only up to their sign: let the largest entry be positive.
    largest = np.abs(left[:, :rank]).argmax(axis=0)
    roots_signed = roots * np.where(left[largest, np.arange(rank)] < 0, -1.0, 1.0)
    first, second = left[:, :rank] * roots_signed, roots_signed[:, None] * right[:rank]
    return first.astype(matrix.dtype), second.astype(matrix.dtype)


def converted(network, flat, wanted):
    """The parameters of the network `wanted`, of those of a network, which has other ranks or bits.

    Factors are the best ones of what the matrix was, matrices the products of what the factors
    were. Steps that were there stay where their matrix does, others begin from the weights.

    Parameters
    ----------
    network, wanted : Network
        Equal but for `rank_w`, `rank_u` and `bits`.
    flat : ndarray of shape (P,)

    Returns
    -------
    ndarray of shape (P of `wanted`,), a new one
    """
    if network == wanted:
        return flat.copy()
    parts, found = named_views(network, flat), by_kind(network)
    given = {key: parts[tensor.name] for key, tensor in found.items()}
    result = zeros(wanted, flat.dtype)
    made, needed = named_views(wanted, result), by_kind(wanted)
    kept = [key for key in needed if key in given and needed[key].shape == found[key].shape]
    for kind, factors in FACTORS.items():
        for cell in range(wanted.n_cells):
            keys = [(name, cell) for name in (kind, *factors) if (name, cell) in needed]
            if set(keys) <= set(kept):
                continue
            kept = [key for key in kept if key not in keys]
            whole = given.get((kind, cell))
            if whole is None:
                whole = given[factors[0], cell] @ given[factors[1], cell]
            tensors = [needed[key] for key in keys]
            values = [whole] if len(keys) == 1 else best_factors(whole, tensors[0].shape[1])
            for tensor, value in zip(tensors, values, strict=True):
                made[tensor.name][...] = value
    ends = "_log_step"
    is_step = {key: key[0].endswith(ends) for key in needed}
    for key in kept:
        if not is_step[key]:
            made[needed[key].name][...] = given[key]
    set_log_steps(wanted, result)
    if network.bits == wanted.bits:
        for key in kept:
            if is_step[key] and (key[0].removesuffix(ends), key[1]) in kept:
                made[needed[key].name][...] = given[key]
    return result
