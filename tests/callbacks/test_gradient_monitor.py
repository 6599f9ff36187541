"""Norms of gradients and learning rates, and what GradientMonitor warns about."""

import re
import warnings

import numpy as np
import pytest
from helpers.callbacks import AfterEpochs, X, y
from helpers.estimators import quick, sequences
from sklearn.datasets import load_digits

from skfastgrnn.callbacks import GradientMonitor, LearningRateMonitor
from skfastgrnn.kernels import active_kernel

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")

X3, y3 = sequences(60, n_classes=3)


def test_learning_rates():
    monitor = LearningRateMonitor()
    model = quick(learning_rate="cosine").set_callbacks(monitor)
    for _ in range(2):
        model.fit(X, y)
    assert len(monitor.get_logs(select="all")) == 2
    rows = monitor.get_logs().data
    assert [row["learning_rate"] for row in rows] == model.history_["learning_rate"]
    assert {row["task_name"] for row in rows} == {"epoch"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_norms(dtype):
    """Of the head they are known: its errors, and the errors times the states."""
    monitor = GradientMonitor(n_sequences=20)
    seen = X3.astype(dtype)[::3]

    def by_hand(estimator, context, fitted):
        errors = (fitted.predict_proba(seen) - np.eye(3)[y3[::3]]).astype(np.float64)
        return {
            "head_bias": np.linalg.norm(errors.mean(axis=0)),
            "head_weight": np.linalg.norm(errors.T @ fitted.hidden_states(seen) / 20),
        }

    mine = AfterEpochs(by_hand)
    model = quick(alpha=1.0, dropout=0.5).set_callbacks(monitor, mine).fit(X3.astype(dtype), y3)
    rows = monitor.get_logs().data
    assert len(rows) == 10
    assert rows[0].keys() >= model.params_.keys()
    for row, expected in zip(rows, mine.answers, strict=True):
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-4 if dtype == np.float32 else 1e-9)


def test_gradients_are_of_sequences_that_have_weight():
    """The first 40 have none."""
    monitor, other = GradientMonitor(n_sequences=20), GradientMonitor(n_sequences=20)
    weights = np.where(np.arange(60) < 40, 0.0, 3.0)
    model = quick(learning_rate_init=1e-300).set_callbacks(monitor)
    model.fit(X, y, sample_weight=weights)
    quick(learning_rate_init=1e-300).set_callbacks(other).fit(X[40:], y[40:])
    for name in model.params_:
        norms = [it.get_logs().data[0][name] for it in (monitor, other)]
        assert norms[0] == pytest.approx(norms[1])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"vanishing": 1e2}, "less than 100: unless all is learned.*Scale the input, shorten"),
        (
            {"exploding": 1e-6},
            "more than 1e-06: the training may diverge. Lower learning",
        ),
    ],
)
def test_gradients_are_warned_about_once_a_fit(settings, text):
    model = quick(frozen=["head", "nu_hat"]).set_callbacks(GradientMonitor(**settings))
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="The gradient of") as caught:
            model.fit(X, y)
        names = [re.match(r"The gradient of (\w+)", str(w.message))[1] for w in caught]
        assert sorted(names) == ["U", "W", "bias_gate", "bias_update", "zeta_hat"]
        for warning in caught:
            assert re.search(rf"has the norm [\d.e-]+ after epoch 1, {text}", str(warning.message))
            assert warning.filename == __file__


def test_gradients_that_are_not_finite_are_warned_about(monkeypatch):
    kernel = active_kernel()
    original = kernel.loss_gradient

    def broken(network, parameters, sequences, targets, loss, rows, *args, **kwargs):
        score, gradient = original(
            network, parameters, sequences, targets, loss, rows, *args, **kwargs
        )
        if len(rows) != 13:  # minibatches of the reference kernel
            return score, gradient
        gradient[-2:] = np.nan, np.inf
        return score, gradient

    monkeypatch.setattr(kernel, "loss_gradient", broken)
    model = quick().set_callbacks(GradientMonitor(n_sequences=13, exploding=np.inf))
    with pytest.warns(RuntimeWarning) as caught:
        model.fit(X, y)
    texts = [str(warning.message) for warning in caught]
    assert ["norm inf" in text or "norm nan" in text for text in texts] == [True] * 2
    assert ["not finite: the training may diverge" in text for text in texts] == [True] * 2


def test_gradients_of_a_good_training_are_not_warned_about():
    digits, labels = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick().set_callbacks(GradientMonitor()).fit(digits[:500].reshape(-1, 8, 8), labels[:500])
