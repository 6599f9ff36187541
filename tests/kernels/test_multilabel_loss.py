"""The loss of outputs that are a class each, in the kernels."""

import numpy as np
import pytest
from helpers.kernels import (
    assert_equals_the_reference,
    assert_gradient_is_the_slope,
    assert_head_equals_pytorch,
    case_of_logits,
    case_with,
    every_row,
    relative_difference,
    score_and_slope,
    trained,
)
from scipy.special import expit
from sklearn.metrics import accuracy_score, log_loss

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import Loss, SequenceBatch, Targets

KERNELS = available_kernels()
COMPILED = [name for name in KERNELS if name != "reference"]
MULTILABEL = Loss("multilabel")
SIZES = [1, 2, 7, 19]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_it_is_the_sum_of_scikit_learns_log_losses(n_outputs, kernel):
    """And its metric the accuracy, of samples whose labels are all right."""
    for seed in range(4):
        case = case_with(MULTILABEL, n_outputs, seed)
        output = kernel_named(kernel).outputs(*case[:3])
        wanted, weights = case.targets.values, case.targets.weights
        score = kernel_named(kernel).loss(*case[:5], every_row(case))
        expected = sum(
            log_loss(of_label, expit(logits), sample_weight=weights, labels=[0, 1])
            for of_label, logits in zip(wanted.T, output.T, strict=True)
        )
        assert score.mean_loss == pytest.approx(expected, rel=1e-9)
        predicted = (output > 0).astype(float)
        assert score.mean_metric == pytest.approx(
            accuracy_score(wanted, predicted, sample_weight=weights)
        )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_gradient_equals_central_differences(n_outputs, kernel):
    for seed in range(4):
        case = case_with(MULTILABEL, n_outputs, seed)
        assert_gradient_is_the_slope(kernel_named(kernel), case, np.random.default_rng(seed))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_it_equals_pytorch(n_outputs, kernel):
    torch = pytest.importorskip("torch", reason="compares with PyTorch's autograd")
    binary_cross_entropy = torch.nn.BCEWithLogitsLoss(reduction="sum")
    for seed in range(4):
        case = case_with(MULTILABEL, n_outputs, seed)

        def loss(output, i, values=case.targets.values):
            return binary_cross_entropy(output, torch.tensor(values[i]))

        assert_head_equals_pytorch(torch, kernel_named(kernel), case, loss)


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_compiled_kernel_equals_the_reference(n_outputs, kernel):
    for seed in range(3):
        assert_equals_the_reference(
            kernel_named(kernel),
            kernel_named("reference"),
            lambda dtype, seed=seed: case_with(MULTILABEL, n_outputs, seed, dtype),
            np.random.default_rng(seed),
        )


@pytest.mark.parametrize("kernel", KERNELS)
def test_of_a_single_output_it_is_the_cross_entropy(kernel):
    kernel = kernel_named(kernel)
    case = case_with(MULTILABEL, 1, 1)
    labels = case.targets.values[:, 0].astype(np.int32)
    plain = case._replace(targets=Targets(labels, weights=case.targets.weights), loss=Loss())
    score, gradient = kernel.loss_gradient(*case[:5], every_row(case))
    expected_score, expected = kernel.loss_gradient(*plain[:5], every_row(plain))
    np.testing.assert_allclose(score, expected_score, rtol=1e-12)
    assert relative_difference(gradient, expected) < 1e-12


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits(dtype, kernel):
    logits = np.array([1000.0, -1000.0, 1000.0, -1000.0, 0.0])
    values = np.array([[1, 0, 0, 1, 1]], dtype)
    case = case_of_logits(logits, Targets(values=values), MULTILABEL, dtype)
    score, slope = score_and_slope(kernel_named(kernel), case)
    assert score.loss == pytest.approx(2000 + np.log(2), rel=1e-6)
    np.testing.assert_allclose(slope, [0, 0, 1, -1, -0.5], atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("values", "correct"),
    [([1, 0, 1], 1), ([0, 0, 1], 0), ([1, 1, 1], 0), ([1, 0, 0], 0), ([0, 1, 0], 0)],
)
def test_a_prediction_is_correct_where_all_labels_are(values, correct, kernel):
    targets = Targets(values=np.array([values], float))
    case = case_of_logits(np.array([0.1, -0.1, 3.0]), targets, MULTILABEL)
    assert score_and_slope(kernel_named(kernel), case)[0].metric == correct


@pytest.mark.parametrize("kernel", COMPILED)
def test_threads_do_not_change_a_bit(kernel):
    """Each block has memory of its own for the parts of a sum."""
    rng, n = np.random.default_rng(0), 700
    case = case_with(MULTILABEL, 5, 0)
    values = rng.standard_normal((4 * n, case.network.n_channels))
    case = case._replace(
        sequences=SequenceBatch.of_equal_length(values, 4, n),
        targets=Targets(values=rng.integers(0, 2, (n, 5)).astype(float)),
    )
    alone = trained(kernel_named(kernel), case, 300)
    for n_threads in (2, 5):
        together = trained(kernel_named(kernel), case, 300, n_threads)
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_array_equal(a, b)
