"""Labels that are smoothed in training: PyTorch's loss, weights, accuracy, and when to stop."""

import numpy as np
import pytest
from helpers.estimators import bits, quick, record_epochs, sequences
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skfastgrnn import DistilledFastGRNN
from skfastgrnn.training import Classification

X, y = sequences(60, n_classes=4)
_, two = sequences(60, n_classes=2)
X_val, y_val = sequences(40, n_classes=4, seed=1)
#: One epoch that changes nothing, whose loss so is that of the initial weights.
STILL = {"alpha": 0, "max_iter": 1, "learning_rate_init": 1e-300}


def logits_of(model):
    """Logits (n_samples, n_classes), of two classes as well."""
    logits = model.decision_function(X)
    return logits if logits.ndim == 2 else np.column_stack([np.zeros(len(logits)), logits])


def pytorch_losses(model, labels, smoothing, **settings):
    torch = pytest.importorskip("torch", reason="compares with PyTorch's CrossEntropyLoss")
    loss = torch.nn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing, **settings)
    return loss(torch.tensor(logits_of(model)), torch.tensor(labels)).numpy()


@pytest.mark.parametrize("labels", [y, two], ids=["four", "two"])
@pytest.mark.parametrize("smoothing", [0.05, 0.4])
def test_the_loss_equals_pytorch(smoothing, labels):
    model = quick(label_smoothing=smoothing, **STILL).fit(X, labels)
    np.testing.assert_allclose(model.loss_, pytorch_losses(model, labels, smoothing).mean())
    weights = np.linspace(0, 2, len(X))
    model = quick(label_smoothing=smoothing, **STILL).fit(X, labels, sample_weight=weights)
    expected = np.average(pytorch_losses(model, labels, smoothing), weights=weights)
    np.testing.assert_allclose(model.loss_, expected)


