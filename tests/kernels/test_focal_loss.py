"""The focal loss in the kernels."""

import numpy as np
import pytest
from helpers.kernels import (
    assert_equals_the_reference,
    assert_gradient_is_the_slope,
    assert_head_equals_pytorch,
    case_of_logits,
    case_with,
    every_row,
    score_and_slope,
    trained,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_expit, log_softmax

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import Loss, Targets

KERNELS = available_kernels()
COMPILED = [name for name in KERNELS if name != "reference"]
GAMMAS = [0.3, 1.0, 2.0, 5.0]
SIZES = [1, 2, 7, 19]


def labelled(label):
    return Targets(labels=np.array([label], np.int32))


def of_logits(kernel, logits, label, gamma, dtype=np.float64):
    """Loss, metric and slope (n_outputs,) of one sequence."""
    case = case_of_logits(logits, labelled(label), Loss("focal", gamma=gamma), dtype)
    score, slope = score_and_slope(kernel_named(kernel), case)
    return score.loss, score.metric, slope


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_outputs", SIZES)
def test_with_gamma_0_it_is_the_cross_entropy_to_the_bit(n_outputs, dtype, kernel):
    kernel = kernel_named(kernel)
    for seed in range(4):
        focal = case_with(Loss("focal", gamma=0.0), n_outputs, seed, dtype)
        plain = focal._replace(loss=Loss())
        expected = kernel.loss_gradient(*plain[:5], every_row(plain))
        actual = kernel.loss_gradient(*focal[:5], every_row(focal))
        assert actual[0] == expected[0]
        np.testing.assert_array_equal(actual[1], expected[1])
        assert kernel.loss(*focal[:5], every_row(focal)) == kernel.loss(
            *plain[:5], every_row(plain)
        )
        for a, b in zip(trained(kernel, focal, 7), trained(kernel, plain, 7), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize(
    ("logits", "label"),
    [([0.7], 1), ([0.7], 0), ([-3.0], 1), ([0.2, -1.0, 1.5], 0), ([0.2, -1.0, 1.5], 2)],
)
def test_it_is_the_closed_form(logits, label, gamma, kernel):
    logits = np.array(logits)
    if len(logits) == 1:
        log_p = log_expit(logits[0] if label else -logits[0])
        predicted = int(logits[0] > 0)
    else:
        log_p, predicted = log_softmax(logits)[label], logits.argmax()
    loss, metric, _ = of_logits(kernel, logits, label, gamma)
    assert loss == pytest.approx(-((1 - np.exp(log_p)) ** gamma) * log_p, rel=1e-12)
    assert metric == (predicted == label)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_gradient_equals_central_differences(n_outputs, gamma, kernel):
    for seed in range(4):
        case = case_with(Loss("focal", gamma=gamma), n_outputs, seed)
        assert_gradient_is_the_slope(kernel_named(kernel), case, np.random.default_rng(seed))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_it_equals_pytorch(n_outputs, gamma, kernel):
    torch = pytest.importorskip("torch", reason="compares with PyTorch's autograd")
    for seed in range(4):
        case = case_with(Loss("focal", gamma=gamma), n_outputs, seed)

        def loss(output, i, labels=case.targets.labels):
            if len(output) == 1:
                output = torch.cat([torch.zeros(1, dtype=torch.float64), output])
            log_p = torch.log_softmax(output, 0)[int(labels[i])]
            return -((1 - log_p.exp()) ** gamma) * log_p

        assert_head_equals_pytorch(torch, kernel_named(kernel), case, loss)


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_compiled_kernel_equals_the_reference(n_outputs, gamma, kernel):
    for seed in range(3):
        assert_equals_the_reference(
            kernel_named(kernel),
            kernel_named("reference"),
            lambda dtype, seed=seed: case_with(Loss("focal", gamma=gamma), n_outputs, seed, dtype),
            np.random.default_rng(seed),
        )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("gamma", [0.01, 0.5, 2.0, 100.0])
@pytest.mark.parametrize("logit", [1e-3, 5.0, 30.0, 300.0])
def test_beside_a_probability_of_almost_one_nothing_is_lost(logit, gamma, kernel):
    """1 - p is far below rounding, but loss and slope still have their digits."""
    others = expit(-logit)
    loss = others**gamma * -log_expit(logit)
    slope = -(others ** (1 + gamma)) * (1 + gamma * expit(logit) * -log_expit(logit) / others)
    for logits in ([logit], [0.0, logit]):
        actual, _, slopes = of_logits(kernel, logits, 1, gamma)
        assert actual == pytest.approx(loss, rel=1e-9, abs=1e-290)
        np.testing.assert_allclose(slopes[-1], slope, rtol=1e-9, atol=1e-290)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gamma", [1e-300, 1e-3, 0.5, 1.0, 2.0, 1e3, 1e9])
def test_extreme_logits(gamma, dtype, kernel):
    """A certain mistake costs what it does in cross-entropy, a certain success nothing."""
    for logits in ([1000.0], [-1000.0], [1000.0, -1000.0, 0.0]):
        right = int(np.argmax(logits)) if len(logits) > 1 else int(logits[0] > 0)
        loss, metric, slope = of_logits(kernel, logits, right, gamma, dtype)
        assert 0 <= loss < 1e-30
        assert metric == 1
        np.testing.assert_allclose(slope, 0, atol=1e-30)
        wrong = 1 - right
        loss, metric, slope = of_logits(kernel, logits, wrong, gamma, dtype)
        single = len(logits) == 1
        assert loss == pytest.approx(1000 if single else 2000, rel=1e-6)
        assert metric == 0
        expected = [1 - 2 * wrong] if single else [1, -1, 0]
        np.testing.assert_allclose(slope, expected, atol=1e-6)


finite = st.floats(-1000, 1000, width=32)


@settings(deadline=None)
@given(
    logits=st.lists(finite, min_size=1, max_size=6),
    label=st.integers(0, 1),
    gamma=st.floats(0, 1e3),
    single=st.booleans(),
)
def test_it_is_finite_and_not_negative(logits, label, gamma, single):
    """The slopes of several logits sum to zero."""
    dtype = np.float32 if single else np.float64
    rounding = 100 * np.finfo(dtype).eps
    for kernel in KERNELS:
        loss, metric, slope = of_logits(kernel, logits, label if logits[1:] else 0, gamma, dtype)
        assert np.isfinite(loss)
        assert loss >= 0
        assert metric in (0, 1)
        assert np.abs(slope).max() <= (1 + gamma) * (1 + rounding)
        if len(logits) > 1:
            assert abs(slope.sum()) <= len(logits) * (1 + gamma) * rounding
