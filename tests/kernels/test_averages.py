"""The moving average of parameters that an optimizer keeps: a closed form, PyTorch, the twins."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kernels import COMPILED, REFERENCE, every_row, random_case, relative_difference

from skfastgrnn.kernels import IDENTITY, Frozen, available_kernels, kernel_named
from skfastgrnn.network import Loss, Optimizer, SequenceBatch, Targets, n_parameters


def averaging(case, ema, **settings):
    first, second = np.zeros((2, len(case.parameters)), dtype=case.parameters.dtype)
    optimizer = Optimizer(first, second, **{"learning_rate": 0.05, **settings})
    if ema is not None:
        optimizer.begin_average(case.parameters, ema)
    return optimizer


def train(kernel, case, parameters, optimizer, batch_size, parametrization=IDENTITY, n_threads=1):
    return kernel.train_epoch(
        case.network,
        parameters,
        *case[2:5],
        every_row(case),
        optimizer,
        batch_size,
        n_threads,
        parametrization=parametrization,
    )


def path_of(kernel, case, n_updates, **settings):
    """The parameters (n_updates, P) after each update, one over all sequences at a time."""
    parameters, optimizer = case.parameters.copy(), averaging(case, None, **settings)
    path = []
    for _ in range(n_updates):
        train(kernel, case, parameters, optimizer, len(case.sequences))
        path.append(parameters.copy())
    return np.array(path)


def small_case(seed, dtype=np.float64):
    return random_case(seed, dtype, most=(8, 5, 9, 20))


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("ema", [0.05, 0.5, 0.99])
def test_it_is_the_weighted_mean_of_all_parameters(ema, kernel):
    """Update k, counted from 0, has the weight (1 - d_k) times the later decays."""
    kernel, case, n = kernel_named(kernel), small_case(1), 30
    path = path_of(kernel, case, n)
    decays = np.minimum(ema, (1 + np.arange(n)) / (10 + np.arange(n)))
    later = np.append(np.cumprod(decays[::-1])[::-1], 1.0)  # (n + 1): decays from the k-th on
    weights = np.append(later[0], (1 - decays) * later[1:])  # of the beginning, then of updates
    np.testing.assert_allclose(weights.sum(), 1.0)
    parameters, optimizer = case.parameters.copy(), averaging(case, ema)
    for _ in range(n):
        train(kernel, case, parameters, optimizer, len(case.sequences))
    np.testing.assert_array_equal(parameters, path[-1])
    expected = weights @ np.vstack([case.parameters, path])
    assert relative_difference(optimizer.average, expected) < 1e-12
    assert optimizer.n_averaged == n


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("ema", [0.1, 0.9])
def test_it_equals_the_averaged_model_of_pytorch(ema, kernel):
    """With 0.1 the warm-up never lowers the decay, so that PyTorch's own function says the same."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch's AveragedModel")
    kernel, case, n = kernel_named(kernel), small_case(2), 25
    model = torch.nn.Module()
    model.theta = torch.nn.Parameter(torch.tensor(case.parameters))

    def warmed_up(average, theta, n_averaged):
        n_before = int(n_averaged) - 1  # the first copies what an average begins with
        decay = min(ema, (1 + n_before) / (10 + n_before))
        return torch.optim.swa_utils.get_ema_avg_fn(decay)(average, theta, n_averaged)

    fixed = torch.optim.swa_utils.get_ema_avg_fn(ema)
    average_of = fixed if ema == 0.1 else warmed_up
    peer = torch.optim.swa_utils.AveragedModel(model, avg_fn=average_of)
    peer.update_parameters(model)
    for theta in path_of(kernel, case, n, solver="sgd"):
        model.theta.data = torch.tensor(theta)
        peer.update_parameters(model)
    parameters, optimizer = case.parameters.copy(), averaging(case, ema, solver="sgd")
    for _ in range(n):
        train(kernel, case, parameters, optimizer, len(case.sequences))
    assert relative_difference(optimizer.average, peer.module.theta.detach().numpy()) < 1e-12


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "rmsprop", "adagrad"])
@pytest.mark.parametrize("seed", range(4))
def test_epochs_equal_the_reference(seed, solver, kernel):
    """Of several minibatches, over two epochs; half of the parameters are frozen for odd seeds."""
    case = random_case(seed, most=(12, 6, 20, 40))
    parametrization, moved = IDENTITY, np.ones(len(case.parameters), dtype=bool)
    if seed % 2:
        moved = np.random.default_rng(seed).random(len(case.parameters)) < 0.5
        parametrization = Frozen(moved.astype(float))
    found = []
    for twin in (kernel_named(kernel), REFERENCE):
        parameters = case.parameters.copy()
        optimizer = averaging(case, 0.7, solver=solver, learning_rate=0.01, beta_2=0.9)
        for _ in range(2):
            train(twin, case, parameters, optimizer, 7, parametrization)
        found.append((parameters, optimizer))
    (parameters, ours), (_, theirs) = found
    assert ours.n_averaged == theirs.n_averaged == ours.step > 0
    assert relative_difference(ours.average, theirs.average) < 1e-9
    np.testing.assert_array_equal(ours.average[~moved], case.parameters[~moved])
    assert not np.array_equal(ours.average, parameters)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_does_not_move_keeps_its_bits(dtype, kernel):
    """For a thousand updates, where values times (d + (1 - d)) would drift."""
    kernel, case = kernel_named(kernel), small_case(3, dtype)
    frozen = np.arange(len(case.parameters)) % 2 == 0
    case.parameters[frozen] *= dtype(1 / 3)
    parametrization = Frozen((~frozen).astype(dtype))
    parameters, optimizer = case.parameters.copy(), averaging(case, 0.9)
    while optimizer.step < 1000:
        train(kernel, case, parameters, optimizer, 1, parametrization)
    np.testing.assert_array_equal(optimizer.average[frozen], case.parameters[frozen])


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_average_changes_no_bit_of_the_training(dtype, kernel):
    """Nor do threads change a bit of the average."""
    kernel, case = kernel_named(kernel), random_case(4, dtype, most=(12, 6, 20, 40))
    found = []
    for ema, n_threads in ((None, 1), (0.9, 1), (0.9, 3)):
        parameters, optimizer = case.parameters.copy(), averaging(case, ema)
        train(kernel, case, parameters, optimizer, 9, n_threads=n_threads)
        found.append((parameters, optimizer))
    for parameters, optimizer in found[1:]:
        np.testing.assert_array_equal(parameters, found[0][0])
        np.testing.assert_array_equal(optimizer.second, found[0][1].second)
    np.testing.assert_array_equal(found[1][1].average, found[2][1].average)


