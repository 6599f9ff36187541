"""Whole epochs: the reference's numbers, and the same bits for any number of threads."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.estimators import run_python
from helpers.kernels import random_case, relative_difference

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.kernels.reference._activations import FUNCTIONS
from skfastgrnn.kernels.reference._optimizers import OPTIMIZERS
from skfastgrnn.kernels.reference._parametrizations import KINDS
from skfastgrnn.kernels.reference._tables import complete
from skfastgrnn.network import (
    ACTIVATIONS,
    IDENTITY,
    PARAMETRIZATIONS,
    SOLVERS,
    Dropout,
    Frozen,
    Loss,
    Network,
    Optimizer,
    SequenceBatch,
    Targets,
    n_decayed,
    n_parameters,
    named_views,
    shapes,
    tensors,
)

REFERENCE = kernel_named("reference")
COMPILED = [name for name in available_kernels() if name != "reference"]


def new_optimizer(case, **settings):
    first, second = np.zeros((2, len(case.parameters)), dtype=case.parameters.dtype)
    return Optimizer(first, second, **settings)


def trained(
    kernel,
    case,
    batch_size,
    n_threads=1,
    epochs=3,
    dropout=None,
    parametrization=IDENTITY,
    **settings,
):
    """Parameters, optimizer and totals after some epochs in a fixed random order."""
    parameters, adam = case.parameters.copy(), new_optimizer(case, **settings)
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        rows = rng.permutation(len(case.sequences))
        totals = kernel.train_epoch(
            case.network,
            parameters,
            case.sequences,
            case.targets,
            case.loss,
            rows,
            adam,
            batch_size,
            n_threads,
            dropout,
            parametrization=parametrization,
        )
    return parameters, adam, totals


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"alpha": 0.3},
        {"clip_norm": 0.05},
        {"clip_value": 0.01},
        {"clip_value": 0.02, "clip_norm": 0.05},
        {"solver": "adamw", "alpha": 0.3},
        {"solver": "sgd"},
        {"solver": "sgd", "nesterov": False, "alpha": 0.1},
        {"solver": "sgd", "momentum": 0.0},
        {"solver": "rmsprop", "beta_2": 0.9},
        {"solver": "adagrad"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())) or "plain",
)
@pytest.mark.parametrize("seed", range(6))
def test_epochs_equal_the_reference(seed, settings, kernel):
    """With dropout for odd seeds, and with some parameters frozen for every third."""
    case = random_case(seed, most=(20, 12, 40, 40))
    if seed % 3 == 0:
        frozen = np.random.default_rng(seed).random(len(case.parameters)) < 0.5
        settings = {**settings, "parametrization": Frozen(1.0 - frozen)}
    dropout = Dropout(0.25, seed) if seed % 2 else None
    actual, adam, totals = trained(kernel_named(kernel), case, 7, dropout=dropout, **settings)
    expected, expected_adam, expected_totals = trained(
        REFERENCE, case, 7, dropout=dropout, **settings
    )
    if seed % 3 == 0:
        np.testing.assert_array_equal(actual[frozen], case.parameters[frozen])
    assert relative_difference(actual, expected) < 1e-9
    assert relative_difference(adam.first, expected_adam.first) < 1e-9
    assert relative_difference(adam.second, expected_adam.second) < 1e-9
    assert adam.step == expected_adam.step
    np.testing.assert_allclose(totals, expected_totals, rtol=1e-9)


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("steps", "n"), [(30, 100), (30, 700), (2, 3000)])
def test_threads_do_not_change_a_bit(steps, n, dtype, kernel):
    """Also where a minibatch has more blocks than fit between two meetings of the threads."""
    kernel = kernel_named(kernel)
    rng = np.random.default_rng(n)
    network = Network(3, 9, 4)
    lengths = rng.integers(1, steps + 1, n)
    values = rng.standard_normal((lengths.sum(), 3)).astype(dtype)
    case = random_case(0, dtype)._replace(
        network=network,
        parameters=(0.3 * rng.standard_normal(n_parameters(network))).astype(dtype),
        sequences=SequenceBatch.of_lengths(values, lengths),
        targets=Targets(labels=rng.integers(0, 4, n).astype(np.int32)),
        loss=Loss(),
    )
    rows = np.arange(n)
    parameters, adam, totals = trained(kernel, case, n)
    outputs = kernel.outputs(network, parameters, case.sequences)
    score, gradient = kernel.loss_gradient(
        network, parameters, case.sequences, case.targets, case.loss, rows
    )
    for n_threads in (2, 3, 8):
        again, again_adam, again_totals = trained(kernel, case, n, n_threads)
        np.testing.assert_array_equal(again, parameters)
        np.testing.assert_array_equal(again_adam.second, adam.second)
        assert again_totals == totals
        np.testing.assert_array_equal(
            kernel.outputs(network, parameters, case.sequences, n_threads), outputs
        )
        again_score, again_gradient = kernel.loss_gradient(
            network, parameters, case.sequences, case.targets, case.loss, rows, n_threads
        )
        assert again_score == score
        np.testing.assert_array_equal(again_gradient, gradient)
    if dtype == np.float64:
        _, expected = REFERENCE.loss_gradient(
            network, parameters, case.sequences, case.targets, case.loss, rows
        )
        assert relative_difference(gradient, expected) < 1e-11


PYTORCH = {
    "adam": ("Adam", {"eps": 1e-3}, {"epsilon": 1e-3}),
    "adamw": ("AdamW", {"eps": 1e-3, "weight_decay": 0.1}, {"epsilon": 1e-3, "alpha": 0.1}),
    "sgd": ("SGD", {"momentum": 0.8}, {"momentum": 0.8, "nesterov": False}),
    "nesterov": ("SGD", {"momentum": 0.8, "nesterov": True}, {"momentum": 0.8, "solver": "sgd"}),
    "rmsprop": ("RMSprop", {"alpha": 0.9, "eps": 1e-3}, {"beta_2": 0.9, "epsilon": 1e-3}),
    "rmsprop-0.999": ("RMSprop", {"alpha": 0.999}, {"beta_2": 0.999, "solver": "rmsprop"}),
    "adagrad": ("Adagrad", {"eps": 1e-3}, {"epsilon": 1e-3}),
}


@pytest.mark.parametrize("solver", PYTORCH)
@pytest.mark.parametrize("kernel", available_kernels())
def test_optimizers_equal_pytorch(kernel, solver):
    """Fifty steps over the whole of the data; AdamW there decays what weight decay shrinks here."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch's optimizers")
    kernel, case = kernel_named(kernel), random_case(2, most=(6, 4, 6, 12))
    name, theirs, ours = PYTORCH[solver]
    optimizer = new_optimizer(case, **{"solver": solver, "learning_rate": 0.02, **ours})
    parameters = case.parameters.copy()
    flat = torch.tensor(case.parameters)
    decayed, kept = (
        part.clone().requires_grad_() for part in flat.split(split_of_decay(case, flat))
    )
    groups = [{"params": [decayed]}, {"params": [kept], "weight_decay": 0}]
    peer = getattr(torch.optim, name)(groups, lr=0.02, **theirs)
    rows = np.arange(len(case.sequences))
    for _ in range(50):
        both = torch.cat([decayed, kept]).detach().numpy()
        score, gradient = kernel.loss_gradient(
            case.network, both, case.sequences, case.targets, case.loss, rows
        )
        gradient = torch.tensor(gradient / score.weight)
        decayed.grad, kept.grad = gradient.split(split_of_decay(case, gradient))
        peer.step()
        kernel.train_epoch(
            case.network,
            parameters,
            case.sequences,
            case.targets,
            case.loss,
            rows,
            optimizer,
            len(rows),
        )
    assert relative_difference(parameters, torch.cat([decayed, kept]).detach().numpy()) < 1e-10