def test_a_class_weight_multiplies_the_whole_loss_of_a_sample():
    """PyTorch multiplies the part of every class by the weight of that class."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch's CrossEntropyLoss")
    of_class = np.array([1.0, 2.0, 3.0, 4.0])
    model = quick(label_smoothing=0.2, class_weight=dict(enumerate(of_class)), **STILL).fit(X, y)
    weights = of_class[y]
    plain, log_p = pytorch_losses(model, y, 0.2), model.predict_log_proba(X)
    np.testing.assert_allclose(model.loss_, np.average(plain, weights=weights))
    theirs = pytorch_losses(model, y, 0.2, weight=torch.tensor(of_class))
    expected = 0.8 * weights * -log_p[np.arange(60), y] + 0.2 / 4 * (-log_p @ of_class)
    np.testing.assert_allclose(theirs, expected)
    assert not np.allclose(theirs.sum() / weights.sum(), model.loss_)


@pytest.mark.parametrize("smoothing", [0.1, 0.6])
@pytest.mark.parametrize("labels", [y, two], ids=["four", "two"])
def test_the_targets(monkeypatch, labels, smoothing):
    epochs = record_epochs(monkeypatch)
    n_classes = labels.max() + 1
    quick(label_smoothing=smoothing).fit(X.astype(np.float32), labels)
    expected = (1 - smoothing) * np.eye(n_classes)[labels] + smoothing / n_classes
    for _, _, targets in epochs:
        assert targets.labels is None
        assert targets.values.dtype == np.float32
        found = targets.values if n_classes > 2 else np.hstack([1 - targets.values, targets.values])
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_zero_changes_nothing():
    assert bits(quick(label_smoothing=0).fit(X, y)) == bits(quick().fit(X, y))


def test_accuracies_and_validation_are_of_the_labels_as_they_are():
    model = quick(label_smoothing=0.3, learning_rate_init=1e-300)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_allclose(model.history_["accuracy"], model.score(X, y))
    np.testing.assert_allclose(model.validation_scores_, model.score(X_val, y_val))
    expected = log_loss(y_val, model.predict_proba(X_val))
    np.testing.assert_allclose(model.validation_loss_curve_, expected)


def test_probabilities_become_less_extreme():
    plain, smoothed = (
        quick(label_smoothing=eps, max_iter=200).fit(X, y).predict_proba(X).max(axis=1)
        for eps in (0.0, 0.2)
    )
    assert np.abs(smoothed.mean() - 0.85) < 0.05
    assert plain.mean() > 0.95


@pytest.mark.parametrize("n_classes", [2, 3, 50])
@pytest.mark.parametrize("smoothing", [0.1, 0.9])
def test_a_training_is_done_just_above_the_entropy_of_its_targets(n_classes, smoothing):
    objective = Classification("", label_smoothing=smoothing)
    objective.classes = np.arange(n_classes)
    target = np.full(n_classes, smoothing / n_classes)
    target[0] += 1 - smoothing
    entropy = -np.sum(target * np.log(target))
    np.testing.assert_allclose(objective.converged_loss(1e-4), entropy + 0.003)
    assert objective.converged_loss(1e-4) < objective.divergence_threshold(None)


def test_a_training_that_has_learned_all_ends():
    """So does one without smoothing, whose loss falls to 0."""
    easy = X.copy()
    easy[:, :, 0] = 3.0 * y[:, None]
    settings = {"n_iter_no_change": None, "max_iter": 2000, "learning_rate_init": 0.03}
    for smoothing in (0.0, 0.1):
        model = quick(label_smoothing=smoothing, **settings).fit(easy, y)
        assert model.n_iter_ < 2000
        assert model.score(easy, y) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"sampling": "balanced"},
        {"class_weight": "balanced"},
        {"early_stopping": True, "refit": True},
        {"n_jobs": 2},
        {"ema": 0.9},
    ],
    ids=str,
)
def test_with_other_options(settings):
    rare = np.flatnonzero((y > 0) | (np.arange(60) < 20))
    model = quick(label_smoothing=0.1, max_iter=60, **settings).fit(X[rare], y[rare])
    assert model.score(X, y) > 0.6
    assert np.all(np.isfinite(model.loss_curve_))


def test_streams_are_smoothed_too(monkeypatch):
    epochs = record_epochs(monkeypatch)
    model = quick(label_smoothing=0.1)
    for _ in range(2):
        model.partial_fit(X, y, classes=range(5))  # one of which is not there
    assert len(epochs) == 2
    for _, _, targets in epochs:
        np.testing.assert_allclose(targets.values.sum(axis=1), 1)
        np.testing.assert_allclose(targets.values[:, 4], 0.02)


def test_gradients_of_callbacks_are_those_of_the_training():
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import GradientMonitor

    norms = {}
    for smoothing in (0.0, 0.5):
        monitor = GradientMonitor(n_sequences=60)
        settings = {**STILL, "batch_size": 60, "clip_norm": None, "label_smoothing": smoothing}
        model = quick(**settings).set_callbacks(monitor).fit(X, y)
        norm = np.sqrt(sum(monitor.get_logs().data[0][name] ** 2 for name in model.params_))
        norms[smoothing] = norm, model.history_["gradient_norm"][0]
    for seen, trained in norms.values():
        np.testing.assert_allclose(seen, trained, rtol=1e-6)
    assert norms[0.5][0] < norms[0.0][0]


def test_refused():
    indicators = np.eye(4, dtype=int)[y]
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 and loss='focal' exclude"):
        quick(label_smoothing=0.1, loss="focal").fit(X, y)
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 and loss='focal' exclude"):
        quick(label_smoothing=0.1, loss="focal").partial_fit(X, y, classes=range(4))
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 needs one class for each"):
        quick(label_smoothing=0.1).fit(X, indicators)
    student = DistilledFastGRNN(LogisticRegression(), quick(label_smoothing=0.1, n_timesteps=6))
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 makes labels less certain"):
        student.fit(X.reshape(60, -1), y)
