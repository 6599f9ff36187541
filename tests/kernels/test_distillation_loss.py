"""The loss of a student beside its teacher, in the kernels."""

from itertools import pairwise, product

import numpy as np
import pytest
from helpers.kernels import SMOOTH, Case, at_last_state, random_case, relative_difference
from hypothesis import given, settings
from hypothesis import strategies as st

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import (
    Loss,
    Network,
    Optimizer,
    SequenceBatch,
    Targets,
    n_parameters,
    named_views,
)

REFERENCE = kernel_named("reference")
KERNELS = available_kernels()
COMPILED = [name for name in KERNELS if name != "reference"]
SETTINGS = [(1.0, 1.0), (1.0, 0.3), (4.0, 0.7), (0.5, 1.0), (2.5, 0.0), (20.0, 0.9)]  # T, alpha


def taught_case(seed, n_outputs, temperature=1.0, alpha=1.0, dtype=np.float64, labelled="some"):
    """A network beside a random teacher; `labelled` are "all", "some" or "none" of the sequences.

    With weights, some of them zero, for odd seeds.
    """
    rng = np.random.default_rng(seed)
    case = random_case(seed, dtype, **SMOOTH, most=(9, 5, 20, 40))
    network = Network(**{**vars(case.network), "n_outputs": n_outputs})
    n, scale = len(case.sequences), 0.3 / case.network.n_cells
    labels = rng.integers(0, max(2, n_outputs), n).astype(np.int32)
    if labelled == "some":
        labels[rng.random(n) < 0.5] = -1
    weights = rng.choice([0, 0.5, 1, 1.7], n) if seed % 2 else None
    return case._replace(
        network=network,
        parameters=(scale * rng.standard_normal(n_parameters(network))).astype(dtype),
        targets=Targets(
            labels=None if labelled == "none" else labels,
            values=(5 + 3 * rng.standard_normal((n, n_outputs))).astype(dtype),
            weights=None if weights is None else weights.astype(dtype),
        ),
        loss=Loss("distillation", temperature=temperature, alpha=alpha),
    )


def every_row(case):
    return np.arange(len(case.sequences))


def bias_case(logits, dtype=np.float64, *, teacher, label=None, **settings):
    """A head that returns these logits (n_outputs,) for a sequence, whatever it reads."""
    logits, teacher = np.atleast_1d(logits), np.atleast_1d(teacher)
    network = Network(1, 2, len(logits))
    parameters = np.zeros(n_parameters(network), dtype)
    named_views(network, parameters)["head_bias"][...] = logits
    sequences = SequenceBatch.of_lengths(np.ones((3, 1), dtype), [3])
    labels = None if label is None else np.array([label], np.int32)
    targets = Targets(labels, teacher[None].astype(dtype))
    return Case(
        network, parameters, sequences, targets, Loss("distillation", **settings), None, None
    )


def score_and_slope(kernel, case):
    """The score, and the gradient (n_outputs,) of the outputs, which is that of the biases."""
    score, gradient = kernel_named(kernel).loss_gradient(*case[:5], every_row(case))
    return score, named_views(case.network, gradient)["head_bias"]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("temperature", "alpha"), SETTINGS)
@pytest.mark.parametrize("n_outputs", [1, 2, 7, 19])
def test_gradient_equals_central_differences(n_outputs, temperature, alpha, kernel):
    """With steps so long that rounding does not matter; Richardson's extrapolation mends them."""
    kernel = kernel_named(kernel)
    for seed in range(4):
        case = taught_case(seed, n_outputs, temperature, alpha)
        rng, rows = np.random.default_rng(seed), every_row(case)
        _, gradient = kernel.loss_gradient(*case[:5], rows)

        def loss(step, case=case, rows=rows):
            arguments = case._replace(parameters=case.parameters + step)[:5]
            return kernel.loss(*arguments, rows).loss

        # Uphill, and somewhere: nothing may hide beside the gradient.
        for direction in (
            gradient,
            gradient + np.abs(gradient).max() * rng.choice([-1, 1], len(gradient)),
        ):
            direction = direction / np.linalg.norm(direction)
            slopes = [
                (loss(h * direction) - loss(-h * direction)) / (2 * h)
                for h in 0.016 / 2.0 ** np.arange(4)
            ]
            for order in (4, 16, 64):
                slopes = [(order * near - far) / (order - 1) for far, near in pairwise(slopes)]
            scale = np.linalg.norm(gradient)
            assert gradient @ direction == pytest.approx(slopes[0], rel=1e-9, abs=1e-9 * scale)


