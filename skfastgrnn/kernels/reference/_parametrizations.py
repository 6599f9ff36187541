"""Parametrizations: what the optimizer may move of the parameters θ.

A training pulls a gradient back to what is trained, and projects θ after an update to where it may
be. The twin of c/parametrizations.h, which takes the settings of a kind as `arrays`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...network import tensors

#: In the order of the enumeration in c/parametrizations.h.
PARAMETRIZATIONS = ("identity", "frozen")


@dataclass(frozen=True, eq=False)
class Parametrization:
    """The identity: all parameters θ (P,) are trained."""

    kind: ClassVar[str] = "identity"

    @property
    def code(self):
        """The number of its kind in the compiled kernel."""
        return PARAMETRIZATIONS.index(self.kind)

    @property
    def arrays(self):
        """Settings (P,) that the compiled kernel takes."""
        return ()

    def restricted(self, vector):
        """A vector (P,), such as one of moments, with 0 where nothing is trained."""
        return vector

    def lowest_layer(self, network):
        """The lowest layer with a trained cell, below which no gradient is needed."""
        return 0

    def begin(self, theta):
        """What `project` has to know of the θ that a training begins with."""

    def pull_back(self, gradient):
        """The gradient of what is trained."""
        return gradient

    def project(self, theta, begun):
        """Move θ, after an update, to where it may be; in place."""


@dataclass(frozen=True, eq=False)
class Frozen(Parametrization):
    """Some of the parameters are frozen.

    trained : (P,) of the parameters' dtype, 1 where one is trained and 0 where it is frozen
    """

    kind: ClassVar[str] = "frozen"
    trained: np.ndarray

    @property
    def arrays(self):
        return (self.trained,)

    def restricted(self, vector):
        return vector * self.trained

    def lowest_layer(self, network):
        layers = [
            tensor.cell // network.n_directions
            for tensor in tensors(network)
            if tensor.cell is not None and np.any(self.trained[tensor.part])
        ]
        return min(layers, default=network.n_layers)

    def begin(self, theta):
        return theta[self.trained == 0]

    def pull_back(self, gradient):
        return gradient * self.trained

    def project(self, theta, begun):
        theta[self.trained == 0] = begun


IDENTITY = Parametrization()
