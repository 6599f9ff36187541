"""The score that the history reports beside the loss, for people to read."""

import numpy as np


def r2_of(data):
    """A function from the mean squared error over a DataSet to R².

    R² is the share of the targets' variance that is explained; of several outputs together. As of
    `sklearn.metrics.r2_score`, that of a single sample is nan, and that of constant targets 1
    where they are predicted exactly, else 0.
    """
    targets = data.targets
    if len(data.rows) < 2:
        return lambda error: np.nan
    weights = None if targets.weights is None else targets.weights[data.rows]
    _, deviation = mean_and_deviation(targets.values[data.rows], weights)
    variance = np.mean(deviation**2)
    if variance == 0:
        return lambda error: float(error == 0)
    return lambda error: 1 - error / variance


def mean_and_deviation(values, weights):
    """Weighted mean and standard deviation (n_outputs,) of values (n_sequences, n_outputs)."""
    values = values.astype(np.float64)
    mean = np.average(values, axis=0, weights=weights)
    distance = np.abs(values - mean)
    unit = np.maximum(distance.max(axis=0), np.finfo(np.float64).tiny)  # squares might overflow
    return mean, unit * np.sqrt(np.average((distance / unit) ** 2, axis=0, weights=weights))