def torch_loss(torch, output, targets, settings, i):
    """The loss of one sequence's outputs, in PyTorch's functions."""
    T, alpha, F = settings.temperature, settings.alpha, torch.nn.functional
    teacher = torch.tensor(targets.values[i])
    if len(output) == 1:
        zero = torch.zeros(1, dtype=torch.float64)
        output, teacher = torch.cat([zero, output]), torch.cat([zero, teacher])
    divergence = F.kl_div(
        F.log_softmax(output / T, 0), F.softmax(teacher / T, 0), reduction="none"
    ).sum()
    loss = alpha * T * T * divergence
    label = -1 if targets.labels is None else int(targets.labels[i])
    if label >= 0:
        loss = loss + (1 - alpha) * F.cross_entropy(output, torch.tensor(label))
    return loss if targets.weights is None else loss * float(targets.weights[i])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("labelled", ["all", "some", "none"])
@pytest.mark.parametrize(("temperature", "alpha"), SETTINGS)
@pytest.mark.parametrize("n_outputs", [1, 2, 7])
def test_loss_and_gradient_equal_pytorch_autograd(n_outputs, temperature, alpha, labelled, kernel):
    """Of the head, behind the kernel's own last states; those of cells are tested elsewhere."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch's autograd")
    kernel = kernel_named(kernel)
    for seed in range(2):
        case = at_last_state(taught_case(seed, n_outputs, temperature, alpha, labelled=labelled))
        score, gradient = kernel.loss_gradient(*case[:5], every_row(case))
        parts = named_views(case.network, case.parameters)
        weight, bias = (
            torch.tensor(parts[name], requires_grad=True) for name in ("head_weight", "head_bias")
        )
        states = torch.tensor(kernel.last_states(*case[:3]))
        loss = sum(
            torch_loss(torch, weight @ states[i] + bias, case.targets, case.loss, i)
            for i in every_row(case)
        )
        loss.backward()
        assert score.loss == pytest.approx(loss.item(), rel=1e-9, abs=1e-12)
        actual = named_views(case.network, gradient)
        assert relative_difference(actual["head_weight"], weight.grad.numpy()) < 1e-9
        assert relative_difference(actual["head_bias"], bias.grad.numpy()) < 1e-9


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("labelled", ["all", "some", "none"])
@pytest.mark.parametrize(("temperature", "alpha"), SETTINGS)
@pytest.mark.parametrize("n_outputs", [1, 2, 7, 19])
def test_compiled_kernel_equals_the_reference(n_outputs, temperature, alpha, labelled, kernel):
    """Losses, gradients and epochs; those in single precision follow."""
    kernel = kernel_named(kernel)
    for seed in range(3):
        case = taught_case(seed, n_outputs, temperature, alpha, labelled=labelled)
        rows = np.random.default_rng(seed).permutation(len(case.sequences))
        score, gradient = kernel.loss_gradient(*case[:5], rows)
        expected_score, expected = REFERENCE.loss_gradient(*case[:5], rows)
        np.testing.assert_allclose(score, expected_score, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(kernel.loss(*case[:5], rows), score, rtol=1e-12)
        assert relative_difference(gradient, expected) < 1e-12
        single = taught_case(seed, n_outputs, temperature, alpha, np.float32, labelled)
        _, rounded = kernel.loss_gradient(*single[:5], rows)
        assert rounded.dtype == np.float32
        assert relative_difference(rounded, expected) < 1e-5 * (10 + temperature)
        ours, theirs = (trained(k, case, batch_size=7) for k in (kernel, REFERENCE))
        assert relative_difference(ours[0], theirs[0]) < 1e-9
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-9, atol=1e-12)


def trained(kernel, case, batch_size, n_threads=1):
    """Parameters, the totals of the last of two epochs, and the optimizer's moments."""
    parameters = case.parameters.copy()
    optimizer = Optimizer(np.zeros_like(parameters), np.zeros_like(parameters))
    for epoch in range(2):
        rows = np.random.default_rng(epoch).permutation(len(case.sequences))
        totals = kernel.train_epoch(
            case.network,
            parameters,
            case.sequences,
            case.targets,
            case.loss,
            rows,
            optimizer,
            batch_size,
            n_threads,
        )
    return parameters, totals, optimizer.first, optimizer.second


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_outputs", [1, 2, 7, 19])
def test_without_a_share_the_teacher_changes_no_bit(n_outputs, dtype, kernel):
    kernel = kernel_named(kernel)
    for seed, temperature in enumerate([1.0, 3.0, 0.7, 20.0]):
        taught = taught_case(seed, n_outputs, temperature, 0.0, dtype, labelled="all")
        plain = taught._replace(
            targets=Targets(labels=taught.targets.labels, weights=taught.targets.weights),
            loss=Loss(),
        )
        expected = kernel.loss_gradient(*plain[:5], every_row(plain))
        actual = kernel.loss_gradient(*taught[:5], every_row(taught))
        assert actual[0] == expected[0]
        np.testing.assert_array_equal(actual[1], expected[1])
        for a, b in zip(trained(kernel, taught, 7), trained(kernel, plain, 7), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("n_outputs", [1, 5])
def test_threads_do_not_change_a_bit(n_outputs, kernel):
    """Each block has memory of its own for the teacher's probabilities."""
    rng, n = np.random.default_rng(0), 700
    case = taught_case(0, n_outputs, 3.0, 0.6)
    network = case.network
    case = case._replace(
        sequences=SequenceBatch.of_equal_length(
            rng.standard_normal((4 * n, network.n_channels)), 4, n
        ),
        targets=case.targets._replace(
            labels=rng.integers(-1, 2, n).astype(np.int32),
            values=rng.standard_normal((n, n_outputs)),
        ),
    )
    alone = trained(kernel_named(kernel), case, 300)
    for n_threads in (2, 5):
        together = trained(kernel_named(kernel), case, 300, n_threads)
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_array_equal(a, b)


def test_targets_of_some_sequences():
    targets = taught_case(1, 3).targets
    part = targets.of(np.array([1, 0]))
    for some, every in zip(part, targets, strict=True):
        np.testing.assert_array_equal(some, every[[1, 0]])
    assert Targets(labels=targets.labels).of(np.array([0]))[1:] == (None, None)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logits", [[0.3], [-900.0], [0.1, -2.0, 1.3], [1000.0, -1000.0]])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 7.0])
def test_of_a_student_that_equals_its_teacher_nothing_is_left(temperature, logits, dtype, kernel):
    case = bias_case(logits, dtype, teacher=logits, temperature=temperature)
    score, slope = score_and_slope(kernel, case)
    assert score == (0.0, 1.0, 1.0)
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("logits", "teacher"),
    [
        ([1000.0], [-1000.0]),
        ([-1000.0], [1000.0]),
        ([1000.0], [0.0]),
        ([0.0], [1000.0]),
        ([1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 0.0]),
        ([0.0, 0.0, 0.0], [1000.0, 999.0, -1000.0]),
        ([1000.0, 999.0, -1000.0], [1000.0, 1000.0, 1000.0]),
    ],
)
def test_huge_logits(logits, teacher, dtype, kernel):
    """As right as logits of a thousand can be."""
    alpha, eps = 0.25, float(np.finfo(dtype).eps)
    wide = len(logits) > 1
    o, t = (np.array(x if wide else [0, *x]) - max(x) for x in (logits, teacher))
    for T, label in product([0.5, 1.0, 20.0], [-1, 0, 1]):
        log_p, log_q, log_1 = (x - np.logaddexp.reduce(x) for x in (o / T, t / T, o))
        p, q = np.exp(log_p), np.exp(log_q)
        expected = alpha * T**2 * np.sum(q * (log_q - log_p))
        slope = alpha * T * (p - q)
        if label >= 0:
            expected -= (1 - alpha) * log_1[label]
            slope += (1 - alpha) * (np.exp(log_1) - np.eye(len(o))[label])
        case = bias_case(logits, dtype, teacher=teacher, label=label, temperature=T, alpha=alpha)
        score, actual = score_and_slope(kernel, case)
        assert score.loss == pytest.approx(expected, rel=100 * eps, abs=1000 * eps * T**2)
        np.testing.assert_allclose(actual, slope[not wide :], rtol=0, atol=1000 * eps * T)
        assert score.metric == (o.argmax() == (label if label >= 0 else t.argmax()))


