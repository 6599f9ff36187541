"""The numbers of a network in single precision, a scaler in front of it folded in."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from ..compression._affine import IDENTITY
from ..compression._fold_scaler import fold
from ..estimators._fitted import network_of
from ..network import (
    FLOAT,
    by_kind,
    bytes_by_part,
    cell_parts,
    integers,
    n_parameters,
    named_views,
    steps,
    stored_matrices,
)

#: Means of channels up to so many deviations are folded into biases. Greater ones are subtracted
#: from the input, since the difference of large products would lose digits.
MOST_FOLDED = 4.0

MATRICES = ("W", "W1", "W2", "U", "U1", "U2")
OF_CELL = (*MATRICES, "bias_gate", "bias_update")
OF_HEAD = ("head_weight", "head_bias", "attention")


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """What a device computes in single precision.

    network : Network
    cells : list of dicts of float32 ndarrays, matrices and biases of the cells by their names in
        network/_tensors.py: factors of low rank stay factors, weights of few bits are rounded
    head : dict of float32 ndarrays, likewise
    zeta, nu : lists of float32 numbers, of the cells; nu is 0 in a bounded network
    center : float32 ndarray (n_channels,) to subtract from the input, or None
    """

    network: object
    cells: list
    head: dict
    zeta: list
    nu: list
    center: np.ndarray | None

    @property
    def bytes_by_part(self):
        """Bytes of all constants by what they hold: see `network.SIZE_PARTS`."""
        network = replace(self.network, bits=None)
        flat = np.zeros(n_parameters(network), np.float32)
        views = named_views(network, flat)
        for view, part in zip(cell_parts(network, views), self.cells, strict=True):
            for name, values in part.items():
                view[name][...] = values
        for name, values in self.head.items():
            views[name][...] = values
        sizes = bytes_by_part(network, stored_matrices(network, flat))
        subtracted = 0 if self.center is None else FLOAT * len(self.center)
        return {**sizes, "normaliser": sizes["normaliser"] + subtracted}


def float_network(estimator, affine=IDENTITY):
    """The `FloatNetwork` of a fitted estimator in floats, behind an `Affine` scaler.

    Raises
    ------
    ValueError
        If a number is too large for single precision.
    """
    network = network_of(estimator)
    parts = rounded_parts(network, estimator.params_)
    center, scale = (np.broadcast_to(part, network.n_channels) for part in affine)
    is_far = np.abs(center) > MOST_FOLDED * np.abs(scale)
    subtracted = np.where(is_far, center, 0.0).astype(np.float32)
    fold(parts, center - subtracted, scale)
    cells = cell_parts(network, parts)
    return FloatNetwork(
        network=network,
        cells=[single_precision(cell, OF_CELL) for cell in cells],
        head=single_precision(parts, OF_HEAD),
        zeta=[logistic(cell, "zeta_hat") for cell in cells],
        nu=[logistic(cell, "nu_hat") for cell in cells],
        center=subtracted if is_far.any() else None,
    )


def logistic(cell, name):
    """The logistic function of a parameter of a cell; 0 where it has none."""
    return np.float32(expit(cell[name][0]) if name in cell else 0.0)


def rounded_parts(network, parts):
    """Parameters by name in float64, the matrices rounded where the network has `bits`."""
    found = by_kind(network)
    rounded = {tensor.name: parts[tensor.name].astype(np.float64) for tensor in found.values()}
    for (kind, cell), tensor in found.items():
        if network.bits is not None and tensor.kind.decayed:
            log_steps = parts[found[f"{kind}_log_step", cell].name]
            rows = parts[tensor.name].reshape(len(log_steps), -1)
            rows = steps(log_steps)[:, None] * integers(rows, log_steps, network.bits)
            rounded[tensor.name][...] = rows.reshape(tensor.shape)
    return rounded


def single_precision(parts, names):
    """Some of the parts by name in float32, matrices as such."""
    chosen = {name: parts[name] for name in names if name in parts}
    for name, part in chosen.items():
        largest = np.abs(part).max()
        if largest > np.finfo(np.float32).max:
            raise ValueError(
                f"{name} is up to {largest:.3g}, too large for single precision. Put a scaler in "
                "front of the network, which is folded into it, and train again."
            )
    return {name: part.astype(np.float32) for name, part in chosen.items()}
