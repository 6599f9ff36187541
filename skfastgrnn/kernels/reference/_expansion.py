r"""From the parameters θ of a network of low rank or few bits to those that are computed with.

Cells and head read whole matrices, those of `network.dense`. Every matrix of θ is rounded first,
where the network has `bits`; then factors are multiplied:

.. math::

    \hat w = s \, \mathrm{clip}(\mathrm{round}(w / s), -L, L), \qquad W = \hat W_1 \hat W_2

Rounding passes the gradient of what it does not clip straight through to w, and that of s by what
it has added: Esser et al., *Learned Step Size Quantization*, ICLR 2020, equations 3 and 5. Since θ
holds log s, a step moves relatively to its size, and needs no rate of its own.

The twin of c/expansion.h.
"""

import numpy as np

from ...network import FACTORS, LEVELS, by_kind, integers, n_parameters, named_views, steps


def computed(network, theta):
    """What is computed in place of a network and its parameters: `network.dense` and its own."""
    dense = network.dense
    return (network, theta) if dense is network else (dense, expand(network, theta))


def expand(network, theta):
    """The parameters of `network.dense`, of those of a network; the same array where it is dense.

    theta (P,), the result (P of `network.dense`,) of its dtype.
    """
    if network.dense is network:
        return theta
    rounded = rounded_parts(network, theta)
    flat = np.empty(n_parameters(network.dense), dtype=theta.dtype)
    made = named_views(network.dense, flat)
    for (kind, cell), tensor in by_kind(network.dense).items():
        if (kind, cell) in rounded:
            made[tensor.name][...] = rounded[kind, cell]
        else:
            left, right = FACTORS[kind]
            made[tensor.name][...] = rounded[left, cell] @ rounded[right, cell]
    return flat


def pull_back(network, theta, gradient):
    """The gradient (P,) of theta, of that of `expand(network, theta)`; itself where it is dense."""
    if network.dense is network:
        return gradient
    rounded = rounded_parts(network, theta)
    flat = np.zeros_like(theta)
    given, made = named_views(network.dense, gradient), named_views(network, flat)
    own = by_kind(network)
    for (kind, cell), tensor in by_kind(network.dense).items():
        d = given[tensor.name]
        if (kind, cell) in own:
            made[own[kind, cell].name][...] = d
        else:
            left, right = FACTORS[kind]
            made[own[left, cell].name][...] = d @ rounded[right, cell].T
            made[own[right, cell].name][...] = rounded[left, cell].T @ d
    if network.bits is not None:
        pull_back_rounding(network, named_views(network, theta), made)
    return flat


def rounded_parts(network, theta):
    """The parts of theta by kind and cell, the matrices rounded where the network has `bits`."""
    parts, found = named_views(network, theta), by_kind(network)
    rounded = {}
    for (kind, cell), tensor in found.items():
        part = rounded[kind, cell] = parts[tensor.name]
        if network.bits is not None and tensor.kind.decayed:
            log_steps = parts[found[f"{kind}_log_step", cell].name]
            rows = part.reshape(len(log_steps), -1)
            whole = integers(rows, log_steps, network.bits)
            rounded[kind, cell] = (steps(log_steps)[:, None] * whole).reshape(part.shape)
    return rounded


def pull_back_rounding(network, parts, gradient):
    """From the gradient of rounded matrices to that of weights and log s, in place."""
    found, most = by_kind(network), LEVELS[network.bits]
    for (kind, cell), tensor in found.items():
        if not tensor.kind.decayed:
            continue
        name = found[f"{kind}_log_step", cell].name
        log_steps = parts[name]
        shape = (len(log_steps), -1)
        step, d = steps(log_steps)[:, None], gradient[tensor.name].reshape(shape)
        scaled = parts[tensor.name].reshape(shape) / step
        nearest = np.rint(scaled)
        kept = np.abs(nearest) <= most
        # ∂ŵ/∂s is round(w / s) - w / s where nothing is clipped, and ±L where it is.
        slope = np.where(kept, nearest - scaled, np.clip(nearest, -most, most))
        gradient[name][...] = np.sum(d * step * slope, axis=1)
        d *= kept
