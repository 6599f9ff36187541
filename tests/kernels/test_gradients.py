"""Gradients against central differences, and the kernels against each other."""

import numpy as np
import pytest
from helpers.kernels import SMOOTH, random_case, relative_difference, steps_of

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import Dropout, SequenceBatch, named_views

REFERENCE = kernel_named("reference")
COMPILED = [name for name in available_kernels() if name != "reference"]
SEEDS = range(60)


def loss_at(kernel, case, parameters, dropout=None):
    rows = np.arange(len(case.sequences))
    arguments = case.network, parameters, case.sequences, case.targets, case.loss, rows
    if dropout is None:
        return kernel.loss(*arguments).loss
    return kernel.loss_gradient(*arguments, dropout=dropout)[0].loss


def central_difference(function, at, direction):
    """Derivative along a unit direction; Richardson's extrapolation makes the error O(step⁴)."""
    step = 2e-4
    near = (function(at + step * direction) - function(at - step * direction)) / (2 * step)
    far = (function(at + 2 * step * direction) - function(at - 2 * step * direction)) / (4 * step)
    return (4 * near - far) / 3


def directions(network, size, rng):
    """For each named parameter: single entries, and all of its entries together."""
    singles = max(1, 4 // network.n_cells)
    for name, part in named_views(network, np.arange(size)).items():
        places = part.ravel()
        for place in rng.choice(places, size=min(singles, len(places)), replace=False):
            direction = np.zeros(size)
            direction[place] = 1.0
            yield name, direction
        direction = np.zeros(size)
        direction[places] = rng.standard_normal(len(places))
        yield name, direction / np.linalg.norm(direction)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("seed", range(40))
def test_loss_gradient_equals_central_differences(seed, kernel):
    """Every other time with dropout."""
    kernel = kernel_named(kernel)
    dropout = Dropout(0.3, seed) if seed % 2 else None
    # Piecewise-linear activations and the maximum have kinks that a finite step may cross; they are
    # covered at kinks' distance below.
    case = random_case(seed, **SMOOTH, most=(30, 12, 40, 24))
    rows = np.arange(len(case.sequences))
    score, gradient = kernel.loss_gradient(
        case.network,
        case.parameters,
        case.sequences,
        case.targets,
        case.loss,
        rows,
        dropout=dropout,
    )
    rounding = 4e-12 * (1 + score.loss)  # of losses, over the finite step
    rng = np.random.default_rng(seed)
    for name, direction in directions(case.network, len(gradient), rng):
        part = named_views(case.network, gradient)[name]
        expected = central_difference(
            lambda p: loss_at(kernel, case, p, dropout), case.parameters, direction
        )
        assert gradient @ direction == pytest.approx(
            expected, rel=1e-6, abs=1e-6 * np.linalg.norm(part) + rounding
        ), name


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("gate", ["relu", "hard_sigmoid", "hard_tanh", "sigmoid"])
@pytest.mark.parametrize("update", ["relu", "hard_sigmoid", "hard_tanh"])
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_piecewise_linear_gradient_equals_central_differences(pooling, gate, update, kernel):
    kernel = kernel_named(kernel)
    case = random_case(0, most=(6, 5, 7, 6), poolings=[pooling])
    case = case._replace(
        network=type(case.network)(
            **{**vars(case.network), "gate_activation": gate, "update_activation": update}
        )
    )
    rows = np.arange(len(case.sequences))
    _, gradient = kernel.loss_gradient(
        case.network, case.parameters, case.sequences, case.targets, case.loss, rows
    )
    step = 1e-7  # shorter than the way to the nearest kink
    for place in range(len(gradient)):
        direction = np.zeros(len(gradient))
        direction[place] = step
        expected = (
            loss_at(kernel, case, case.parameters + direction)
            - loss_at(kernel, case, case.parameters - direction)
        ) / (2 * step)
        assert gradient[place] == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("seed", SEEDS)
def test_loss_gradient_equals_the_reference(seed, kernel):
    kernel, case = kernel_named(kernel), random_case(seed)
    rows = np.random.default_rng(seed).permutation(len(case.sequences))
    arguments = case.network, case.parameters, case.sequences, case.targets, case.loss, rows
    dropout = Dropout(0.4, 2**63 + seed) if seed % 2 else None
    score, gradient = kernel.loss_gradient(*arguments, dropout=dropout)
    expected_score, expected = REFERENCE.loss_gradient(*arguments, dropout=dropout)
    np.testing.assert_allclose(score, expected_score, rtol=1e-12)
    if dropout is None:
        np.testing.assert_allclose(kernel.loss(*arguments), expected_score, rtol=1e-12)
    assert relative_difference(gradient, expected) < 1e-12
    for name, part in named_views(case.network, gradient).items():
        assert relative_difference(part, named_views(case.network, expected)[name]) < 1e-11, name


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("seed", SEEDS)
def test_states_and_their_gradients_equal_the_reference(seed, kernel):
    kernel, case = kernel_named(kernel), random_case(seed)
    h0 = case.h0 if seed % 3 else None
    arguments = case.network, case.parameters, case.sequences
    for actual, expected in zip(
        (
            *kernel.states(*arguments, h0),
            *kernel.states_gradient(*arguments, case.upstream, h0),
        ),
        (
            *REFERENCE.states(*arguments, h0),
            *REFERENCE.states_gradient(*arguments, case.upstream, h0),
        ),
        strict=True,
    ):
        assert relative_difference(actual, expected) < 1e-12


@pytest.mark.parametrize("kernel", available_kernels())
def test_gradients_of_values_and_initial_state_equal_central_differences(kernel):
    kernel, case = kernel_named(kernel), random_case(1, **SMOOTH)
    rng = np.random.default_rng(0)

    def objective(values, h0):
        sequences = SequenceBatch.of_lengths(values, case.sequences.lengths)
        return np.sum(
            case.upstream * kernel.states(case.network, case.parameters, sequences, h0)[0]
        )

    _, d_values, d_h0 = kernel.states_gradient(
        case.network, case.parameters, case.sequences, case.upstream, case.h0
    )
    values = case.sequences.values
    for _ in range(5):
        direction = rng.standard_normal(values.shape)
        expected = central_difference(lambda v: objective(v, case.h0), values, direction)
        assert np.sum(d_values * direction) == pytest.approx(expected, rel=1e-6)
        direction = rng.standard_normal(case.h0.shape)
        expected = central_difference(lambda h: objective(values, h), case.h0, direction)
        assert np.sum(d_h0 * direction) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kernel", available_kernels())
def test_gradient_of_a_ragged_batch_is_the_sum_over_its_sequences(kernel, seed):
    kernel, case = kernel_named(kernel), random_case(seed, ragged=True, most=(20, 9, 20, 20))
    arguments = case.network, case.parameters, case.sequences, case.targets, case.loss
    rows = np.arange(len(case.sequences))
    _, together = kernel.loss_gradient(*arguments, rows)
    alone = sum(kernel.loss_gradient(*arguments, rows[i : i + 1])[1] for i in rows)
    assert relative_difference(together, alone) < 1e-12


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("seed", range(20))
def test_outputs_do_not_depend_on_the_company(seed, kernel):
    """A sequence alone and among others gives the same bits in float64."""
    kernel, case = kernel_named(kernel), random_case(seed)
    together = kernel.outputs(case.network, case.parameters, case.sequences)
    for i in range(len(case.sequences)):
        part = case.sequences.values[steps_of(case.sequences, i)]
        single = SequenceBatch.of_lengths(part, [len(part)])
        alone = kernel.outputs(case.network, case.parameters, single)[0]
        if kernel.name == "compiled":
            np.testing.assert_array_equal(alone, together[i])
        else:  # BLAS sums in an order of its own
            np.testing.assert_allclose(alone, together[i], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("seed", range(20))
def test_single_precision_follows_double(seed, kernel):
    kernel = kernel_named(kernel)
    single, double = random_case(seed, np.float32), random_case(seed)
    rows = np.arange(len(single.sequences))
    score, gradient = kernel.loss_gradient(*single[:5], rows)
    expected_score, expected = REFERENCE.loss_gradient(*double[:5], rows)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(score.loss, expected_score.loss, rtol=2e-5)
    assert relative_difference(gradient, expected) < 1e-4


def torch_loss(torch, output, targets, loss, i):
    """The loss of one sequence's outputs, in PyTorch's functions."""
    if loss.kind == "huber":
        wanted = torch.tensor(targets.values[i])
        if np.isinf(loss.delta):
            return torch.nn.functional.mse_loss(output, wanted) / 2
        return torch.nn.functional.huber_loss(output, wanted, delta=loss.delta)
    if loss.kind == "multilabel":
        wanted = torch.tensor(targets.values[i])
        return torch.nn.functional.binary_cross_entropy_with_logits(output, wanted, reduction="sum")
    if len(output) == 1:
        output = torch.cat([torch.zeros(1, dtype=torch.float64), output])
    if targets.values is None:
        label = torch.tensor(int(targets.labels[i]))
        q = torch.nn.functional.one_hot(label, len(output)).double()
    else:
        q = torch.tensor(targets.values[i])
        q = torch.cat([1 - q, q]) if len(q) == 1 else q
    log_p = torch.log_softmax(output, 0)
    if loss.kind == "focal":
        return -(q * (1 - log_p.exp()) ** loss.gamma * log_p).sum()
    return -(q * log_p).sum()


def torch_cell(torch, network, activations, p, ending, x):
    """The states (T, H) of one cell, whose parameters' names have this ending."""
    zeta = torch.sigmoid(p["zeta_hat" + ending])
    nu = 0.0 if network.bounded else torch.sigmoid(p["nu_hat" + ending])
    h, states = torch.zeros(network.hidden_size, dtype=torch.float64), []
    for x_t in x:
        a = p["W" + ending] @ x_t + p["U" + ending] @ h
        z = activations[network.gate_activation](a + p["bias_gate" + ending])
        c = activations[network.update_activation](a + p["bias_update" + ending])
        h = (zeta * (1 - z) + nu) * c + z * h
        states.append(h)
    return torch.stack(states)


def torch_summary(torch, network, p, states, ends):
    """What the head reads of states (T, R), of which `ends` are the last of each cell."""
    return {
        "last": lambda: torch.cat(ends),
        "mean": lambda: states.mean(0),
        "max": lambda: states.max(0).values,
        "attention": lambda: torch.softmax(states @ p["attention"], 0) @ states,
    }[network.pooling]()


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("seed", range(20))
def test_gradient_equals_pytorch_autograd(seed, kernel):
    torch = pytest.importorskip("torch", reason="compares with PyTorch's autograd")
    kernel, case = kernel_named(kernel), random_case(seed)
    network = case.network
    activations = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "hard_sigmoid": lambda x: ((x + 1) / 2).clamp(0, 1),
        "hard_tanh": lambda x: x.clamp(-1, 1),
    }
    flat = torch.tensor(case.parameters, requires_grad=True)
    p, start = {}, 0
    for name, view in named_views(network, case.parameters).items():
        p[name] = flat[start : start + view.size].reshape(view.shape)
        start += view.size
    loss = torch.zeros((), dtype=torch.float64)
    for i in range(len(case.sequences)):
        states = torch.tensor(case.sequences.values[steps_of(case.sequences, i)])
        for layer in range(network.n_layers):
            ending = "" if layer == 0 else f"_{layer + 1}"
            forward = torch_cell(torch, network, activations, p, ending, states)
            ends = [forward[-1]]
            if network.bidirectional:
                back = torch_cell(
                    torch, network, activations, p, ending + "_reverse", states.flip(0)
                )
                ends.append(back[-1])
                forward = torch.cat([forward, back.flip(0)], dim=1)
            states = forward
        summary = torch_summary(torch, network, p, states, ends)
        output = p["head_weight"] @ summary + p["head_bias"]
        weight = 1.0 if case.targets.weights is None else float(case.targets.weights[i])
        loss = loss + weight * torch_loss(torch, output, case.targets, case.loss, i)
    loss.backward()
    rows = np.arange(len(case.sequences))
    score, gradient = kernel.loss_gradient(*case[:5], rows)
    assert score.loss == pytest.approx(loss.item(), rel=1e-9)
    assert relative_difference(gradient, flat.grad.numpy()) < 1e-9
