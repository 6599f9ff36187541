"""A loss that couples the rows of a minibatch: InfoNCE of labelled sequences."""

import numpy as np
import pytest
from helpers.kernels import (
    assert_equals_the_reference,
    assert_gradient_is_the_slope,
    case_of_logits,
    case_with,
    every_row,
    relative_difference,
    score_and_slope,
    trained,
)

from skfastgrnn.kernels import _compiled, available_kernels, kernel_named
from skfastgrnn.kernels.reference._kernel import ReferenceKernel
from skfastgrnn.network import (
    LOSSES,
    Loss,
    Network,
    Optimizer,
    SequenceBatch,
    Targets,
    n_parameters,
    named_views,
)

KERNELS = available_kernels()
COMPILED = [name for name in KERNELS if name != "reference"]
SIZES = [2, 7, 19]  # one output has only two directions, and no slope
TEMPERATURES = [0.1, 0.5, 2.0]


def info_nce(temperature=0.5):
    return Loss("info_nce", temperature=temperature)


def large_case(n=150, n_outputs=5, dtype=np.float64, loss=None):
    """More sequences than a block of any other loss has."""
    rng = np.random.default_rng(n)
    network = Network(3, 6, n_outputs)
    lengths = rng.integers(1, 6, n)
    values = rng.standard_normal((lengths.sum(), 3)).astype(dtype)
    return case_with(loss or info_nce(), n_outputs, 0, dtype)._replace(
        network=network,
        parameters=(0.3 * rng.standard_normal(n_parameters(network))).astype(dtype),
        sequences=SequenceBatch.of_lengths(values, lengths),
        targets=Targets(
            labels=rng.integers(0, 30, n).astype(np.int32),
            weights=rng.choice([0, 0.5, 1, 1.7], n).astype(dtype),
        ),
    )


def closed_form(outputs, labels, temperature):
    """The losses of all rows, and which find a row of their label: one pair after the other."""
    z = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    losses, found = [], []
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        alike = [j for j in others if labels[j] == labels[i]]
        similarity = {j: z[i] @ z[j] / temperature for j in others}
        total = np.logaddexp.reduce(list(similarity.values()))
        losses.append(-np.mean([similarity[j] - total for j in alike]) if alike else 0.0)
        found.append(bool(others) and max(others, key=similarity.get) in alike)
    return np.array(losses), np.array(found)


def test_only_info_nce_couples_rows():
    assert [kind for kind in LOSSES if Loss(kind).couples_rows] == ["info_nce"]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_it_is_the_closed_form_of_the_whole_minibatch(temperature, kernel):
    """Also where that is larger than the blocks of other losses."""
    kernel, case = kernel_named(kernel), large_case(loss=info_nce(temperature))
    outputs, weights = kernel.outputs(*case[:3]), case.targets.weights
    losses, found = closed_form(outputs, case.targets.labels, temperature)
    expected = weights @ losses, weights.sum(), weights @ found
    for n_threads in (1, 3):
        np.testing.assert_allclose(
            kernel.loss(*case[:5], every_row(case), n_threads), expected, rtol=1e-11
        )
        score, _ = kernel.loss_gradient(*case[:5], every_row(case), n_threads)
        np.testing.assert_allclose(score, expected, rtol=1e-11)


