"""The activation functions, and their derivatives as functions of their own output.

The hard forms are quantSigmoid and quantTanh of the authors' EdgeML code.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ...network import ACTIVATIONS
from ._tables import complete


class Activation(NamedTuple):
    """y = function(x), and its derivative slope(y)."""

    function: Callable
    slope: Callable


def inside(y, low, high):
    """1 where low < y < high, else 0: the slope of a clip, seen from its output."""
    return ((y > low) & (y < high)).astype(y.dtype)


FUNCTIONS = complete(
    {
        "sigmoid": Activation(expit, lambda y: y * (1 - y)),
        "tanh": Activation(np.tanh, lambda y: 1 - y * y),
        "relu": Activation(lambda x: np.maximum(x, 0), lambda y: inside(y, 0, np.inf)),
        "hard_sigmoid": Activation(
            lambda x: np.clip((x + 1) / 2, 0, 1), lambda y: inside(y, 0, 1) / 2
        ),
        "hard_tanh": Activation(lambda x: np.clip(x, -1, 1), lambda y: inside(y, -1, 1)),
    },
    ACTIVATIONS,
)


def activate(kind, x):
    """y = f(x)."""
    return FUNCTIONS[kind].function(x)


def slope(kind, y):
    """f'(x) in terms of y = f(x)."""
    return FUNCTIONS[kind].slope(y)
