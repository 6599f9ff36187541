"""Networks whose matrices are rounded to few bits, each row with a step of its own."""

import numpy as np
import pytest
from helpers.kernels import every_row, random_case, relative_difference
from helpers.torch_network import one_cell_case

from skfastgrnn.kernels import Frozen, available_kernels, expand, kernel_named, pull_back
from skfastgrnn.network import (
    LEVELS,
    Network,
    Optimizer,
    first_log_steps,
    initial,
    integers,
    n_parameters,
    named_views,
    shapes,
    steps,
    with_log_steps,
)


def network_of_one_row(row, step, bits):
    """A network of one unit, and its parameters with this row (n,) for W and 0 elsewhere."""
    network = Network(len(row), 1, 1, bits=bits)
    theta = np.zeros(n_parameters(network))
    parts = named_views(network, theta)
    parts["W"][...] = row
    parts["W_log_step"][...] = np.log(step)
    return network, theta


def test_a_row_is_rounded_to_multiples_of_its_step_and_clipped():
    row = [0.0, 0.24, -0.26, 0.75, 1.25, 3.6, 3.8, -9.0]
    network, theta = network_of_one_row(row, 0.5, 4)
    dense = named_views(network.dense, expand(network, theta))
    expected = [0.0, 0.0, -0.5, 1.0, 1.0, 3.5, 3.5, -3.5]  # 1.5 and 2.5 steps round to even
    np.testing.assert_allclose(dense["W"][0], expected, rtol=1e-15)


