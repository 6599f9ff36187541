"""What a fit computes: the same as training written out here; weights, schedules, reports."""

import re

import numpy as np
import pytest
from helpers.estimators import bits, flat, initial, quick, record_epochs, sequences
from scipy.special import expit, log_softmax, softmax
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.training._report import duration, epoch_line

X, y = sequences(60)
X3, y3 = sequences(60, n_classes=3)
WHOLE = {"batch_size": 1000, "shuffle": False}  # all samples are one minibatch, in their order


class WrittenOut:
    """FastGRNN of one step (h0 = 0, so U says nothing), softmax and Adam, from their equations."""

    decayed = ("W", "U", "head_weight")

    def __init__(self, parameters, *, alpha, rate, clip_value, clip_norm):
        self.p = {name: part.copy() for name, part in parameters.items()}
        self.m = {name: np.zeros_like(part) for name, part in parameters.items()}
        self.v = {name: np.zeros_like(part) for name, part in parameters.items()}
        self.alpha, self.rate, self.clip_value, self.clip_norm = alpha, rate, clip_value, clip_norm
        self.step = 0

    def gradient(self, X, y, weights, n):
        """Sums of weighted losses, penalties and weights, and the gradient of sums over n."""
        p = self.p
        zeta, nu = expit(p["zeta_hat"]), expit(p["nu_hat"])
        a = X @ p["W"].T
        z, c = expit(a + p["bias_gate"]), np.tanh(a + p["bias_update"])
        h = (zeta * (1 - z) + nu) * c
        logits = h @ p["head_weight"].T + p["head_bias"]

        loss = -np.sum(weights * log_softmax(logits, axis=1)[np.arange(len(y)), y])
        d_logits = weights[:, None] / n * (softmax(logits, axis=1) - np.eye(logits.shape[1])[y])
        d_h = d_logits @ p["head_weight"]
        d_z = d_h * -zeta * c * z * (1 - z)
        d_c = d_h * (zeta * (1 - z) + nu) * (1 - c**2)
        gradient = {
            "W": (d_z + d_c).T @ X,
            "U": np.zeros_like(p["U"]),
            "bias_gate": d_z.sum(axis=0),
            "bias_update": d_c.sum(axis=0),
            "zeta_hat": zeta * (1 - zeta) * np.sum(d_h * (1 - z) * c),
            "nu_hat": nu * (1 - nu) * np.sum(d_h * c),
            "head_weight": d_logits.T @ h,
            "head_bias": d_logits.sum(axis=0),
        }
        penalty = 0.0
        for name in self.decayed:
            penalty += self.alpha / 2 * np.sum(p[name] ** 2)
            gradient[name] = gradient[name] + self.alpha * p[name] / n
        return loss, penalty, weights.sum(), gradient

    def update(self, gradient):
        self.step += 1
        clipped = {k: np.clip(g, -self.clip_value, self.clip_value) for k, g in gradient.items()}
        scale = min(1.0, self.clip_norm / norm(clipped))
        for name, g in clipped.items():
            self.m[name] = 0.9 * self.m[name] + 0.1 * scale * g
            self.v[name] = 0.99 * self.v[name] + 0.01 * (scale * g) ** 2
            m, v = self.m[name] / (1 - 0.9**self.step), self.v[name] / (1 - 0.99**self.step)
            self.p[name] -= self.rate * m / (np.sqrt(v) + 1e-3)

    def epoch(self, X, y, weights, batch_size):
        """Train, and answer the mean objective and the mean norm of gradients."""
        totals, norms = np.zeros(3), []
        for start in range(0, len(X), batch_size):
            rows = slice(start, start + batch_size)
            n = len(y[rows]) * weights.mean()
            *sums, gradient = self.gradient(X[rows], y[rows], weights[rows], n)
            totals += sums
            norms.append(norm(gradient))
            self.update(gradient)
        return (totals[0] + totals[1]) / totals[2], np.mean(norms)


def norm(gradient):
    return np.sqrt(sum(np.sum(part**2) for part in gradient.values()))