@pytest.mark.parametrize("kernel", KERNELS)
def test_evaluation_does_not_split_the_rows(kernel, monkeypatch):
    """Where it would those of other losses, to bound memory or to hear Ctrl-C."""
    kernel, case = kernel_named(kernel), large_case()
    expected = kernel.loss(*case[:5], every_row(case))
    if kernel.name == "reference":
        monkeypatch.setattr(ReferenceKernel, "most_rows", 8)
    else:
        monkeypatch.setattr(_compiled, "FLOPS_BETWEEN_SIGNALS", 1.0)
    assert kernel.loss(*case[:5], every_row(case)) == expected


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("batch_size", [1, 40, 100, 150])
def test_training_compares_the_rows_of_a_minibatch(batch_size, kernel):
    """At a learning rate of 0 the totals are sums over minibatches."""
    kernel, case = kernel_named(kernel), large_case()
    optimizer = Optimizer(*np.zeros((2, len(case.parameters))), learning_rate=0.0)
    rows = np.random.default_rng(0).permutation(150)
    totals = kernel.train_epoch(*case[:5], rows, optimizer, batch_size)
    outputs, weights = kernel.outputs(*case[:3]), case.targets.weights
    expected = 0.0
    for start in range(0, 150, batch_size):
        part = rows[start : start + batch_size]
        losses, _ = closed_form(outputs[part], case.targets.labels[part], 0.5)
        expected += weights[part] @ losses
    assert totals.loss == pytest.approx(expected, rel=1e-11)
    assert totals.weight == pytest.approx(weights.sum())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_gradient_equals_central_differences(n_outputs, temperature, kernel):
    """Of outputs far from 0, where the direction does not change faster than the steps are."""
    for seed in range(4):
        case = case_with(info_nce(temperature), n_outputs, seed)
        rng = np.random.default_rng(seed)
        named_views(case.network, case.parameters)["head_bias"][...] = rng.choice(
            [-3, 3], n_outputs
        )
        labels = rng.integers(0, 4, len(case.sequences)).astype(np.int32)
        case = case._replace(targets=case.targets._replace(labels=labels))
        assert_gradient_is_the_slope(kernel_named(kernel), case, rng)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_it_equals_pytorch(temperature, kernel):
    torch = pytest.importorskip("torch", reason="compares with PyTorch's autograd")
    kernel, case = kernel_named(kernel), large_case(loss=info_nce(temperature))
    score, gradient = kernel.loss_gradient(*case[:5], every_row(case))
    parts, labels = named_views(case.network, case.parameters), case.targets.labels
    weight, bias = (
        torch.tensor(parts[name], requires_grad=True) for name in ("head_weight", "head_bias")
    )
    outputs = torch.tensor(kernel.last_states(*case[:3])) @ weight.T + bias
    z = torch.nn.functional.normalize(outputs)
    itself = torch.eye(len(z), dtype=torch.bool)
    log_p = torch.log_softmax((z @ z.T / temperature).masked_fill(itself, -torch.inf), 1)
    alike = torch.tensor(labels[:, None] == labels) & ~itself
    losses = -log_p.masked_fill(~alike, 0).sum(1) / alike.sum(1).clamp(min=1)
    loss = (torch.tensor(case.targets.weights) * losses).sum()
    loss.backward()
    assert score.loss == pytest.approx(loss.item(), rel=1e-9)
    actual = named_views(case.network, gradient)
    assert relative_difference(actual["head_weight"], weight.grad.numpy()) < 1e-9
    assert relative_difference(actual["head_bias"], bias.grad.numpy()) < 1e-9


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("n_outputs", SIZES)
def test_compiled_kernel_equals_the_reference(n_outputs, kernel):
    kernel, reference = kernel_named(kernel), kernel_named("reference")
    for make_case in (
        lambda dtype: case_with(info_nce(), n_outputs, 1, dtype),
        lambda dtype: large_case(n_outputs=n_outputs, dtype=dtype),
    ):
        assert_equals_the_reference(kernel, reference, make_case, np.random.default_rng(0))


@pytest.mark.parametrize("kernel", COMPILED)
def test_threads_do_not_change_a_bit(kernel):
    case = large_case()
    alone = trained(kernel_named(kernel), case, 100)
    together = trained(kernel_named(kernel), case, 100, n_threads=4)
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kernel", KERNELS)
def test_pairs_make_it_the_loss_of_simclr(kernel):
    """NT-Xent (Chen et al., 2020): each of two views is to be found among all others."""
    kernel, case = kernel_named(kernel), large_case(40)
    labels = np.repeat(np.arange(20, dtype=np.int32), 2)
    case = case._replace(targets=Targets(labels=labels))
    outputs = kernel.outputs(*case[:3])
    z = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    similarity = z @ z.T / 0.5
    np.fill_diagonal(similarity, -np.inf)
    twin = np.arange(40) ^ 1
    expected = np.log(np.exp(similarity).sum(1)) - similarity[np.arange(40), twin]
    assert kernel.loss(*case[:5], every_row(case)).loss == pytest.approx(expected.sum(), rel=1e-11)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_sequence_of_a_label_of_its_own_costs_nothing(kernel):
    """But others are kept away from it; labels are no classes of the network."""
    kernel, case = kernel_named(kernel), large_case(3, n_outputs=2)
    case = case._replace(targets=Targets(labels=np.array([7, 2**31 - 1, 7], np.int32)))
    outputs = kernel.outputs(*case[:3])
    losses, _ = closed_form(outputs, case.targets.labels, 0.5)
    assert losses[1] == 0
    score = kernel.loss(*case[:5], every_row(case))
    assert score.loss == pytest.approx(losses.sum(), rel=1e-11)
    alone, gradient = kernel.loss_gradient(*case[:5], np.array([1]))
    assert alone == (0.0, 1.0, 0.0)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_without_direction_have_no_slope(dtype, kernel):
    targets = Targets(labels=np.array([0, 0, 1], np.int32))
    case = case_of_logits(np.zeros(4), targets, info_nce(), dtype)
    score, slope = score_and_slope(kernel_named(kernel), case)
    assert score.loss == pytest.approx(2 * np.log(2), rel=1e-6)
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_training_brings_together_what_has_the_same_label(kernel):
    rng, n = np.random.default_rng(0), 60
    labels = rng.integers(0, 3, n).astype(np.int32)
    values = rng.standard_normal((n, 4, 2)) + labels[:, None, None]
    network = Network(2, 6, 4)
    case = large_case(n)._replace(
        network=network,
        parameters=0.3 * rng.standard_normal(n_parameters(network)),
        sequences=SequenceBatch.of_equal_length(values.reshape(-1, 2), 4, n),
        targets=Targets(labels=labels),
    )
    kernel = kernel_named(kernel)
    before = kernel.loss(*case[:5], every_row(case))
    optimizer = Optimizer(*np.zeros((2, len(case.parameters))), learning_rate=0.02)
    for _ in range(40):
        kernel.train_epoch(*case[:5], rng.permutation(n), optimizer, 30)
    after = kernel.loss(*case[:5], every_row(case))
    assert after.mean_loss < before.mean_loss - 0.3
    assert after.mean_metric > max(0.8, before.mean_metric)
