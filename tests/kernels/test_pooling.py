"""What the head reads of the states."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from helpers.kernels import COMPILED, every_row, random_case, relative_difference
from scipy.special import softmax

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.kernels import Frozen, available_kernels, kernel_named
from skfastgrnn.network import (
    Dropout,
    Loss,
    Network,
    Optimizer,
    SequenceBatch,
    Targets,
    n_parameters,
    named_views,
    tensors,
)

X, y = sequences(60, n_timesteps=6, n_channels=2)


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


def outputs_of(case, summaries):
    """What the head makes of summaries (n_sequences, R), in double precision."""
    parts = named_views(case.network, case.parameters.astype(np.float64))
    return np.asarray(summaries, np.float64) @ parts["head_weight"].T + parts["head_bias"]


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1.0, 30.0, 1e5])
@pytest.mark.parametrize("seed", range(6))
def test_attention_is_a_mean_weighted_by_the_softmax_of_scores(seed, size, dtype, kernel):
    """With sharp scores, far beyond what an exponential function can take, it chooses one state."""
    kernel, case = kernel_named(kernel), random_case(seed, dtype, poolings=["attention"])
    parts = named_views(case.network, case.parameters)
    rng = np.random.default_rng(seed)
    parts["attention"][...] = size * rng.standard_normal(case.network.n_states)
    summaries = []
    for every in states_of_sequences(kernel, *case[:3]):
        every = every.astype(np.float64)
        summaries.append(softmax(every @ parts["attention"].astype(np.float64)) @ every)
    # A score is wrong by so much, and an output by as much of a state.
    rounding = 1e-6 if dtype == np.float32 else 1e-15
    tolerance = 10 * rounding * (10 + size)
    assert relative_difference(kernel.outputs(*case[:3]), outputs_of(case, summaries)) < tolerance


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_largest_scores_overflow_nothing(bidirectional, dtype, kernel):
    """Their difference is beyond the largest number; steps of the lower score have weight 0."""
    kernel = kernel_named(kernel)
    network = Network(
        1, 2, 1, "attention", "hard_sigmoid", "hard_tanh", bidirectional=bidirectional
    )
    parameters = np.zeros(n_parameters(network), dtype)
    parts = named_views(network, parameters)
    for ending in ("", "_reverse")[: network.n_directions]:
        parts["W" + ending][:, 0] = [1.0, 0.5]  # the gate is closed: states are ±1 and ±0.5
        parts["bias_gate" + ending][...] = -9.0
        parts["nu_hat" + ending][...] = 0.0
        parts["zeta_hat" + ending][...] = 0.0
    parts["attention"][0] = 0.9 * np.finfo(dtype).max
    parts["head_weight"][0, 1] = 1.0
    values = np.array([-1, 1, -1, 1, 1, -1, -1, -1], dtype)[:, None]
    batch = SequenceBatch.of_lengths(values, [4, 2, 2])
    np.testing.assert_allclose(
        kernel.outputs(network, parameters, batch)[:, 0], [0.5, 0.5, -0.5], rtol=1e-6
    )
    targets = Targets(values=np.zeros((3, 1), dtype))
    _, gradient = kernel.loss_gradient(
        network, parameters, batch, targets, Loss("huber"), np.arange(3)
    )
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("seed", range(6))
def test_attention_begins_as_the_mean(seed, kernel):
    kernel, case = kernel_named(kernel), random_case(seed, poolings=["attention"])
    parts = named_views(case.network, case.parameters)
    parts["attention"][...] = 0
    mean = replace(case.network, pooling="mean")
    parameters = np.concatenate([part.ravel() for n, part in parts.items() if n != "attention"])
    expected = kernel.outputs(mean, parameters, case.sequences)
    assert relative_difference(kernel.outputs(*case[:3]), expected) < 1e-12
    model = quick(pooling="attention", max_iter=1, learning_rate_init=1e-300).fit(X, y)
    np.testing.assert_allclose(model.params_["attention"], 0, atol=1e-200)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("bidirectional", [False, True])
def test_attention_of_frozen_cells_is_trained(bidirectional, kernel):
    """By the gradient that it has where the cells are trained, too."""
    kernel, case = kernel_named(kernel), random_case(4, poolings=["attention"])
    network = replace(case.network, bidirectional=bidirectional, n_layers=2)
    rng = np.random.default_rng(0)
    parameters = 0.3 * rng.standard_normal(n_parameters(network))
    arguments = network, parameters, case.sequences, case.targets, case.loss
    _, gradient = kernel.loss_gradient(*arguments, every_row(case))
    mask = np.ones_like(parameters)
    for tensor in tensors(network):
        mask[tensor.part] = tensor.cell is None
    moved = parameters.copy()
    optimizer = Optimizer(np.zeros_like(moved), np.zeros_like(moved), "sgd", learning_rate=1e-3)
    kernel.train_epoch(
        network,
        moved,
        *arguments[2:],
        every_row(case),
        optimizer,
        len(case.sequences),
        mean_weight=1.0,
        parametrization=Frozen(mask),
    )
    first, expected = optimizer.first, gradient * mask
    assert (
        relative_difference(first / np.linalg.norm(first), expected / np.linalg.norm(expected))
        < 1e-9
    )
    assert np.any(named_views(network, first)["attention"])


@pytest.mark.parametrize("kernel", COMPILED)
def test_attention_of_one_direction_keeps_no_states_to_predict(kernel):
    kernel = kernel_named(kernel)
    batch = SequenceBatch.of_equal_length(np.zeros((5000, 2), np.float32), 5000, 1)
    sizes = {
        pooling: kernel.outputs_memory(Network(2, 32, 3, pooling), batch)
        for pooling in ("last", "attention")
    }
    assert sizes["attention"] < sizes["last"] + 1000
    both = Network(2, 32, 3, "attention", bidirectional=True)
    assert kernel.outputs_memory(both, batch) > 5000 * 64 * 4


@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_an_event_anywhere_in_a_long_sequence_is_found(pooling):
    """One step of 400 tells the class; for a head that reads the last state it is long ago."""
    rng = np.random.default_rng(0)
    label = np.arange(200) % 2
    noise = 0.3 * rng.standard_normal((200, 400, 2))
    noise[np.arange(200), rng.integers(0, 100, 200), label] += 6
    settings = {"hidden_size": 8, "max_iter": 8}
    model = quick(pooling=pooling, **settings).fit(noise[:100], label[:100])
    last = quick(**settings).fit(noise[:100], label[:100])
    assert model.score(noise[100:], label[100:]) > 0.95
    assert last.score(noise[100:], label[100:]) < 0.7


@pytest.mark.parametrize("pooling", ["max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_hidden_states_do_not_depend_on_the_pooling(bidirectional, pooling):
    settings = {"max_iter": 1, "learning_rate_init": 1e-300, "bidirectional": bidirectional}
    model, last = (quick(pooling=p, **settings).fit(X, y) for p in (pooling, "last"))
    np.testing.assert_allclose(model.hidden_states(X), last.hidden_states(X), rtol=1e-12)
    states = model.hidden_states(X, all_steps=True)
    np.testing.assert_allclose(states, last.hidden_states(X, all_steps=True), rtol=1e-12)


def test_attention_is_kept_where_training_goes_on():
    """It does not depend on the outputs: with new classes, and in the units of other targets."""
    model = quick(pooling="attention", warm_start=True).fit(X, y)
    learned = model.params_["attention"].copy()
    assert learned.shape == (4,)
    assert np.all(learned != 0)
    model.set_params(max_iter=1, learning_rate_init=1e-300).fit(X, np.arange(60) % 3)
    np.testing.assert_allclose(model.params_["attention"], learned, rtol=1e-12)
    model.set_params(frozen="head", learning_rate_init=0.1).fit(X, np.arange(60) % 3)
    np.testing.assert_array_equal(model.params_["attention"], learned)
    number = FastGRNNRegressor(4, pooling="attention", random_state=0)
    number.partial_fit(X, X[:, 2, 0]).partial_fit(X, 100 * X[:, 2, 0])
    assert number.predict(X).shape == (60,)
