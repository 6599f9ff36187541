"""Sequences, forms of them, and scikit-learn's scalers to compare ours with."""

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
)

SCALERS = {
    SequenceStandardScaler: StandardScaler,
    SequenceMinMaxScaler: MinMaxScaler,
    SequenceRobustScaler: RobustScaler,
}
STATISTICS = {
    SequenceStandardScaler: ["mean_", "var_", "scale_", "n_samples_seen_"],
    SequenceMinMaxScaler: [
        "data_min_",
        "data_max_",
        "data_range_",
        "min_",
        "scale_",
        "n_samples_seen_",
    ],
    SequenceRobustScaler: ["center_", "scale_"],
}
each_scaler = pytest.mark.parametrize("scaler", SCALERS)

X = np.random.default_rng(0).normal([1, -20, 300], [1, 5, 0.1], size=(30, 6, 3))
ragged = [X[i, : 1 + i % 6] for i in range(30)]
y = np.arange(30) % 2


def padded(sequences, n_timesteps=8):
    """3-D, with NaN at the end of shorter sequences."""
    n_channels = sequences[0].shape[1]
    array = np.full((len(sequences), n_timesteps, n_channels), np.nan, sequences[0].dtype)
    for i, sequence in enumerate(sequences):
        array[i, : len(sequence)] = sequence
    return array


def objects(sequences):
    array = np.empty(len(sequences), dtype=object)
    array[:] = sequences
    return array


FORMS = {"list": list, "objects": objects, "padded": padded}


def unpadded(scaled):
    """What a scaler returned, as one array of steps."""
    if isinstance(scaled, np.ndarray) and scaled.ndim == 3:
        steps = scaled.reshape(-1, scaled.shape[2])
        return steps[~np.isnan(steps).all(axis=1)]
    return np.concatenate(list(scaled))


def learned(model):
    return {name: getattr(model, name) for name in STATISTICS[type(model)]}


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        if left[name] is None:
            assert right[name] is None
        else:
            np.testing.assert_array_equal(left[name], right[name], strict=True)


def reference(scaler, steps, **parameters):
    """scikit-learn's scaler, fitted to the same numbers in float64."""
    return SCALERS[scaler](**parameters).fit(steps.astype(np.float64))


def assert_learned_like(model, expected, shape=None):
    """The statistics of a model are those of scikit-learn's scaler, but for rounding."""
    for name, value in learned(model).items():
        theirs = getattr(expected, name)
        if theirs is None:
            assert value is None
        elif shape is None or np.ndim(theirs) == 0:
            np.testing.assert_allclose(value, theirs, rtol=1e-9)
        else:
            np.testing.assert_allclose(value, theirs.reshape(shape), rtol=1e-9)


def assert_values_like(values, expected):
    """float64 or float32 numbers of size 1 to 1000 are these, but for rounding."""
    atol = 1e-9 if values.dtype == np.float64 else 1e-5
    rtol = 1e-12 if values.dtype == np.float64 else 1e-6
    np.testing.assert_allclose(values, expected, rtol=rtol, atol=atol)