def split_of_decay(case, flat):
    n = sum(
        part.size for part in named_views(case.network, case.parameters).values() if part.ndim > 1
    )
    return [n, len(flat) - n]


@pytest.mark.parametrize("kernel", available_kernels())
def test_something_not_finite_stops_before_it_reaches_the_parameters(kernel):
    kernel, case = kernel_named(kernel), random_case(4, ragged=False)
    values = case.sequences.values.copy()
    values[-1] = np.nan  # the last minibatch
    case = case._replace(sequences=SequenceBatch.of_lengths(values, case.sequences.lengths))
    parameters, adam = case.parameters.copy(), new_optimizer(case)
    rows, batch_size = np.arange(len(case.sequences)), 3
    totals = kernel.train_epoch(
        case.network, parameters, case.sequences, case.targets, case.loss, rows, adam, batch_size
    )
    assert totals.diverged
    assert totals.n_updates == adam.step == -(-len(rows) // batch_size) - 1
    assert np.isfinite(parameters).all()
    assert np.isfinite(adam.second).all()


@pytest.mark.parametrize("kernel", available_kernels())
def test_a_minibatch_without_weight_makes_no_update(kernel):
    kernel, case = kernel_named(kernel), random_case(5)
    n = len(case.sequences)
    case = case._replace(targets=case.targets._replace(weights=np.zeros(n)))
    parameters, adam, totals = trained(kernel, case, 4, alpha=1.0)
    np.testing.assert_array_equal(parameters, case.parameters)
    assert adam.step == totals.n_updates == 0


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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from Linux")
@pytest.mark.parametrize("kernel", COMPILED)
def test_prediction_keeps_no_histories(kernel):
    """Those of all sequences would take 1.5 GB; a process of its own sees its own peak."""
    script = f"""
import numpy as np
from pathlib import Path
from skfastgrnn.kernels import kernel_named
from skfastgrnn.network import Network, SequenceBatch, n_parameters

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

network, n = Network(1, 64, 1), 200_000
sequences = SequenceBatch.of_equal_length(np.ones((n * 10, 1), np.float32), 10, n)
parameters = np.zeros(n_parameters(network), np.float32)
before = peak()
kernel_named({kernel!r}).outputs(network, parameters, sequences)
print(peak() - before)
"""
    assert int(run_python(script)) < 30_000  # KiB


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("wrong", ["labels", "values", "weights"])
def test_targets_of_another_length_are_refused(kernel, wrong):
    """The compiled kernel would read beyond their end."""
    network = Network(2, 3, 2)
    sequences = SequenceBatch.of_equal_length(np.zeros((20, 2)), 4, 5)
    parameters = np.zeros(n_parameters(network))
    given = {
        "labels": np.zeros(5, np.int32),
        "values": np.full((5, 2), 0.5),
        "weights": np.ones(5),
    }
    given[wrong] = given[wrong][:4]
    targets = Targets(**given)
    with pytest.raises(ValueError, match="as many labels, values and weights as sequences"):
        kernel_named(kernel).loss(
            network, parameters, sequences, targets, Loss("distillation"), np.arange(5)
        )


def test_the_reference_kernel_lacks_no_activation_or_optimizer():
    """A name that was added to network/_spec.py alone fails when the package is imported."""
    assert complete({"a": abs, "b": len}, ("b", "a")) == {"a": abs, "b": len}
    with pytest.raises(ImportError, match=r"lacks \['c'\] and has \['b'\] too many"):
        complete({"a": abs, "b": len}, ("a", "c"))
    assert set(FUNCTIONS) == set(ACTIVATIONS)
    assert set(OPTIMIZERS) == set(SOLVERS)
    assert set(KINDS) == set(PARAMETRIZATIONS)


@pytest.mark.parametrize("kernel", COMPILED)
def test_both_kernels_have_one_table_of_tensors(kernel):
    """The same parts of the flat vector in the same order, of the same shapes."""
    compiled = kernel_named(kernel)
    for seed in range(20):
        network = random_case(seed, most=(1, 20, 70, 1)).network
        expected = [
            (t.kind.name, t.cell, t.shape[0], math.prod(t.shape[1:]), t.kind.decayed)
            for t in tensors(network)
        ]
        assert compiled.tensors(network) == expected


def test_a_table_of_tensors_is_that_of_the_documented_network():
    network = Network(3, 4, 5, n_layers=2, bidirectional=True)
    assert shapes(network) == {
        "W": (4, 3),
        "U": (4, 4),
        "W_reverse": (4, 3),
        "U_reverse": (4, 4),
        "W_2": (4, 8),
        "U_2": (4, 4),
        "W_2_reverse": (4, 8),
        "U_2_reverse": (4, 4),
        "head_weight": (5, 8),
        **{
            name + ending: (1,) if name.endswith("hat") else (4,)
            for ending in ("", "_reverse", "_2", "_2_reverse")
            for name in ("bias_gate", "bias_update", "zeta_hat", "nu_hat")
        },
        "head_bias": (5,),
    }
    assert list(shapes(network))[-2:] == ["nu_hat_2_reverse", "head_bias"]
    assert n_decayed(network) == 2 * (12 + 16) + 2 * (32 + 16) + 40
    assert n_parameters(network) == n_decayed(network) + 4 * 10 + 5


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


@pytest.mark.parametrize("kernel", COMPILED)
def test_one_row_takes_little_memory(kernel):
    """Weights once, two steps of histories, nothing for threads or passes that there are not."""
    kernel, network = kernel_named(kernel), Network(9, 32, 6)
    one, many = (
        SequenceBatch.of_equal_length(np.zeros((128 * n, 9), np.float32), 128, n) for n in (1, 640)
    )
    assert kernel.outputs_memory(network, one, n_threads=64) < 48_000
    by_thread = [kernel.outputs_memory(network, many, n_threads=n) for n in (1, 2, 3)]
    assert 4_000 < by_thread[1] - by_thread[0] == by_thread[2] - by_thread[1] < 50_000


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("lowest", [0, 1, 2, 3])
def test_cells_below_the_lowest_trained_one_are_not_back_propagated_through(lowest, solver, kernel):
    """What is trained above them is what it would be; they, and their moments, stay."""
    kernel = kernel_named(kernel)
    for seed in range(3):
        case = random_case(seed, most=(9, 5, 20, 20), activations=("sigmoid", "tanh"))
        network = replace(case.network, n_layers=3, n_outputs=4, bidirectional=seed == 1)
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 4, len(case.sequences)).astype(np.int32)
        case = case._replace(
            network=network,
            parameters=0.3 * rng.standard_normal(n_parameters(network)),
            targets=Targets(labels=labels),
            loss=Loss(),
        )
        mask = np.ones(n_parameters(network))
        for tensor in tensors(network):
            if tensor.cell is not None and tensor.cell // network.n_directions < lowest:
                mask[tensor.part] = 0
        n, settings = len(case.sequences), {"epochs": 1, "parametrization": Frozen(mask)}
        parameters, adam, totals = trained(
            kernel, case, n, solver=solver, alpha=0.1, learning_rate=0.01, **settings
        )
        _, gradient = kernel.loss_gradient(
            network, case.parameters, case.sequences, case.targets, case.loss, np.arange(n)
        )
        gradient /= n
        if solver != "adamw":
            decayed = n_decayed(network)
            gradient[:decayed] += 0.1 / n * case.parameters[:decayed]
        gradient *= mask
        np.testing.assert_allclose(totals.gradient_norm, np.linalg.norm(gradient), rtol=1e-9)
        first = gradient if solver == "sgd" else 0.1 * gradient
        np.testing.assert_allclose(adam.first, first, rtol=1e-8, atol=1e-15)
        np.testing.assert_array_equal(parameters[mask == 0], case.parameters[mask == 0])
        assert np.all(parameters[mask == 1] != case.parameters[mask == 1])
