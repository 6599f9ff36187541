"""Hidden states: far out, and where a sequence goes on from its final states."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kernels import COMPILED, REFERENCE, random_case

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import Network, SequenceBatch, n_parameters, named_views


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [0.0, 3.0, -9.0, 40.0, -700.0])
def test_saturated_activations(bias, dtype, kernel):
    """Far out, and with biases so far apart that gate and candidate cannot share an exponential."""
    network = Network(1, 3, 1)
    parameters = np.zeros(n_parameters(network), dtype=dtype)
    parts = named_views(network, parameters)
    parts["W"][:, 0] = [1.0, 30.0, 1000.0]
    parts["bias_gate"][...] = bias
    values = np.linspace(-5, 5, 41, dtype=dtype)[:, None]
    sequences = SequenceBatch.of_equal_length(values, 1, 41)
    actual = kernel_named(kernel).states(network, parameters, sequences)[0]
    exact = SequenceBatch.of_equal_length(values.astype(float), 1, 41)
    expected = REFERENCE.states(network, parameters.astype(float), exact)[0]
    np.testing.assert_allclose(actual, expected, atol=2e-6 if dtype == np.float32 else 1e-15)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("seed", range(6))
def test_a_sequence_goes_on_from_its_final_states(seed, kernel):
    """Two parts of sequences give the same bits as the whole, in networks without reverse cells."""
    kernel, case = kernel_named(kernel), random_case(seed, ragged=False, most=(30, 9, 40, 30))
    network = replace(case.network, bidirectional=False, n_layers=1 + seed % 3)
    rng = np.random.default_rng(seed)
    parameters = 0.2 * rng.standard_normal(n_parameters(network))
    n, first, second = 23, 1 + seed, 7
    X = rng.standard_normal((n, first + second, network.n_channels))

    def states(X, h0=None):
        sequences = SequenceBatch.of_equal_length(np.vstack(X), X.shape[1], n)
        every, last, final = kernel.states(network, parameters, sequences, h0)
        return every.reshape(*X.shape[:2], -1), last, final

    every, last, final = states(X)
    some, _, handed_over = states(np.ascontiguousarray(X[:, :first]))
    others, last_of_two, final_of_two = states(np.ascontiguousarray(X[:, first:]), handed_over)
    assert handed_over.shape == (n, network.n_cells, network.hidden_size)
    np.testing.assert_array_equal(np.concatenate([some, others], axis=1), every)
    np.testing.assert_array_equal(last_of_two, last)
    np.testing.assert_array_equal(final_of_two, final)
    np.testing.assert_array_equal(final[:, -1], last)
    assert np.any(states(np.ascontiguousarray(X[:, first:]))[2] != final)


@pytest.mark.parametrize("kernel", available_kernels())
def test_final_states_are_those_of_every_cell(kernel):
    """That of a cell that reads from the end is the state after the first step."""
    kernel, case = kernel_named(kernel), random_case(3)
    network = replace(case.network, n_layers=1, bidirectional=True)
    parameters = 0.1 * np.random.default_rng(0).standard_normal(n_parameters(network))
    every, last, final = kernel.states(network, parameters, case.sequences)
    ends = case.sequences.starts + case.sequences.lengths - 1
    H = network.hidden_size
    np.testing.assert_array_equal(final[:, 0], every[ends, :H])
    np.testing.assert_array_equal(final[:, 1], every[case.sequences.starts, H:])
    np.testing.assert_array_equal(last, final.reshape(len(last), 2 * H))
