"""Random networks and sequences for the kernel tests."""

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import (
    ACTIVATIONS,
    GATES_TO_1,
    POOLINGS,
    UPDATES_TO_1,
    Loss,
    Network,
    Optimizer,
    SequenceBatch,
    Targets,
    n_parameters,
    named_views,
    shapes,
)

REFERENCE = kernel_named("reference")
COMPILED = [name for name in available_kernels() if name != "reference"]

#: Of `random_case`: without kinks, which the finite steps of central differences might cross.
SMOOTH = {
    "activations": ("sigmoid", "tanh"),
    "poolings": tuple(pooling for pooling in POOLINGS if pooling != "max"),
}


class Case(NamedTuple):
    network: Network
    parameters: np.ndarray
    sequences: SequenceBatch
    targets: Targets
    loss: Loss
    h0: np.ndarray
    upstream: np.ndarray


def random_case(
    seed,
    dtype=np.float64,
    *,
    ragged=None,
    most=(50, 20, 70, 40),
    activations=ACTIVATIONS,
    poolings=POOLINGS,
):
    """Sizes up to `most` (T, D, H, batch), and any lengths and targets."""
    rng = np.random.default_rng(seed)
    T, D, H, B = (int(rng.integers(1, n + 1)) for n in most)
    classes = int(rng.integers(2, 14))
    gate, update = (str(rng.choice(activations)) for _ in range(2))
    can_be_bounded = gate in GATES_TO_1 and update in UPDATES_TO_1
    network = Network(
        n_channels=D,
        hidden_size=H,
        n_outputs=1 if classes == 2 else classes,
        pooling=str(rng.choice(poolings)),
        gate_activation=gate,
        update_activation=update,
        n_layers=int(rng.choice([1, 1, 2, 3])),
        bidirectional=bool(rng.random() < 0.4),
        bounded=can_be_bounded and bool(rng.random() < 0.3),
    )
    # Small enough for the states to stay finite with relu over 50 steps.
    scale = 0.3 / np.sqrt(max(D, H)) / network.n_cells
    parameters = scale * rng.standard_normal(n_parameters(network))
    if ragged is None:
        ragged = rng.random() < 0.5
    lengths = rng.integers(1, T + 1, size=B) if ragged else np.full(B, T)
    values = rng.standard_normal((lengths.sum(), D))
    weights = rng.uniform(0, 2, B).astype(dtype) if rng.random() < 0.5 else None
    targets, loss = random_targets(rng, B, network.n_outputs, classes, dtype)
    return Case(
        network,
        parameters.astype(dtype),
        SequenceBatch.of_lengths(values.astype(dtype), lengths),
        targets._replace(weights=weights),
        loss,
        rng.standard_normal((B, network.n_cells, H)).astype(dtype),
        rng.standard_normal((lengths.sum(), network.n_states)).astype(dtype),
    )


def random_targets(rng, B, n_outputs, classes, dtype):
    """Targets of a random kind, and a loss that they are for."""
    kind = rng.choice(["labels", "probabilities", "squared error", "huber", "focal", "multilabel"])
    if kind == "labels":
        return Targets(labels=rng.integers(0, classes, B).astype(np.int32)), Loss()
    if kind == "focal":
        gamma = float(rng.choice([0.5, 1.0, 2.0]))
        return Targets(labels=rng.integers(0, classes, B).astype(np.int32)), Loss(kind, gamma=gamma)
    if kind == "multilabel":
        return Targets(values=rng.integers(0, 2, (B, n_outputs)).astype(dtype)), Loss(kind)
    if kind == "probabilities":
        soft = rng.dirichlet(np.ones(classes), B)[:, -n_outputs:]
        return Targets(values=np.ascontiguousarray(soft, dtype=dtype)), Loss()
    values = rng.standard_normal((B, n_outputs)).astype(dtype)
    delta = np.inf if kind == "squared error" else 0.7
    return Targets(values=values), Loss("huber", delta=delta)


def relative_difference(actual, expected):
    """Largest difference, relative to the largest expected entry."""
    scale = np.abs(expected).max() if expected.size else 1.0
    return np.abs(actual - expected).max() / max(scale, 1e-300) if expected.size else 0.0


def unaligned(array):
    """A copy that begins at an odd address."""
    copied = np.frombuffer(bytearray(array.nbytes + 1), array.dtype, array.size, offset=1)
    copied = copied.reshape(array.shape)
    copied[...] = array
    return copied


def steps_of(sequences, i):
    """Where sequence i lies in the values."""
    return slice(sequences.starts[i], sequences.starts[i] + sequences.lengths[i])


def case_with(loss, n_outputs, seed, dtype=np.float64):
    """A random network and sequences for a loss; with weights, some of them zero, for odd seeds."""
    case = random_case(seed, dtype, **SMOOTH, most=(9, 5, 20, 40))
    rng, n = np.random.default_rng(seed), len(case.sequences)
    network = replace(case.network, n_outputs=n_outputs)
    parameters = 0.3 / network.n_cells * rng.standard_normal(n_parameters(network))
    weights = rng.choice([0, 0.5, 1, 1.7], n).astype(dtype) if seed % 2 else None
    if loss.kind == "multilabel":
        targets = Targets(values=rng.integers(0, 2, (n, n_outputs)).astype(dtype), weights=weights)
    else:
        labels = rng.integers(0, max(2, n_outputs), n).astype(np.int32)
        targets = Targets(labels=labels, weights=weights)
    return case._replace(
        network=network, parameters=parameters.astype(dtype), targets=targets, loss=loss
    )