def test_gradients_of_a_row_by_hand():
    """Straight through where nothing is clipped; the step's is what rounding has added."""
    row, d = [0.24, -0.26, 0.75, 3.7, 3.8, -9.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    network, theta = network_of_one_row(row, 0.5, 4)
    upstream = np.zeros(n_parameters(network.dense))
    named_views(network.dense, upstream)["W"][...] = d
    gradient = named_views(network, pull_back(network, theta, upstream))
    np.testing.assert_array_equal(gradient["W"][0], [1.0, 2.0, 3.0, 4.0, 0.0, 0.0])
    # round(v) - v with v = 0.48, -0.52, 1.5 and 7.4, then 7 and -7; times the step 0.5
    by_step = -0.48 + 2 * -0.48 + 3 * 0.5 + 4 * -0.4 + 5 * 7 + 6 * -7
    np.testing.assert_allclose(gradient["W_log_step"], 0.5 * by_step, rtol=1e-12)


def test_gradients_equal_the_fake_quantisation_of_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    rng = np.random.default_rng(0)
    for bits, most in LEVELS.items():
        row, d = rng.standard_normal((2, 50)).astype(np.float32)
        step = np.float32(2.0 / most)
        network, theta = network_of_one_row(row, step, bits)
        upstream = np.zeros(n_parameters(network.dense))
        named_views(network.dense, upstream)["W"][...] = d
        gradient = named_views(network, pull_back(network, theta, upstream))
        weights = torch.tensor(row[None], requires_grad=True)
        scale = torch.tensor([step], requires_grad=True)
        rounded = torch._fake_quantize_learnable_per_channel_affine(
            weights, scale, torch.zeros(1), 0, -most, most, 1.0
        )
        rounded.backward(torch.tensor(d[None]))
        dense = named_views(network.dense, expand(network, theta))
        np.testing.assert_allclose(dense["W"], rounded.detach().numpy(), rtol=1e-6)
        np.testing.assert_array_equal(gradient["W"], weights.grad.numpy())
        np.testing.assert_allclose(
            gradient["W_log_step"], step * scale.grad.numpy(), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bits", LEVELS)
def test_rounding_again_changes_nothing(bits, dtype):
    case = one_cell_case(0, dtype, rank_u=3, bits=bits)
    network, theta = case.network, case.parameters.copy()
    parts = named_views(network, theta)
    for name in ("W", "U1", "U2", "head_weight"):
        log_steps = parts[f"{name}_log_step"]
        whole = integers(parts[name], log_steps, bits)
        assert 0 < np.abs(whole).max() <= LEVELS[bits]
        np.testing.assert_array_equal(whole, np.round(whole))
        parts[name][...] = steps(log_steps)[:, None] * whole
    np.testing.assert_array_equal(expand(network, theta), expand(network, case.parameters))


# Where steps begin


def test_a_vector_without_steps_is_the_beginning_of_one_with_them():
    for seed in range(10):
        network = random_case(seed).network
        rounded = Network(**{**vars(network), "bits": 4})
        theta = initial(network, 10, np.random.default_rng(seed), np.float32)
        longer = with_log_steps(rounded, theta)
        assert longer.dtype == np.float32
        np.testing.assert_array_equal(longer[: len(theta)], theta)
        again = initial(rounded, 10, np.random.default_rng(seed), np.float32)
        np.testing.assert_array_equal(again, longer)
        matrices = [name for name, shape in shapes(network).items() if len(shape) == 2]
        rounded_parts = {*matrices, *({"attention"} & set(shapes(network)))}
        added = set(shapes(rounded)) - set(shapes(network))
        assert {name.replace("_log_step", "") for name in added} == rounded_parts


def test_eight_bits_begin_with_steps_that_clip_nothing():
    rows = np.random.default_rng(0).standard_normal((6, 40)) * 10.0 ** np.arange(-3, 3)[:, None]
    log_steps = first_log_steps(rows, 8)
    np.testing.assert_allclose(np.exp(log_steps), np.abs(rows).max(axis=1) / 127, rtol=1e-12)
    rounded = np.exp(log_steps)[:, None] * integers(rows, log_steps, 8)
    assert np.all(np.abs(rounded - rows) <= np.exp(log_steps)[:, None] / 2 * (1 + 1e-9))


def test_four_bits_begin_with_the_steps_of_least_squared_error():
    rng = np.random.default_rng(0)
    for columns in (1, 2, 9, 64):
        rows = rng.standard_normal((8, columns))
        log_steps = first_log_steps(rows, 4)

        def squared_error(tried, rows=rows):
            rounded = np.exp(tried)[:, None] * integers(rows, tried, 4)
            return np.sum((rounded - rows) ** 2, axis=1)

        largest = np.log(np.abs(rows).max(axis=1))
        tried = largest + np.linspace(np.log(0.02), np.log(0.3), 2000)[:, None]
        least = np.min([squared_error(steps) for steps in tried], axis=0)
        assert np.all(squared_error(log_steps) <= 1.1 * least + 1e-3 * np.exp(largest) ** 2)
        if columns == 64:  # where clipping pays
            unclipped = squared_error(largest - np.log(7))
            assert np.sum(squared_error(log_steps)) < 0.95 * np.sum(unclipped)


@pytest.mark.parametrize("bits", LEVELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_of_zeros_has_a_finite_step_and_stays_zero(bits, dtype):
    network = Network(3, 4, 2, bits=bits)
    unrounded = initial(Network(3, 4, 2), 10, np.random.default_rng(0), dtype)
    W = named_views(Network(3, 4, 2), unrounded)["W"]
    W[1], W[2] = 0.0, np.finfo(dtype).smallest_subnormal
    theta = with_log_steps(network, unrounded)
    assert np.isfinite(theta).all()
    dense = expand(network, theta)
    assert np.isfinite(dense).all()
    np.testing.assert_array_equal(named_views(network.dense, dense)["W"][1:3], 0)
    assert np.isfinite(pull_back(network, theta, np.ones_like(dense))).all()


# Training


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("bits", LEVELS)
def test_weights_that_are_frozen_at_zero_stay_zero_when_rounded(bits, kernel):
    """As those are that a mask has removed."""
    kernel, case = kernel_named(kernel), one_cell_case(0, rank_w=3, bits=bits)
    rng, theta = np.random.default_rng(0), case.parameters.copy()
    mask = np.ones(len(theta))
    kept = named_views(case.network, mask)
    for name in ("W1", "U"):
        kept[name][...] = rng.random(kept[name].shape) < 0.4
    theta *= mask
    optimizer = Optimizer(np.zeros_like(theta), np.zeros_like(theta), alpha=0.1)
    for _ in range(20):
        kernel.train_epoch(
            case.network, theta, *case[2:5], every_row(case), optimizer, 5,
            parametrization=Frozen(mask),
        )  # fmt: skip
    np.testing.assert_array_equal(theta[mask == 0], 0)
    dense = named_views(case.network.dense, expand(case.network, theta))
    np.testing.assert_array_equal(dense["U"][kept["U"] == 0], 0)
    assert np.count_nonzero(dense["U"]) > 0


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("bits", LEVELS)
def test_training_with_rounded_weights_recovers_what_rounding_has_cost(bits, kernel):
    """The loss after it is below that of rounding alone."""
    kernel, case = kernel_named(kernel), one_cell_case(2, bits=bits)
    rows, theta = every_row(case), case.parameters.copy()
    before = kernel.loss(*case[:5], rows).loss
    optimizer = Optimizer(np.zeros_like(theta), np.zeros_like(theta))
    for _ in range(60):
        kernel.train_epoch(case.network, theta, *case[2:5], rows, optimizer, len(rows))
    assert kernel.loss(*case._replace(parameters=theta)[:5], rows).loss < 0.5 * before
    assert relative_difference(theta, case.parameters) > 0.01
