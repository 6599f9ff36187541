"""Sizes of networks that are impossible, no integers, or too large for memory."""

import numpy as np
import pytest
from helpers.estimators import sequences, snapshot

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.network import Network, initial


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": -1},
        {"hidden_size": 0},
        {"n_channels": 0},
        {"n_outputs": -(2**63)},
        {"n_layers": 0},
        {"n_layers": 17},
    ],
)
def test_a_network_of_impossible_sizes_is_refused(settings):
    with pytest.raises(ValueError, match="A network"):
        Network(**{"n_channels": 1, "hidden_size": 1, "n_outputs": 1, **settings})


@pytest.mark.parametrize("name", ["n_channels", "hidden_size", "n_outputs", "n_layers"])
@pytest.mark.parametrize("size", [True, 1.0, np.True_, None, "1"])
def test_a_network_of_sizes_that_are_no_integers_is_refused(name, size):
    """They may equal one, and would poison what is remembered of a network of that size."""
    with pytest.raises(TypeError, match=f"{name} of a network must be an int"):
        Network(**{"n_channels": 1, "hidden_size": 1, "n_outputs": 1, name: size})


def test_sizes_of_numpy_make_the_same_network():
    sizes = {"n_layers": np.int64(2), "rank_w": np.int8(1), "rank_u": np.uint16(2)}
    network = Network(np.int64(2), np.int32(3), np.uint8(1), **sizes, bits=np.int64(8))
    assert {type(value) for value in vars(network).values()} == {int, str, bool}
    assert network == Network(2, 3, 1, n_layers=2, rank_w=1, rank_u=2, bits=8)


@pytest.mark.parametrize("hidden_size", [2**31, 2**40, 2**63 - 1, 2**63, 10**30])
def test_a_network_too_large_for_memory_is_refused(hidden_size):
    with pytest.raises(MemoryError, match="lower hidden_size or n_layers"):
        initial(Network(1, hidden_size, 1), 5, np.random.default_rng(0), np.float32)


@pytest.mark.parametrize("hidden_size", [2**40, 2**63 - 1])
@pytest.mark.parametrize("estimator", [FastGRNNClassifier, FastGRNNRegressor])
def test_a_fit_too_large_for_memory_leaves_the_estimator_as_it_was(estimator, hidden_size):
    X, y = sequences(12)
    model = estimator(hidden_size=hidden_size)
    before = snapshot(model)
    with pytest.raises(MemoryError, match=f"hidden_size={hidden_size}"):
        model.fit(X, y)
    assert snapshot(model) == before
