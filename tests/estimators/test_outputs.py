"""What a fitted classifier answers: scores, probabilities, states of the cell, parameters."""

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from scipy.special import expit, log_expit, log_softmax, softmax

ACTIVATION = {
    "sigmoid": expit,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "hard_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
}


def fitted(n_classes, dtype=np.float64, **params):
    X, y = sequences(60, n_classes=n_classes)
    X = X.astype(dtype)
    return quick(**params).fit(X, y), X


def tolerance(dtype):
    return {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-14}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 17])
def test_probabilities_are_those_of_the_decision_function(n_classes, dtype):
    model, X = fitted(n_classes, dtype)
    scores = model.decision_function(X)
    if n_classes == 2:
        assert scores.shape == (60,)
        logits = np.column_stack([np.zeros(60), scores])
    else:
        assert scores.shape == (60, n_classes)
        logits = scores.astype(np.float64)
    probabilities, logarithms = model.predict_proba(X), model.predict_log_proba(X)
    np.testing.assert_allclose(probabilities, softmax(logits, axis=1), **tolerance(dtype))
    np.testing.assert_allclose(logarithms, log_softmax(logits, axis=1), **tolerance(dtype))
    np.testing.assert_array_equal(model.predict(X), logits.argmax(axis=1))
    assert probabilities.dtype == logarithms.dtype == scores.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_of_extreme_scores(n_classes, dtype):
    """A probability may be 0, its logarithm stays exact, and nothing overflows."""
    model, X = fitted(n_classes, dtype)
    model.params_["head_weight"][:] *= 1e5
    scores = model.decision_function(X).astype(np.float64)
    with np.errstate(all="raise", under="ignore"):
        probabilities, logarithms = model.predict_proba(X), model.predict_log_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert probabilities.min() == 0
    if n_classes == 2:
        expected = log_expit(np.column_stack([-scores, scores]))
    else:
        expected = log_softmax(scores, axis=1)
    np.testing.assert_allclose(logarithms, expected, rtol=1e-6)


def states_by_hand(model, X):
    """The equations of the class docstring, step by step: (n_samples, n_timesteps, hidden_size)."""
    p = model.params_
    gate, update = ACTIVATION[model.gate_activation], ACTIVATION[model.update_activation]
    zeta, nu = expit(p["zeta_hat"]), expit(p["nu_hat"])
    h, states = np.zeros((len(X), model.hidden_size)), []
    for x in X.swapaxes(0, 1):
        a = x @ p["W"].T + h @ p["U"].T
        z, c = gate(a + p["bias_gate"]), update(a + p["bias_update"])
        h = (zeta * (1 - z) + nu) * c + z * h
        states.append(h)
    return np.stack(states, axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("gate", ACTIVATION)
@pytest.mark.parametrize("update", ACTIVATION)
def test_states_and_scores_by_hand(update, gate, pooling, dtype):
    model, X = fitted(
        3, dtype, gate_activation=gate, update_activation=update, pooling=pooling,
        hidden_size=5, max_iter=3, learning_rate_init=0.01,
    )  # fmt: skip
    expected = states_by_hand(model, X.astype(np.float64))
    every, last = model.hidden_states(X, all_steps=True), model.hidden_states(X)
    assert every.dtype == last.dtype == dtype
    np.testing.assert_allclose(every, expected, **tolerance(dtype))
    np.testing.assert_array_equal(last, every[:, -1])

    read = expected[:, -1] if pooling == "last" else expected.mean(axis=1)
    scores = read @ model.params_["head_weight"].T + model.params_["head_bias"]
    np.testing.assert_allclose(model.decision_function(X), scores, **tolerance(dtype))


def test_states_of_rows():
    X, y = sequences(60)
    rows = X.reshape(60, 12)
    model = quick(n_timesteps=6).fit(rows, y)
    assert model.hidden_states(rows).shape == (60, 4)
    np.testing.assert_allclose(
        model.hidden_states(rows, all_steps=True), states_by_hand(model, X), rtol=1e-12
    )


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("H", [1, 6])
def test_shapes_and_number_of_parameters(H, n_channels, n_classes):
    X, y = sequences(20, n_channels=n_channels, n_classes=n_classes)
    model = quick(hidden_size=H).fit(X, y)
    n_outputs = 1 if n_classes == 2 else n_classes
    assert {name: part.shape for name, part in model.params_.items()} == {
        "W": (H, n_channels),
        "U": (H, H),
        "bias_gate": (H,),
        "bias_update": (H,),
        "zeta_hat": (1,),
        "nu_hat": (1,),
        "head_weight": (n_outputs, H),
        "head_bias": (n_outputs,),
    }
    n_parameters = sum(part.size for part in model.params_.values())
    assert n_parameters == H * (n_channels + H + 2) + 2 + n_outputs * (H + 1)


@pytest.mark.parametrize("name", ["W", "U", "bias_gate", "bias_update", "zeta_hat", "nu_hat"])
def test_parameters_are_views(name):
    model, X = fitted(3)
    before = model.hidden_states(X)
    model.params_[name][:] += 0.5
    after = model.hidden_states(X)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, states_by_hand(model, X)[:, -1], rtol=1e-12)


def test_head_is_a_view():
    model, X = fitted(3)
    model.params_["head_weight"][:] = 0
    model.params_["head_bias"][:] = [0, 1, 0]
    np.testing.assert_array_equal(model.decision_function(X), np.tile([0, 1, 0], (60, 1)))


def test_score_is_weighted_accuracy():
    model, X = fitted(3)
    labels = np.arange(60) % 3
    weights = np.random.default_rng(0).uniform(0, 2, 60)
    correct = model.predict(X) == labels
    assert model.score(X, labels, weights) == pytest.approx(weights @ correct / weights.sum())


def test_answers_of_many_samples_are_those_of_few():
    """However the kernel cuts them into parts."""
    model, _ = fitted(3)
    many, _ = sequences(1100, n_timesteps=3)
    together = model.decision_function(many), model.hidden_states(many)
    parts = [
        (model.decision_function(part), model.hidden_states(part)) for part in np.split(many, 11)
    ]
    for whole, pieces in zip(together, zip(*parts, strict=True), strict=True):
        np.testing.assert_allclose(whole, np.concatenate(pieces), rtol=1e-12)
