"""Networks whose W and U are products of factors of a low rank."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kernels import (
    COMPILED,
    REFERENCE,
    SMOOTH,
    assert_gradient_is_the_slope,
    every_row,
    random_case,
    relative_difference,
)
from helpers.torch_network import (
    dense_case,
    flat_of,
    loss_in_pytorch,
    one_cell_case,
    tensors_of,
)

from skfastgrnn.kernels import Frozen, available_kernels, expand, kernel_named, pull_back
from skfastgrnn.network import (
    Dropout,
    Network,
    Optimizer,
    cell_parts,
    initial,
    n_decayed,
    n_parameters,
    named_views,
    shapes,
)

RANKS = [{"rank_w": 2}, {"rank_u": 3}, {"rank_w": 1, "rank_u": 4}, {"rank_w": 50, "rank_u": 50}]
BITS = [None, 8, 4]


def compressed_case(seed, dtype=np.float64, most=(8, 9, 30, 20), **compression):
    """A random case of any number of layers and directions, smooth in its parameters."""
    case = random_case(seed, dtype, **SMOOTH, most=most)
    network = replace(case.network, **compression)
    rng = np.random.default_rng(seed)
    theta = initial(network, 10, rng, np.float64)
    theta += 0.05 * rng.standard_normal(len(theta))
    loss = replace(case.loss, delta=np.inf)
    return case._replace(network=network, parameters=theta.astype(dtype), loss=loss)


def trained(kernel, case, epochs=2, batch_size=7, n_threads=1, mask=None, **settings):
    """Parameters after some epochs, the last one's totals, and the optimizer."""
    theta = case.parameters.copy()
    optimizer = Optimizer(np.zeros_like(theta), np.zeros_like(theta), **settings)
    options = {"dropout": Dropout(0.2, 3), "n_threads": n_threads}
    if mask is not None:
        options["parametrization"] = Frozen(mask.astype(theta.dtype))
    for epoch in range(epochs):
        rows = np.random.default_rng(epoch).permutation(len(case.sequences))
        totals = kernel.train_epoch(
            case.network, theta, *case[2:5], rows, optimizer, batch_size, **options
        )
    return theta, totals, optimizer


# What the parameters are


def test_parameters_of_a_dense_network_are_not_copied():
    network = Network(3, 4, 2, n_layers=2)
    theta = np.arange(float(n_parameters(network)))
    assert network.dense is network
    assert expand(network, theta) is theta
    assert pull_back(network, theta, theta) is theta


def test_factors_take_the_place_of_matrices_with_the_rank_that_a_cell_has_room_for():
    network = Network(3, 6, 2, n_layers=2, bidirectional=True, rank_w=5, rank_u=9)
    found = shapes(network)
    assert found["W1"] == found["W1_reverse"] == (6, 3)  # 3 channels
    assert found["W2"] == (3, 3)
    assert (found["W1_2"], found["W2_2"]) == ((6, 5), (5, 12))
    assert (found["U1"], found["U2_2_reverse"]) == ((6, 6), (6, 6))
    assert not {"W", "U", "W_2", "W_log_step", "W1_log_step"} & set(found)
    assert list(found)[:4] == ["W1", "W2", "U1", "U2"]
    assert n_decayed(network) == sum(np.prod(shape) for shape in found.values() if len(shape) == 2)


def test_only_the_ranks_that_are_set_make_factors():
    assert {"W1", "W2", "U"} < set(shapes(Network(3, 6, 2, rank_w=2)))
    assert {"W", "U1", "U2"} < set(shapes(Network(3, 6, 2, rank_u=2)))


@pytest.mark.parametrize("ranks", RANKS, ids=str)
def test_expanded_parameters_are_products_of_factors(ranks):
    case = compressed_case(3, **ranks)
    network = replace(case.network, n_layers=3, bidirectional=True)
    theta = initial(network, 10, np.random.default_rng(0), np.float64)
    cells = cell_parts(network, named_views(network, theta))
    dense = named_views(network.dense, expand(network, theta))
    for given, made in zip(cells, cell_parts(network.dense, dense), strict=True):
        for name in ("W", "U"):
            whole = given[name] if name in given else given[name + "1"] @ given[name + "2"]
            np.testing.assert_allclose(made[name], whole, rtol=1e-13)
        np.testing.assert_array_equal(made["bias_gate"], given["bias_gate"])
        np.testing.assert_array_equal(made["nu_hat"], given["nu_hat"])


