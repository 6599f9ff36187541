"""A fitted estimator keeps its parameters and its history, and hardly anything else."""

import pickle

import numpy as np
import pytest
from helpers.estimators import quick, sequences

from skfastgrnn.compression import Compression

ALLOWANCE = 4096  # bytes for everything but parameters and history


def arrays_in(value):
    """Every NumPy array reachable from the attributes of a model."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        return [array for part in value.values() for array in arrays_in(part)]
    if isinstance(value, list | tuple):
        return [array for part in value for array in arrays_in(part)]
    return arrays_in(vars(value)) if hasattr(value, "__dict__") else []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True},
        {"early_stopping": True, "refit": True},
        {"compression": Compression(1, 1, 0.5, 0.5, bits=8)},
    ],
)
@pytest.mark.parametrize("hidden_size", [1, 100])
def test_pickle_size(hidden_size, params, dtype):
    X, y = sequences(60, n_classes=3)
    model = quick(hidden_size=hidden_size, batch_size=60, **params).fit(X.astype(dtype), y)
    parameters = sum(array.nbytes for array in model.params_.values())
    history = len(pickle.dumps(model.history_))
    assert len(pickle.dumps(model)) <= parameters + history + ALLOWANCE


def test_no_second_copy_of_the_weights():
    """Neither moments of the optimizer nor a base that an attribute is a part of."""
    X, y = sequences(60, n_classes=3)
    model = quick(early_stopping=True, random_state=np.random.RandomState(0)).fit(X, y)
    parameters = sum(array.nbytes for array in model.params_.values())
    kept = [array if array.base is None else array.base for array in arrays_in(vars(model))]
    others = sum(array.nbytes for array in kept) - parameters
    assert others == model.classes_.nbytes