@pytest.mark.parametrize(("clip_value", "clip_norm"), [(1e9, 1e9), (0.01, 1e9), (1e9, 0.02)])
def test_training_equals_training_written_out(clip_value, clip_norm):
    """Three epochs of uneven minibatches, weighted, decayed, and clipped or not."""
    rows, weights = X3.reshape(60, 12), np.random.default_rng(1).uniform(0, 2, 60)
    settings = {"alpha": 0.3, "clip_value": clip_value, "clip_norm": clip_norm}
    shape = {"n_timesteps": 1, "hidden_size": 5}
    by_hand = WrittenOut(initial(rows, y3, **shape).params_, rate=0.02, **settings)
    curve, norms = zip(*(by_hand.epoch(rows, y3, weights, 13) for _ in range(3)), strict=True)
    model = quick(
        max_iter=3, batch_size=13, shuffle=False, learning_rate_init=0.02, beta_1=0.9, beta_2=0.99,
        epsilon=1e-3, **shape, **settings,
    )  # fmt: skip
    model.fit(rows, y3, weights)
    for name, part in model.params_.items():
        np.testing.assert_allclose(part, by_hand.p[name], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(model.loss_curve_, curve, rtol=1e-9)
    np.testing.assert_allclose(model.history_["gradient_norm"], norms, rtol=1e-9)


@pytest.mark.parametrize("with_validation", [False, True])
def test_history(with_validation):
    model = quick(early_stopping=with_validation).fit(X, y)
    both = {"loss", "accuracy", "learning_rate", "gradient_norm", "seconds"}
    of_validation = {"validation_loss", "validation_accuracy"}
    lengths = {name: len(values) for name, values in model.history_.items()}
    assert lengths == dict.fromkeys(both, 10) | dict.fromkeys(of_validation, 10 * with_validation)
    assert model.n_iter_ == 10
    assert model.loss_curve_ == model.history_["loss"]
    assert model.loss_ == model.loss_curve_[-1]
    assert model.validation_loss_curve_ == model.history_["validation_loss"]
    assert model.validation_scores_ == (model.history_["validation_accuracy"] or None)
    watched = model.validation_loss_curve_ if with_validation else model.loss_curve_
    assert model.best_loss_ == min(watched)


def test_history_of_an_epoch_is_taken_before_its_update():
    """With one minibatch, loss and accuracy of an epoch are those of the model before it."""
    weights = np.random.default_rng(0).uniform(0, 2, 60)
    longer = quick(max_iter=6, alpha=0, **WHOLE).fit(X, y, weights)
    before = quick(max_iter=5, alpha=0, **WHOLE).fit(X, y, weights)
    assert longer.loss_curve_[5] == pytest.approx(
        log_loss(y, before.predict_proba(X), sample_weight=weights)
    )
    assert longer.history_["accuracy"][5] == pytest.approx(
        accuracy_score(y, before.predict(X), sample_weight=weights)
    )


def test_step_schedule():
    model = quick(learning_rate="step", learning_rate_init=0.5, lr_decay=0.1, lr_decay_step=4)
    rates = model.fit(X, y).history_["learning_rate"]
    np.testing.assert_allclose(rates, [0.5] * 4 + [0.05] * 4 + [0.005] * 2)


def test_constant_schedule_ignores_the_decay():
    model = quick(learning_rate_init=0.5, lr_decay=0.1, lr_decay_step=1).fit(X, y)
    assert model.history_["learning_rate"] == [0.5] * 10


def test_scheduled_rate_is_the_one_used():
    """After the first step the rate is next to nothing, so nothing is learned any more."""
    once = quick(max_iter=1).fit(X, y)
    stuck = quick(max_iter=9, learning_rate="step", lr_decay=1e-300, lr_decay_step=1).fit(X, y)
    np.testing.assert_array_equal(flat(stuck), flat(once))


@pytest.mark.parametrize("with_sample_weight", [False, True])
@pytest.mark.parametrize(
    "class_weight", ["balanced", {"b": 3.0}, {"a": 0.5, "b": 1, "c": 2}], ids=str
)
def test_class_weight_multiplies_sample_weight(class_weight, with_sample_weight):
    labels = np.array(["a", "b", "b", "c", "b", "a"])[np.arange(60) % 6]
    given = np.random.default_rng(0).uniform(0, 2, 60) if with_sample_weight else np.ones(60)
    if class_weight == "balanced":
        by_label = {label: given.sum() / (3 * given[labels == label].sum()) for label in "abc"}
    else:
        by_label = {"a": 1, "b": 1, "c": 1, **class_weight}
    weights = given * [by_label[label] for label in labels]
    by_class = quick(class_weight=class_weight)
    by_class.fit(X, labels, given if with_sample_weight else None)
    by_sample = quick().fit(X, labels, weights)
    np.testing.assert_allclose(flat(by_class), flat(by_sample), rtol=1e-9)
    assert bits(by_class) != bits(quick().fit(X, labels, given))


def test_balanced_classes_are_learned_alike():
    """Without it the rare class is lost."""
    noise = np.random.default_rng(0).standard_normal((400, 3, 1))
    rare = (np.arange(400) % 20 == 0).astype(int)
    data = noise + rare[:, None, None] * 0.7
    recalls = [
        quick(class_weight=class_weight, max_iter=20)
        .fit(data, rare)
        .predict(data)[rare == 1]
        .mean()
        for class_weight in (None, "balanced")
    ]
    assert recalls[1] > 0.5 > recalls[0]


def test_whole_weights_are_repetitions():
    weights = np.random.default_rng(0).integers(0, 4, 60)
    weighted = quick(**WHOLE).fit(X3, y3, weights)
    repeated = quick(**WHOLE).fit(X3.repeat(weights, axis=0), y3.repeat(weights))
    np.testing.assert_allclose(flat(weighted), flat(repeated), rtol=1e-9)


def test_weights_of_one_are_no_weights():
    assert bits(quick().fit(X, y, np.ones(60))) == bits(quick().fit(X, y))


def test_samples_of_zero_weight_are_not_seen():
    weights = (np.arange(60) < 50).astype(float)
    other = X.copy()
    other[50:] = 1e6
    assert bits(quick().fit(X, y, weights)) == bits(quick().fit(other, y, weights))


def test_minibatches_of_zero_weight_only():
    """They update nothing: neither the weights nor the optimizer's moments."""
    weights = (np.arange(60) < 32).astype(float)
    weighted = quick(shuffle=False, batch_size=16).fit(X, y, weights)
    shorter = quick(shuffle=False, batch_size=16).fit(X[:32], y[:32])
    np.testing.assert_allclose(flat(weighted), flat(shorter), rtol=1e-12)


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_sample_is_seen_once_an_epoch(shuffle, monkeypatch):
    epochs = record_epochs(monkeypatch)
    quick(shuffle=shuffle).fit(X, y)
    orders = [tuple(rows) for rows, *_ in epochs]
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(60))}
    assert len(set(orders)) == (10 if shuffle else 1)


