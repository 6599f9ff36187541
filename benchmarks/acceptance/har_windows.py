"""The recordings behind the windows of UCI HAR, and other windows of the same people.

Windows overlap by half, so that those of one activity join to a recording, from which windows can
be cut at other moments, at another pace, turned, and with stronger or weaker movements: what other
people differ in, who wear the phone in another way. Only training parts are changed like this.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

N_STEPS = 128
HOP = 64
#: Channels: acceleration of the body, angular velocity, total acceleration (gravity included).
BODY, TURN, TOTAL = slice(0, 3), slice(3, 6), slice(6, 9)


class Windows(NamedTuple):
    """Windows (n, 128, 9) float32, activities 1 to 6 (n,), and persons (n,)."""

    X: np.ndarray
    y: np.ndarray
    person: np.ndarray

    def of(self, rows):
        """Those of the given rows or mask."""
        return Windows(*(part[rows] for part in self))

    def __add__(self, other):
        return Windows(*map(np.concatenate, zip(self, other, strict=True)))


def windows(arrays, part):
    """Of the arrays of the data set; part is "train" or "test"."""
    return Windows(
        arrays[f"X_{part}"].astype(np.float32),
        arrays[f"y_{part}"].astype(int),
        arrays[f"subject_{part}"].astype(int),
    )


def recordings(original):
    """Join windows that continue each other: a list of (values (T, 9), activity, person)."""
    X, y, person = original
    continues = (
        (y[1:] == y[:-1])
        & (person[1:] == person[:-1])
        & (X[1:, :HOP] == X[:-1, HOP:]).all(axis=(1, 2))
    )
    starts = np.flatnonzero(np.append(True, ~continues))
    return [
        (np.concatenate([X[start], *X[start + 1 : end, HOP:]]), y[start], person[start])
        for start, end in zip(starts, np.append(starts[1:], len(y)), strict=True)
    ]


def perturbed(original, rng, *, pace=0.1, turn=15.0, strength=0.2):
    """As many other windows as there are, in the order of their recordings.

    pace : the logarithm of the pace is uniform within so much of 0
    turn : standard deviation in degrees of a rotation about each axis
    strength : standard deviation of the logarithm of a factor of movements, one of acceleration and
        one of angular velocity
    """
    parts = [
        Windows(
            np.array([window(values, rng, pace) for _ in range(len(values) // HOP - 1)]),
            np.full(len(values) // HOP - 1, activity),
            np.full(len(values) // HOP - 1, person),
        )
        for values, activity, person in recordings(original)
    ]
    X, y, person = map(np.concatenate, zip(*parts, strict=True))
    turns = Rotation.from_rotvec(rng.normal(0, np.deg2rad(turn), (len(y), 3))).as_matrix()
    # The three sensors of three axes turn together: (n, 128, 3 sensors, 3 axes).
    X = np.einsum("ntsa,nba->ntsb", X.reshape(-1, N_STEPS, 3, 3), turns).reshape(X.shape)
    factors = np.exp(rng.normal(0, strength, (2, len(y), 1, 1)))
    X[..., TOTAL] += (factors[0] - 1) * X[..., BODY]
    X[..., BODY] *= factors[0]
    X[..., TURN] *= factors[1]
    return Windows(X.astype(np.float32), y, person)


def window(values, rng, pace):
    """Cut 128 steps (128, 9) from a recording (T, 9), between its steps by interpolation."""
    length = min((N_STEPS - 1) * np.exp(pace * rng.uniform(-1, 1)), len(values) - 1)
    at = rng.uniform(0, len(values) - 1 - length) + np.linspace(0, length, N_STEPS)
    before = np.minimum(at.astype(int), len(values) - 2)
    share = (at - before)[:, None]
    return values[before] * (1 - share) + values[before + 1] * share
