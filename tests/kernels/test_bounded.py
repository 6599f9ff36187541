"""States that cannot grow, over however many steps."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from helpers.kernels import COMPILED
from hypothesis import given, settings
from hypothesis import strategies as st

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import (
    GATES_TO_1,
    UPDATES_TO_1,
    Network,
    SequenceBatch,
    n_parameters,
    named_views,
)

N_STEPS, N_CHANNELS, H = 1_000_000, 3, 5
PAIRS = [(gate, update) for gate in GATES_TO_1 for update in UPDATES_TO_1]
X, y = sequences(40)


def bound(dtype):
    """1, beyond which tanh may be a rounding error or two."""
    return 1 + 4 * np.finfo(dtype).eps


def accelerations(n_steps):
    """Like those of a person who walks, rests, and turns the device, with offsets and noise."""
    rng, t = np.random.default_rng(0), np.arange(n_steps)[:, None] / 50
    walks = np.sin(2 * np.pi * t / 60) > 0
    steps = np.sin(2 * np.pi * (1.9 * t + [0.0, 0.3, 0.7])) + 0.4 * np.sin(2 * np.pi * 3.8 * t)
    turned = [1.0, 0.2, -0.5] * np.cos(2 * np.pi * t / [400, 300, 700])
    return 0.8 * walks * steps + turned + 0.05 * rng.standard_normal((n_steps, N_CHANNELS))


INPUTS = {
    "like accelerations": accelerations,
    "constant": lambda n_steps: np.ones((n_steps, N_CHANNELS)),
    "shifted": lambda n_steps: accelerations(n_steps) + np.array([10.0, -10.0, 1e4]),
}


def with_open_gates(network, dtype):
    """Parameters of gates that are 1/2 to 1 - 2e-9, and of ν = 1/2 where there is one."""
    rng, parameters = np.random.default_rng(1), np.zeros(n_parameters(network), dtype)
    parts = named_views(network, parameters)
    for name, part in parts.items():
        if name.startswith(("W", "U")):
            part[...] = 0.02 * rng.standard_normal(part.shape)
        if name.startswith("bias_gate"):
            part[...] = np.linspace(0, 20, H)
        if name.startswith("bias_update"):
            part[...] = rng.standard_normal(H)
        if name.startswith("zeta_hat"):
            part[...] = 3.0
    return parameters


def largest_state(kernel, network, parameters, values, n_parts):
    """The largest |h| of a stream that is read in parts."""
    h0, largest = None, 0.0
    for part in np.array_split(values, n_parts):
        batch = SequenceBatch.of_lengths(np.ascontiguousarray(part), [len(part)])
        every, _, h0 = kernel.states(network, parameters, batch, h0)
        largest = max(largest, float(np.abs(every).max()), float(np.abs(h0).max()))
    return largest


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given", INPUTS)
def test_a_million_steps_stay_within_the_bound(given, dtype, kernel):
    """Of states that one of ν = 1/2 takes far beyond it."""
    kernel = kernel_named(kernel)
    network = Network(N_CHANNELS, H, 1, n_layers=2, bounded=True)
    values = INPUTS[given](N_STEPS).astype(dtype)
    parameters = with_open_gates(network, dtype)
    assert largest_state(kernel, network, parameters, values, 10) <= bound(dtype)
    free = replace(network, bounded=False)
    parameters = with_open_gates(free, dtype)
    assert largest_state(kernel, free, parameters, values[: N_STEPS // 20], 2) > 10


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([0.1, 1.0, 30.0]), shift=st.floats(-50, 50))
def test_any_parameters_and_inputs_stay_within_the_bound(dtype, kernel, pair, seed, size, shift):
    """From any state within the bound on, which every later one is in again."""
    kernel, rng = kernel_named(kernel), np.random.default_rng(seed)
    network = Network(2, H, 1, "last", *pair, n_layers=2, bounded=True)
    parameters = (size * rng.standard_normal(n_parameters(network))).astype(dtype)
    parts = named_views(network, parameters)
    for name in ("bias_gate", "bias_gate_2"):  # gates that open only just, or as far as they can
        parts[name][...] += rng.choice([0.0, 5.0, 16.0, 40.0])
    for name in ("zeta_hat", "zeta_hat_2"):
        parts[name][...] = rng.choice([1.0, 40.0])
    values = shift + size * np.cumsum(rng.standard_normal((300, 2)), axis=0)
    batch = SequenceBatch.of_lengths(values.astype(dtype), [300])
    h0 = rng.choice([-1.0, 1.0], (1, 2, H)).astype(dtype)
    every, last, _ = kernel.states(network, parameters, batch, h0)
    assert np.abs(every).max() <= bound(dtype)
    assert np.all(np.isfinite(last))


@pytest.mark.parametrize("kernel", available_kernels())
def test_a_bounded_state_is_that_of_a_network_without_nu(kernel):
    """As ν approaches 0, the other network computes the same."""
    kernel, rng = kernel_named(kernel), np.random.default_rng(0)
    free = Network(2, H, 3, n_layers=2, bidirectional=True)
    parameters = rng.standard_normal(n_parameters(free))
    parts = named_views(free, parameters)
    for name in parts:
        if name.startswith("nu_hat"):
            parts[name][...] = -60.0
    bounded = replace(free, bounded=True)
    own = np.concatenate([part.ravel() for n, part in parts.items() if not n.startswith("nu_hat")])
    assert len(own) == n_parameters(bounded) == n_parameters(free) - 4
    batch = SequenceBatch.of_lengths(rng.standard_normal((30, 2)), [20, 10])
    np.testing.assert_allclose(
        kernel.outputs(bounded, own, batch), kernel.outputs(free, parameters, batch), rtol=1e-12
    )


@pytest.mark.parametrize("gate", ["relu", "tanh", "hard_tanh"])
def test_a_gate_beyond_0_and_1_is_refused(gate):
    message = f"gate_activation must have values in .0, 1., .* it is '{gate}'.*bounded_state=False"
    with pytest.raises(ValueError, match=message):
        quick(bounded_state=True, gate_activation=gate).fit(X, y)


def test_an_update_beyond_1_is_refused():
    message = r"update_activation must have values in \[-1, 1\], .* it is 'relu'.*bounded_state=F"
    with pytest.raises(ValueError, match=message):
        quick(bounded_state=True, update_activation="relu").partial_fit(X, y, classes=[0, 1])


def test_a_bounded_estimator_learns_and_has_no_nu():
    model = quick(bounded_state=True, max_iter=30).fit(X, y)
    assert "nu_hat" not in model.params_
    assert len(model.params_) == len(quick(max_iter=1).fit(X, y).params_) - 1
    assert model.loss_ < 0.8 * model.loss_curve_[0]
    assert np.abs(model.hidden_states(X, all_steps=True)).max() <= 1


def test_training_does_not_go_on_with_another_state():
    model = quick(bounded_state=True, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="bounded_state is False, and was True"):
        model.set_params(bounded_state=False).fit(X, y)
