"""What the head reads of the states."""

import numpy as np
import pytest
from helpers.kernels import random_case, relative_difference

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import (
    Dropout,
    Loss,
    Network,
    SequenceBatch,
    Targets,
    n_parameters,
    named_views,
)


def states_of_sequences(kernel, network, parameters, sequences):
    """The states (T, R) of each sequence."""
    every = kernel.states(network, parameters, sequences)[0]
    return np.split(every, np.cumsum(sequences.lengths)[:-1])


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(8))
def test_max_is_the_largest_of_the_states(seed, dtype, kernel):
    kernel, case = kernel_named(kernel), random_case(seed, dtype, poolings=["max"])
    states = states_of_sequences(kernel, *case[:3])
    summary = np.array([every.max(axis=0) for every in states], dtype=np.float64)
    parts = named_views(case.network, case.parameters)
    expected = summary @ parts["head_weight"].T.astype(np.float64) + parts["head_bias"]
    actual = kernel.outputs(*case[:3])
    assert relative_difference(actual, expected) < (1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("dropout", [None, Dropout(0.4, 3)])
def test_the_first_of_equal_states_takes_the_gradient(dropout, bidirectional, kernel):
    """The second channel, of no weight yet, tells by the gradient of its weights which step did."""
    kernel = kernel_named(kernel)
    network = Network(2, 2, 1, "max", "hard_sigmoid", "hard_tanh", bidirectional=bidirectional)
    parameters = np.zeros(n_parameters(network))
    parts = named_views(network, parameters)
    cells = ("", "_reverse")[: network.n_directions]
    for ending in cells:  # the gate is closed: the state is the candidate, x / 2 or -x / 2
        parts["W" + ending][:, 0] = [0.5, -0.5]
        parts["bias_gate" + ending][...] = -9.0
    parts["head_weight"][...] = 1.0
    channel, places = np.array([-1.0, 1, -1, 1, -1, 1, 1]), np.arange(1.0, 8.0)
    targets = Targets(values=np.zeros((2, 1)))

    def gradient_of_w(first):
        sequences = SequenceBatch.of_lengths(np.column_stack([first, places]), [4, 3])
        arguments = network, parameters, sequences, targets, Loss("huber"), np.arange(2)
        _, gradient = kernel.loss_gradient(*arguments, dropout=dropout)
        return np.array([named_views(network, gradient)["W" + ending] for ending in cells])

    with_ties = gradient_of_w(channel)
    later_ones_are_smaller = gradient_of_w(channel * [1, 1, 0.9, 0.9, 1, 1, 0.9])
    smallest = gradient_of_w(channel * [0.9, 0.9, 1, 1, 1, 0.9, 1])
    np.testing.assert_allclose(with_ties, later_ones_are_smaller, rtol=1e-12)
    assert not np.allclose(with_ties, smallest)


@pytest.mark.parametrize("kernel", available_kernels())
def test_max_of_states_that_are_not_finite_is_not_finite(kernel):
    """NaN is larger than no number, and must not get lost: training would go on with it."""
    kernel, network = kernel_named(kernel), Network(1, 3, 1, "max")
    parameters = np.zeros(n_parameters(network))
    named_views(network, parameters)["bias_update"][1] = np.nan
    sequences = SequenceBatch.of_lengths(np.ones((6, 1)), [4, 2])
    assert np.all(np.isnan(kernel.outputs(network, parameters, sequences)))