def test_max_iter_warns():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(3\) reached"):
        model = quick(max_iter=3, n_iter_no_change=10).fit(X, y)
    assert model.n_iter_ == 3


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_infinite_patience_does_not_warn():
    assert quick(max_iter=3).fit(X, y).n_iter_ == 3


LINE = re.compile(
    r"Epoch (\d+)/3, loss (\d+\.\d{5})(?:, validation loss (\d+\.\d{5}))?, "
    r"elapsed (\d+\.\d) s, remaining (\d+\.\d) s"
)


@pytest.mark.parametrize("with_validation", [False, True])
def test_verbose(capsys, with_validation):
    model = quick(max_iter=3, verbose=1, early_stopping=with_validation).fit(X, y)
    lines = [LINE.fullmatch(line).groups() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["1", "2", "3"]
    assert [line[1] for line in lines] == [f"{loss:.5f}" for loss in model.loss_curve_]
    expected = [f"{loss:.5f}" for loss in model.validation_loss_curve_] or [None] * 3
    assert [line[2] for line in lines] == expected
    assert lines[-1][4] == "0.0"


def test_remaining_time_goes_on_at_the_same_pace():
    history = {"loss": [0.5, 0.25], "validation_loss": [], "seconds": [1.0, 3.0]}
    assert epoch_line(history, 2, 8) == "Epoch 2/8, loss 0.25000, elapsed 4.0 s, remaining 12.0 s"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (125.4, "2 min 05 s"),
        (7380, "2 h 03 min"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_silent_by_default(capsys):
    quick().fit(X, y)
    assert capsys.readouterr() == ("", "")


def test_handwriting_is_learned():
    """Each digit as 8 steps of 8 numbers; guessing finds one in ten."""
    digits, labels = load_digits(return_X_y=True)
    split = train_test_split(digits.reshape(-1, 8, 8) / 16, labels, random_state=0)
    X_train, X_test, y_train, y_test = split
    model = FastGRNNClassifier(max_iter=20, n_iter_no_change=float("inf"), random_state=0)
    assert model.fit(X_train, y_train).score(X_test, y_test) > 0.9


def test_order_of_steps_is_learned():
    """What no bag of steps can tell: whether the pulse came early or late."""
    rng = np.random.default_rng(0)
    early = np.arange(200) % 2
    pulses = 0.1 * rng.standard_normal((200, 12, 1))
    pulses[
        np.arange(200), np.where(early, rng.integers(0, 6, 200), rng.integers(6, 12, 200)), 0
    ] += 1
    model = quick(hidden_size=8, max_iter=60).fit(pulses[:150], early[:150])
    assert model.score(pulses[150:], early[150:]) > 0.9


@pytest.mark.parametrize("batch_size", [1, 7, 60])
def test_class_weight_matters_at_any_batch_size(batch_size):
    """Noise of which a half is called True: with its weight, True becomes the likelier answer."""
    noise = np.random.default_rng(0).standard_normal((60, 3, 1))
    labels = np.arange(60) % 2 == 0
    sure = quick(class_weight={True: 9.0}, batch_size=batch_size, max_iter=20).fit(noise, labels)
    assert sure.predict_proba(noise)[:, 1].mean() > 0.75
