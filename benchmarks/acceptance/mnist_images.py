"""Training images of MNIST, and the same ones shifted, turned, scaled and slanted a little."""

from typing import NamedTuple

import numpy as np

SIDE = 28
#: So many images at a time, for memory.
CHUNK = 5000


class Images(NamedTuple):
    """Images (n, 28, 28) float32 from 0 to 1, and digits (n,)."""

    X: np.ndarray
    y: np.ndarray


def images(arrays, part):
    """Of the arrays of the data set; part is "train" or "test"."""
    X = arrays[f"X_{part}"].reshape(-1, SIDE, SIDE) / 255
    return Images(X.astype(np.float32), arrays[f"y_{part}"].astype(int))


def perturbed(X, rng, *, shift=2.0, turn=10.0, scale=0.1, slant=0.1):
    """As many other images: by pixels, degrees, and logarithms of factors; all uniform."""
    n = len(X)
    angle = np.deg2rad(rng.uniform(-turn, turn, n))
    height, width = np.exp(rng.uniform(-scale, scale, (2, n)))
    cos, sin = np.cos(angle), np.sin(angle)
    down = np.stack([cos * height, (rng.uniform(-slant, slant, n) - sin) * width], axis=-1)
    along = np.stack([sin * height, cos * width], axis=-1)
    matrices = np.stack([down, along], axis=1)  # (n, 2, 2)
    shifts = rng.uniform(-shift, shift, (n, 1, 2))
    chunks = [slice(start, start + CHUNK) for start in range(0, n, CHUNK)]
    return np.concatenate([warped(X[part], matrices[part], shifts[part]) for part in chunks])


def warped(X, matrices, shifts):
    """Read images (n, 28, 28) at transformed places, between pixels by interpolation."""
    center = (SIDE - 1) / 2
    axes = np.arange(SIDE) - center
    grid = np.stack(np.meshgrid(axes, axes, indexing="ij"), axis=-1).reshape(-1, 2)
    places = grid @ matrices.transpose(0, 2, 1) + center + shifts  # (n, 784, 2)
    whole = np.floor(places)
    row_share, column_share = np.moveaxis((places - whole).astype(np.float32), -1, 0)
    padded = np.pad(X, ((0, 0), (1, 1), (1, 1)))
    rows, columns = np.moveaxis(np.clip(whole.astype(int) + 1, 0, SIDE), -1, 0)
    each = np.arange(len(X))[:, None]
    upper = mixed(padded[each, rows, columns], padded[each, rows, columns + 1], column_share)
    lower = mixed(
        padded[each, rows + 1, columns], padded[each, rows + 1, columns + 1], column_share
    )
    return mixed(upper, lower, row_share).reshape(X.shape)


def mixed(a, b, share):
    return a + share * (b - a)