finite = st.floats(-1000, 1000, width=32)


@settings(deadline=None)
@given(
    logits=st.integers(1, 6).flatmap(
        lambda n: st.tuples(*[st.lists(finite, min_size=n, max_size=n)] * 2)
    ),
    label=st.integers(-1, 1),
    temperature=st.floats(0.05, 50),
    alpha=st.floats(0, 1),
    single=st.booleans(),
)
def test_it_is_finite_and_not_negative(logits, label, temperature, alpha, single):
    """The gradient of the logits of several outputs sums to zero, and is at most α T + 1 - α."""
    student, teacher = logits
    taught = {"teacher": teacher, "temperature": temperature, "alpha": alpha}
    case = bias_case(student, np.float32 if single else np.float64, label=label, **taught)
    most = alpha * temperature + 1 - alpha
    rounding = 10 * np.finfo(case.parameters.dtype).eps
    for kernel in KERNELS:
        score, slope = score_and_slope(kernel, case)
        assert np.isfinite(score.loss)
        assert score.loss >= 0
        assert score.metric in (0, 1)
        assert np.abs(slope).max() <= most * (1 + rounding)
        if len(student) > 1:
            assert abs(slope.sum()) <= len(student) * most * rounding


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_outputs", [1, 5])
def test_rounding_does_not_make_it_negative(n_outputs, dtype, kernel):
    """Of a student that is its teacher but for the last digits."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        student, noise = rng.standard_normal((2, n_outputs))
        near = student + 10 * np.finfo(dtype).eps * noise
        assert score_and_slope(kernel, bias_case(student, dtype, teacher=near))[0].loss >= 0


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n_outputs", [1, 4])
def test_metric_counts_labels_or_agreement_with_the_teacher(n_outputs, kernel):
    case = taught_case(1, n_outputs, 3.0, 0.5)
    output = kernel_named(kernel).outputs(*case[:3])
    predicted, taught = (
        x[:, 0] > 0 if n_outputs == 1 else x.argmax(axis=1) for x in (output, case.targets.values)
    )
    wanted = np.where(case.targets.labels >= 0, case.targets.labels, taught)
    score = kernel_named(kernel).loss(*case[:5], every_row(case))
    assert score.metric == pytest.approx(case.targets.weights @ (predicted == wanted))
    assert score.weight == pytest.approx(case.targets.weights.sum())


@pytest.mark.parametrize("kernel", KERNELS)
def test_agreement_does_not_depend_on_the_temperature(kernel):
    """Of logits so close, or so hot, that their probabilities are equal to the last bit."""
    for teacher, agrees in ([0.0, 1e-3, 0.0], 1), ([1e-3, 0.0, 0.0], 0), ([1e-3], 1), ([-1e-3], 0):
        student = [0.0, 1.0, 0.0] if len(teacher) > 1 else [1.0]
        case = bias_case(student, np.float32, teacher=teacher, temperature=1e6)
        assert score_and_slope(kernel, case)[0].metric == agrees


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_student_learns_from_a_teacher_without_labels(kernel):
    """Its outputs become those of the teacher, up to a constant."""
    rng, n = np.random.default_rng(0), 60
    teacher, student = Network(2, 3, 3), Network(2, 5, 3)
    sequences = SequenceBatch.of_equal_length(rng.standard_normal((n * 4, 2)), 4, n)
    kernel = kernel_named(kernel)
    logits = kernel.outputs(teacher, rng.standard_normal(n_parameters(teacher)), sequences)
    targets, loss = Targets(values=logits), Loss("distillation", temperature=2.0)
    parameters = 0.3 * rng.standard_normal(n_parameters(student))
    optimizer = Optimizer(*np.zeros((2, len(parameters))), learning_rate=0.02)
    arguments = student, parameters, sequences, targets, loss
    before = kernel.loss(*arguments, np.arange(n)).mean_loss
    for _ in range(150):
        kernel.train_epoch(*arguments, rng.permutation(n), optimizer, 10)
    after = kernel.loss(*arguments, np.arange(n))
    assert after.mean_loss < 0.05 * before
    assert after.mean_metric > 0.9