def case_of_logits(logits, targets, loss, dtype=np.float64):
    """A head that returns these logits (n_outputs,) for each of the targets' sequences."""
    network = Network(1, 2, len(logits))
    parameters = np.zeros(n_parameters(network), dtype)
    named_views(network, parameters)["head_bias"][...] = logits
    n = len(targets.values if targets.labels is None else targets.labels)
    sequences = SequenceBatch.of_equal_length(np.ones((3 * n, 1), dtype), 3, n)
    return Case(network, parameters, sequences, targets, loss, None, None)


def every_row(case):
    """The rows of all sequences."""
    return np.arange(len(case.sequences))


def at_last_state(case):
    """The case of a network that reads the last state, whatever its pooling was."""
    network, parts = replace(case.network, pooling="last"), named_views(*case[:2])
    parameters = np.concatenate([parts[name].ravel() for name in shapes(network)])
    return case._replace(network=network, parameters=parameters)


def score_and_slope(kernel, case):
    """The score, and the gradient (n_outputs,) of the outputs, which is that of the biases."""
    score, gradient = kernel.loss_gradient(*case[:5], every_row(case))
    return score, named_views(case.network, gradient)["head_bias"]


def trained(kernel, case, batch_size, n_threads=1):
    """Parameters, the totals of the last of two epochs, and the optimizer's moments."""
    parameters = case.parameters.copy()
    optimizer = Optimizer(np.zeros_like(parameters), np.zeros_like(parameters))
    for epoch in range(2):
        rows = np.random.default_rng(epoch).permutation(len(case.sequences))
        totals = kernel.train_epoch(
            case.network,
            parameters,
            *case[2:5],
            rows,
            optimizer,
            batch_size,
            n_threads,
        )
    return parameters, totals, optimizer.first, optimizer.second


def slope_along(function, direction):
    """The derivative of function(step) at 0; with steps so long that rounding does not matter.

    Richardson's extrapolation makes up for them.
    """
    steps = 0.016 / 2.0 ** np.arange(4)
    slopes = [(function(h * direction) - function(-h * direction)) / (2 * h) for h in steps]
    for order in (4, 16, 64):
        slopes = [(order * near - far) / (order - 1) for far, near in pairwise(slopes)]
    return slopes[0]


def assert_gradient_is_the_slope(kernel, case, rng):
    """Of the loss: uphill, and somewhere, where nothing can hide beside the gradient."""
    score, gradient = kernel.loss_gradient(*case[:5], every_row(case))

    def loss(step):
        return kernel.loss(
            *case._replace(parameters=case.parameters + step)[:5], every_row(case)
        ).loss

    # Of the gradient's length; and the rounding of the losses, over the finite step.
    tolerance = 2e-9 * np.linalg.norm(gradient) + 1e-12 * score.loss
    for direction in (
        gradient,
        gradient + np.abs(gradient).max() * rng.choice([-1, 1], len(gradient)),
    ):
        direction = direction / np.linalg.norm(direction)
        assert abs(gradient @ direction - slope_along(loss, direction)) <= tolerance


def assert_head_equals_pytorch(torch, kernel, case, loss_of_sequence):
    """Loss and gradient of the head to 1e-9; `loss_of_sequence` takes its outputs and number."""
    case = at_last_state(case)
    score, gradient = kernel.loss_gradient(*case[:5], every_row(case))
    parts = named_views(case.network, case.parameters)
    weight, bias = (
        torch.tensor(parts[name], requires_grad=True) for name in ("head_weight", "head_bias")
    )
    states, weights = torch.tensor(kernel.last_states(*case[:3])), case.targets.weights
    loss = sum(
        (1.0 if weights is None else float(weights[i]))
        * loss_of_sequence(weight @ states[i] + bias, i)
        for i in every_row(case)
    )
    loss.backward()
    assert abs(score.loss - loss.item()) <= 1e-9 * abs(loss.item()) + 1e-12
    actual = named_views(case.network, gradient)
    assert relative_difference(actual["head_weight"], weight.grad.numpy()) < 1e-9
    assert relative_difference(actual["head_bias"], bias.grad.numpy()) < 1e-9


def assert_equals_the_reference(kernel, reference, make_case, rng):
    """Losses, gradients and epochs; those in single precision follow. `make_case` takes a dtype."""
    case = make_case(np.float64)
    rows = rng.permutation(len(case.sequences))
    score, gradient = kernel.loss_gradient(*case[:5], rows)
    expected_score, expected = reference.loss_gradient(*case[:5], rows)
    np.testing.assert_allclose(score, expected_score, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(kernel.loss(*case[:5], rows), score, rtol=1e-12)
    assert relative_difference(gradient, expected) < 1e-12
    _, rounded = kernel.loss_gradient(*make_case(np.float32)[:5], rows)
    assert rounded.dtype == np.float32
    assert relative_difference(rounded, expected) < 2e-5
    ours, theirs = (trained(k, case, batch_size=7) for k in (kernel, reference))
    assert relative_difference(ours[0], theirs[0]) < 1e-9
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-9, atol=1e-12)
