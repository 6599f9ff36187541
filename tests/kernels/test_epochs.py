"""Whole epochs: the reference's numbers, and the same bits for any number of threads."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kernels import COMPILED, REFERENCE, random_case, relative_difference

from skfastgrnn.kernels import IDENTITY, Frozen, available_kernels, kernel_named
from skfastgrnn.network import (
    Dropout,
    Loss,
    Network,
    Optimizer,
    SequenceBatch,
    Targets,
    n_decayed,
    n_parameters,
    named_views,
    tensors,
)


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
