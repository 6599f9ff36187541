"""Parametrizations in NumPy: the twins of c/parametrizations.h.

Each begins with the parameters (P,) of a training, which it changes in place as θ moves.
"""

import numpy as np

from ...network import PARAMETRIZATIONS, tensors
from ._tables import complete


class Identity:
    """θ are the parameters."""

    def __init__(self, parametrization, parameters):
        self.theta = parameters

    def expand(self):
        """The parameters that cells read, of θ."""
        return self.theta

    def pull_back(self, gradient):
        """The gradient of θ, of that of the parameters."""
        return gradient

    def project(self):
        """Move θ, after an update, to where it may be."""

    def lowest_layer(self, network):
        """The lowest layer with a trained cell, below which no gradient is needed."""
        return 0


class Frozen(Identity):
    """θ are the parameters, of which some stay as they are."""

    def __init__(self, parametrization, parameters):
        super().__init__(parametrization, parameters)
        self.trained = parametrization.trained
        self.frozen = self.trained == 0
        self.values = parameters[self.frozen]

    def pull_back(self, gradient):
        return gradient * self.trained

    def project(self):
        self.theta[self.frozen] = self.values

    def lowest_layer(self, network):
        layers = [
            tensor.cell // network.n_directions
            for tensor in tensors(network)
            if tensor.cell is not None and np.any(self.trained[tensor.part])
        ]
        return min(layers, default=network.n_layers)


KINDS = complete({"identity": Identity, "frozen": Frozen}, PARAMETRIZATIONS)


def parametrized(parametrization, parameters):
    """What expands, pulls back and projects in a training of these parameters."""
    return KINDS[parametrization.kind](parametrization, parameters)