@pytest.mark.parametrize("rank", [1, 4, 16])
def test_products_of_initial_factors_vary_as_initial_matrices_do(rank):
    network = Network(64, 300, 2, rank_w=rank, rank_u=rank)
    theta = initial(network, 10, np.random.default_rng(0), np.float64)
    parts = named_views(network.dense, expand(network, theta))
    for name in ("W", "U"):
        assert parts[name].std() == pytest.approx(0.1, rel=0.25), name


# Gradients


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("ranks", RANKS, ids=str)
@pytest.mark.parametrize("seed", range(8))
def test_gradient_equals_central_differences(seed, ranks, kernel):
    case = compressed_case(seed, **ranks)
    assert_gradient_is_the_slope(kernel_named(kernel), case, np.random.default_rng(seed))


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("ranks", [{}, *RANKS], ids=str)
def test_gradient_equals_pytorch_autograd(ranks, bits, kernel):
    """Rounded weights with straight-through gradients, some of them clipped."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch's autograd")
    for seed in range(4):
        case = one_cell_case(seed, bits=bits, **ranks)
        parts = tensors_of(torch, case)
        loss = loss_in_pytorch(torch, case, parts)
        loss.backward()
        score, gradient = kernel_named(kernel).loss_gradient(*case[:5], every_row(case))
        assert score.loss == pytest.approx(loss.item(), rel=1e-12)
        views = named_views(case.network, gradient)
        assert list(views) == list(parts)
        for name, part in views.items():
            expected = parts[name].grad.numpy()
            assert np.abs(expected).max() > 0, name
            assert relative_difference(part, expected) < 1e-9, name


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("bits", BITS)
def test_all_else_is_that_of_the_expanded_network(bits, kernel):
    """States, outputs and losses, and the gradients of values and initial states."""
    kernel = kernel_named(kernel)
    for seed in range(6):
        case = compressed_case(seed, rank_w=2, rank_u=3, bits=bits)
        whole, h0 = dense_case(case), case.h0
        for method, options in (
            ("states", (h0,)),
            ("last_states", ()),
            ("outputs", ()),
        ):
            for ours, theirs in zip(
                getattr(kernel, method)(*case[:3], *options),
                getattr(kernel, method)(*whole[:3], *options),
                strict=True,
            ):
                np.testing.assert_array_equal(ours, theirs)
        rows = every_row(case)
        assert kernel.loss(*case[:5], rows) == kernel.loss(*whole[:5], rows)
        gradient, *ours = kernel.states_gradient(*case[:3], case.upstream, h0)
        of_dense, *theirs = kernel.states_gradient(*whole[:3], case.upstream, h0)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, other)
        expected = pull_back(case.network, case.parameters, of_dense)
        np.testing.assert_array_equal(gradient, expected)


# Training


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
def test_fifty_steps_equal_pytorch(solver, bits, kernel):
    """Its own gradients and optimizers; AdamW decays the factors, neither biases nor steps."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    case = one_cell_case(1, rank_w=3, rank_u=4, bits=bits)
    parts, n = tensors_of(torch, case), len(case.sequences)
    theta = case.parameters.copy()
    theirs, ours = {
        "adam": (torch.optim.Adam, {}),
        "adamw": (torch.optim.AdamW, {"alpha": 0.1}),
        "sgd": (torch.optim.SGD, {"momentum": 0.0}),
    }[solver]
    decay = {"weight_decay": ours["alpha"]} if "alpha" in ours else {}
    matrices = [part for part in parts.values() if part.ndim == 2]
    others = [part for part in parts.values() if part.ndim < 2]
    peer = theirs([{"params": matrices, **decay}, {"params": others, "weight_decay": 0}], lr=0.003)
    optimizer = Optimizer(
        np.zeros_like(theta), np.zeros_like(theta), solver=solver, learning_rate=0.003, **ours
    )
    for _ in range(50):
        peer.zero_grad()
        (loss_in_pytorch(torch, case, parts) / n).backward()
        peer.step()
        kernel_named(kernel).train_epoch(
            case.network, theta, *case[2:5], every_row(case), optimizer, n
        )
    assert np.abs(theta - case.parameters).max() > 0.01
    assert relative_difference(theta, flat_of(parts)) < 1e-7


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"alpha": 0.3},
        {"clip_value": 0.02, "clip_norm": 0.05},
        {"solver": "adamw", "alpha": 0.3},
        {"solver": "sgd"},
        {"solver": "rmsprop"},
        {"solver": "adagrad"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())) or "plain",
)
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("ranks", [{}, {"rank_w": 2, "rank_u": 4}], ids=str)
def test_epochs_equal_the_reference(ranks, bits, settings, kernel):
    """With dropout, and with half of the parameters frozen for every other seed."""
    for seed in range(4):
        case = compressed_case(seed, bits=bits, **ranks)
        mask = np.random.default_rng(seed).random(len(case.parameters)) < 0.5 if seed % 2 else None
        settings = {"learning_rate": 0.003, **settings}
        actual, totals, optimizer = trained(kernel_named(kernel), case, mask=mask, **settings)
        expected, expected_totals, peer = trained(REFERENCE, case, mask=mask, **settings)
        if mask is not None:
            np.testing.assert_array_equal(actual[~mask], case.parameters[~mask])
        assert relative_difference(actual, expected) < 1e-9
        assert relative_difference(optimizer.first, peer.first) < 1e-9
        np.testing.assert_allclose(totals, expected_totals, rtol=1e-9)


