"""What small networks read of UCI HAR: cheap transformations of a step, on a device as in NumPy.

The movements of somebody who sits are a hundred times smaller than those of a walk. `companded`
makes both visible, as speech is coded in telephony (ITU-T G.711): on a device it takes the position
of the highest bit and a shift.
"""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from .har_windows import BODY, TOTAL, TURN

#: Smaller movements remain linear: in g, and in radians per second.
LEAST_ACCELERATION, LEAST_TURN = 0.01, 0.05
#: The low-passed acceleration moves by this share of its distance in every step.
LOW_PASS = 1 / 8


class AllSensors(TransformerMixin, BaseEstimator):
    """Nine channels as they are, accelerations of the body and angular velocities companded."""

    #: The two scales.
    n_bytes_ = 8

    def fit(self, X, y=None):
        """Nothing is learned."""
        return self

    def transform(self, X):
        """Windows (n, T, 9) to (n, T, 9)."""
        body = companded(X[..., BODY], LEAST_ACCELERATION)
        turn = companded(X[..., TURN], LEAST_TURN)
        return np.concatenate([body, turn, X[..., TOTAL]], axis=-1)

    def __sklearn_is_fitted__(self):
        return True


class Accelerometer(TransformerMixin, BaseEstimator):
    """Three channels of total acceleration, low-passed, and companded distances from these."""

    #: One scale; the filter is a shift.
    n_bytes_ = 4

    def fit(self, X, y=None):
        """Nothing is learned."""
        return self

    def transform(self, X):
        """Windows (n, T, 3) to (n, T, 6)."""
        low = np.empty_like(X)
        state = X[:, 0]
        for step in range(X.shape[1]):
            state = state + LOW_PASS * (X[:, step] - state)
            low[:, step] = state
        return np.concatenate([low, companded(X - low, LEAST_ACCELERATION)], axis=-1)

    def __sklearn_is_fitted__(self):
        return True


def companded(x, least):
    """The sign of x times a piecewise linear logarithm of its size, in units of `least`.

    Sizes up to 1 unit are kept; those from 2^k to 2^(k + 1) units become k + 1 to k + 2.
    """
    size = np.abs(x) / x.dtype.type(least)
    mantissa, exponent = np.frexp(size)  # mantissa from 0.5 to 1
    return np.copysign(np.where(size < 1, size, exponent - 1 + 2 * mantissa), x).astype(x.dtype)
