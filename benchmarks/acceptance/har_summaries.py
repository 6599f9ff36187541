"""What a window of UCI HAR looks like as a whole: some 1400 numbers for a linear teacher.

In the manner of the features that the authors of the set published: moments, quantiles,
autocorrelations and spectra of accelerations, angular velocities, their changes and lengths, angles
to gravity, and movements along and across it.
"""

import numpy as np

from .har_windows import BODY, TOTAL, TURN

#: In units of the smallest frequency, 50 Hz / 128.
BAND_EDGES = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64)
LAGS = (1, 2, 4, 8, 16, 32)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Logarithms of deviations are taken this far from 0.
LEAST = 1e-4


def summaries(X):
    """Windows (n, 128, 9) as rows (n, n_features) float32."""
    X = X.astype(np.float64)
    body, turn, gravity = X[..., BODY], X[..., TURN], X[..., TOTAL] - X[..., BODY]
    moving = {
        "body": body,
        "turn": turn,
        "jerk": np.diff(body, axis=1),
        "spin": np.diff(turn, axis=1),
    }
    down = unit(gravity.mean(axis=1, keepdims=True))
    parts = [of_axes(signal) for signal in moving.values()]
    parts += [moments(with_length(gravity)), down[:, 0], np.arccos(np.clip(down[:, 0], -1, 1))]
    parts += [(unit(x.mean(axis=1)) * down[:, 0]).sum(axis=1)[:, None] for x in moving.values()]
    along = np.concatenate([part for x in (body, turn) for part in split(x, down)], axis=2)
    parts += [moments(along), spectrum(along), correlations(along, [(0, 1), (0, 3)])]
    return np.concatenate(parts, axis=1).astype(np.float32)


def of_axes(x):
    """Of three axes (n, T, 3) and the length of their vector."""
    x = with_length(x)
    return np.concatenate(
        [moments(x), spectrum(x), correlations(x, [(0, 1), (0, 2), (1, 2)])], axis=1
    )


def moments(x):
    """Of every channel (n, T, c), over time."""
    mean, deviation = x.mean(axis=1), x.std(axis=1)
    scaled = (x - mean[:, None]) / (deviation[:, None] + 1e-9)
    quantiles = np.quantile(x, QUANTILES, axis=1)
    parts = [mean, deviation, np.log(deviation + LEAST), x.min(axis=1), x.max(axis=1), *quantiles]
    parts += [np.abs(x - mean[:, None]).mean(axis=1), (x**2).mean(axis=1)]
    parts += [(scaled**3).mean(axis=1), (scaled**4).mean(axis=1)]
    parts += [(scaled[:, lag:] * scaled[:, :-lag]).mean(axis=1) for lag in LAGS]
    return np.concatenate(parts, axis=1)


def spectrum(x):
    """Power in bands, absolute and relative, of every channel (n, T, c), and what is typical."""
    power = np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True), axis=1))[:, 1:65] ** 2
    total = power.sum(axis=1, keepdims=True) + 1e-9
    bands = np.add.reduceat(power, BAND_EDGES[:-1], axis=1)
    share = power / total
    frequencies = np.arange(1, power.shape[1] + 1)[:, None]
    parts = [np.log(bands + 1e-6).reshape(len(x), -1), (bands / total).reshape(len(x), -1)]
    parts += [(share * frequencies).sum(axis=1), -(share * np.log(share + 1e-12)).sum(axis=1)]
    return np.concatenate([*parts, power.argmax(axis=1)], axis=1)


def correlations(x, pairs):
    """Of pairs of channels (n, T, c)."""
    scaled = (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-9)
    return np.stack([(scaled[..., i] * scaled[..., j]).mean(axis=1) for i, j in pairs], axis=1)


def split(x, down):
    """Axes (n, T, 3) as what lies along a direction (n, 1, 3), and the length across: (n, T, 1)."""
    along = (x * down).sum(axis=2, keepdims=True)
    return along, np.linalg.norm(x - along * down, axis=2, keepdims=True)


def with_length(x):
    """Vectors (n, T, 3), and their lengths as a fourth channel."""
    return np.concatenate([x, np.linalg.norm(x, axis=2, keepdims=True)], axis=2)


def unit(x):
    """Vectors of length 1 in the last axis."""
    return x / (np.linalg.norm(x, axis=-1, keepdims=True) + 1e-9)