@pytest.mark.parametrize("kernel", available_kernels())
def test_an_average_can_begin_again(kernel):
    """What came before does not count: the same as one that begins with those parameters."""
    kernel, case = kernel_named(kernel), small_case(5)
    parameters, optimizer = case.parameters.copy(), averaging(case, 0.9)
    train(kernel, case, parameters, optimizer, 3)
    middle, moments = parameters.copy(), (optimizer.first.copy(), optimizer.second.copy())
    optimizer.begin_average(parameters, 0.9)
    other = replace(optimizer, first=moments[0], second=moments[1], average=middle.copy())
    for _ in range(3):
        train(kernel, case, parameters, optimizer, 3)
    other.n_averaged = 0
    for _ in range(3):
        train(kernel, case, middle, other, 3)
    np.testing.assert_array_equal(optimizer.average, other.average)
    assert optimizer.n_averaged == other.n_averaged == 3 * -(-len(case.sequences) // 3)


@pytest.mark.parametrize("kernel", available_kernels())
def test_an_update_that_is_not_made_does_not_count(kernel):
    """Without weight, or where the loss is not finite."""
    kernel, case = kernel_named(kernel), small_case(6)
    n = len(case.sequences)
    values = case.sequences.values.copy()
    values[-1] = np.nan  # of the last minibatch
    rng = np.random.default_rng(0)
    case = case._replace(
        network=replace(case.network, n_outputs=3, pooling="mean"),
        sequences=SequenceBatch.of_lengths(values, case.sequences.lengths),
        loss=Loss(),
    )
    weights = np.ones(n)
    weights[0] = 0
    labels = rng.integers(0, 3, n).astype(np.int32)
    case = case._replace(
        parameters=0.1 * rng.standard_normal(n_parameters(case.network)),
        targets=Targets(labels, weights=weights),
    )
    parameters, optimizer = case.parameters.copy(), averaging(case, 0.9)
    totals = train(kernel, case, parameters, optimizer, 1)
    assert totals.diverged
    assert optimizer.n_averaged == totals.n_updates == n - 2
    assert np.isfinite(optimizer.average).all()
