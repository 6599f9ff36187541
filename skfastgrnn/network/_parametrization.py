"""What lies between the vector θ that the optimizer moves and the parameters that cells read.

A training expands θ to the parameters before a forward pass, pulls their gradient back to one of θ,
and projects θ after an update to where it may be. Kernels have these three functions for each kind:
kernels/reference/_parametrizations.py and kernels/c/parametrizations.h.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

#: In the order of the compiled kernel's enumeration (kernels/c/kernel.h).
PARAMETRIZATIONS = ("identity", "frozen")


@dataclass(frozen=True, eq=False)
class Parametrization:
    """The identity: θ are the parameters, and all of them are trained."""

    kind: ClassVar[str] = "identity"
    #: (P,) 1 where a parameter is trained, 0 where not; None where all are.
    trained: ClassVar[None] = None

    @property
    def code(self):
        """The number of its kind in the compiled kernel."""
        return PARAMETRIZATIONS.index(self.kind)

    def restricted(self, vector):
        """A vector (P,), such as one of moments, with 0 where nothing is trained."""
        return vector


@dataclass(frozen=True, eq=False)
class Frozen(Parametrization):
    """θ are the parameters, of which some stay as they are.

    trained : (P,) of the parameters' dtype, 1 where one is trained and 0 where it is frozen
    """

    kind: ClassVar[str] = "frozen"
    trained: np.ndarray

    def restricted(self, vector):
        """A vector (P,), such as one of moments, with 0 where a parameter is frozen."""
        return vector * self.trained


IDENTITY = Parametrization()