@pytest.mark.parametrize("kernel", available_kernels())
def test_frozen_factors_stay_and_others_move(kernel):
    case = compressed_case(5, rank_w=2, rank_u=2, bits=8)
    for frozen in ("W1", "U2", "head_weight_log_step"):
        mask = np.ones(len(case.parameters), bool)
        named_views(case.network, mask)[frozen][...] = False
        theta, *_ = trained(kernel_named(kernel), case, mask=mask, alpha=0.1)
        np.testing.assert_array_equal(theta[~mask], case.parameters[~mask])
        for name, part in named_views(case.network, theta).items():
            changed = part != named_views(case.network, case.parameters)[name]
            assert changed.any() == (name != frozen), name


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bits", [None, 4])
def test_threads_do_not_change_a_bit(bits, dtype, kernel):
    case = compressed_case(4, dtype, most=(8, 9, 30, 300), rank_w=3, rank_u=5, bits=bits)
    n = len(case.sequences)
    assert n > 100
    once, totals, optimizer = trained(kernel_named(kernel), case, batch_size=n)
    again, again_totals, again_optimizer = trained(kernel_named(kernel), case, 2, n, n_threads=3)
    np.testing.assert_array_equal(again, once)
    np.testing.assert_array_equal(again_optimizer.second, optimizer.second)
    assert again_totals == totals


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("seed", range(6))
def test_single_precision_follows_double(seed, kernel):
    ranks = {"rank_w": 2, "rank_u": 3}
    single, double = (compressed_case(seed, dtype, **ranks) for dtype in (np.float32, np.float64))
    score, gradient = kernel_named(kernel).loss_gradient(*single[:5], every_row(single))
    expected_score, expected = REFERENCE.loss_gradient(*double[:5], every_row(double))
    assert gradient.dtype == np.float32
    assert score.loss == pytest.approx(expected_score.loss, rel=2e-5)
    assert relative_difference(gradient, expected) < 1e-4
    ours, *_ = trained(kernel_named(kernel), single, solver="sgd", learning_rate=0.01)
    theirs, *_ = trained(REFERENCE, double, solver="sgd", learning_rate=0.01)
    assert ours.dtype == np.float32
    assert relative_difference(ours, theirs) < 1e-4


# What is refused


@pytest.mark.parametrize("name", ["rank_w", "rank_u", "bits"])
@pytest.mark.parametrize("value", [True, 2.0, "8", np.float64(4)])
def test_a_compression_that_is_no_integer_is_refused(name, value):
    with pytest.raises(TypeError, match=f"{name} of a network must be an int"):
        Network(1, 2, 1, **{name: value})


@pytest.mark.parametrize(
    "wrong", [{"rank_w": 0}, {"rank_u": -1}, {"bits": 0}, {"bits": 1}, {"bits": 16}], ids=str
)
def test_an_impossible_compression_is_refused(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} of a network must be .*, not {value}"):
        Network(1, 2, 1, **wrong)
