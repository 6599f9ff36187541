"""temperature="auto": a teacher's probabilities are made as sure as they are right."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import SVC

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier
from skfastgrnn.distillation._calibration import (
    BOUNDS,
    Calibration,
    calibrated,
    calibrated_temperature,
    smoothed_targets,
)

X, y = make_classification(
    150, 6, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
)
FOREST = ExtraTreesClassifier(20, random_state=0)


def student(**params):
    settings = {"hidden_size": 3, "max_iter": 3, "n_iter_no_change": np.inf, "random_state": 0}
    return FastGRNNClassifier(**{**settings, "early_stopping": False, **params})


def distilled(teacher, **params):
    return DistilledFastGRNN(teacher, student(), **params)


def weights_of(model):
    return model.student_._parameters


# The temperature


def test_targets_are_smoothed_by_the_number_of_samples():
    """Of 4 samples of a class, to which 4 are added, and 1 of another, to which 2 are."""
    targets = smoothed_targets(np.array([0, 0, 0, 0, 2]), 3)
    np.testing.assert_allclose(targets[0], [(4 + 4 / 3) / 8, 4 / 3 / 8, 4 / 3 / 8])
    np.testing.assert_allclose(targets[4], [2 / 3 / 3, 2 / 3 / 3, (1 + 2 / 3) / 3])
    np.testing.assert_allclose(targets.sum(axis=1), 1)


def test_counts_of_weighted_samples():
    """As often as their weights say, which may be in any unit."""
    labels = np.array([0, 1, 1])
    targets = smoothed_targets(labels, 2, np.array([2.0, 0.5, 0.5]))
    for row, n in ((0, 2.0), (1, 1.0)):
        expected = (n + np.sqrt(n)) / (n + 2 * np.sqrt(n))
        assert targets[row, labels[row]] == pytest.approx(expected)
    np.testing.assert_allclose(smoothed_targets(labels, 2, np.array([20.0, 5, 5])), targets)


@pytest.mark.parametrize("expected", [1.0, 5.0])
@pytest.mark.parametrize("sure", [0.5, 3.0, 40.0])
@pytest.mark.parametrize("n_wrong", [1, 4, 8, 20])
def test_two_classes_at_the_minimum(sure, n_wrong, expected):
    """All logits are ±sure: the slope over log(T) has a closed form, which is zero there."""
    labels = np.repeat([0, 1], 10)
    says_one = np.roll(labels, n_wrong // 2).astype(bool) if n_wrong < 20 else labels == 0
    n_wrong = np.sum(says_one != labels)
    logits = np.c_[np.zeros(20), np.where(says_one, sure, -sure)]
    right, wrong = np.array([10 + np.sqrt(10), np.sqrt(10)]) / (10 + 2 * np.sqrt(10))
    mean = ((20 - n_wrong) * right + n_wrong * wrong) / 20  # target of the class that is predicted
    temperature = calibrated_temperature(logits, labels, expected=expected)
    z = sure / temperature
    slope = (mean - expit(z)) * z + np.log(temperature / expected) / 20
    assert abs(slope) < 1e-6


def test_many_labels_decide_alone():
    """Then the probability of the class that is predicted is how often it is right."""
    labels = np.repeat([0, 1], 200_000)
    says_one = labels.astype(bool) ^ (np.arange(400_000) % 10 == 0)
    logits = np.c_[np.zeros(400_000), np.where(says_one, 20.0, -20.0)]
    temperature = calibrated_temperature(logits, labels)
    assert expit(20 / temperature) == pytest.approx(0.9, abs=0.005)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_that_another_optimiser_finds(weighted):
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((80, 4))
    labels = np.where(rng.random(80) < 0.6, logits.argmax(axis=1), rng.integers(0, 4, 80))
    weights = rng.random(80) if weighted else np.ones(80)
    targets = smoothed_targets(labels, 4, weights)

    def loss(inverse):
        costs = -(targets * log_softmax(logits * inverse[0], axis=1)).sum(axis=1)
        return 80 * np.average(costs, weights=weights) + np.log(inverse[0]) ** 2 / 2

    positive, exact = [(1e-6, None)], {"xatol": 1e-9}
    found = minimize(loss, [0.5], method="Nelder-Mead", bounds=positive, options=exact)
    expected = 1 / found.x[0]
    weights = weights if weighted else None
    assert calibrated_temperature(logits, labels, weights) == pytest.approx(expected, rel=1e-4)
    hotter = calibrated_temperature(10 * logits, labels, weights, expected=10.0)
    assert hotter == pytest.approx(10 * expected, rel=1e-4)


def test_temperatures_have_bounds():
    labels = np.array([0, 1, 2] * 500)
    wrong = 1e6 * np.eye(3)[(labels + 1) % 3]
    assert calibrated_temperature(wrong, labels) == pytest.approx(BOUNDS[1])
    assert calibrated_temperature(np.eye(3)[labels], labels, lowest=1.0) == 1.0
    assert calibrated_temperature(np.ones((1500, 3)), labels) == pytest.approx(1.0)


def test_a_few_labels_do_not_make_a_teacher_say_nothing():
    """All wrong, by chance: it is doubted, and still says which class it means."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    wrong = np.log(np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])[labels])
    found = calibrated(wrong, labels, are_probabilities=True)
    assert 1.5 < found.temperature < 5
    many = calibrated(np.repeat(wrong, 50, axis=0), np.repeat(labels, 50), are_probabilities=True)
    assert many.temperature > 10


def test_zeros_do_not_decide_alone():
    """What a forest calls impossible is less likely than one in n_samples + n_classes."""
    labels = np.array([0, 1, 2] * 10)
    proba = np.full((30, 3), 0.1)
    proba[np.arange(30), labels] = 0.8
    proba[0] = [0, 0.1, 0.9]  # wrong
    least = 1 / 33
    with np.errstate(divide="ignore"):
        logits = np.maximum(np.log(proba), -36)
    found = calibrated(logits, labels, are_probabilities=True)
    assert found.least == least
    raised = np.log(np.maximum(proba, least))
    assert found.temperature == pytest.approx(calibrated_temperature(raised, labels), rel=1e-6)
    np.testing.assert_allclose(found.of(logits), raised / found.temperature)
    decisions = calibrated(logits, labels, are_probabilities=False)
    assert decisions.least is None
    np.testing.assert_array_equal(Calibration(2.0).of(logits), logits / 2)


# In a fit


def calibrated_by_hand(proba, known):
    """Probabilities (n_samples, n_classes), calibrated on the labels `known` (rows)."""
    logits = np.log(np.maximum(proba, 1 / (len(known) + proba.shape[1])))
    temperature = calibrated_temperature(logits[known], y[known])
    return softmax(logits / temperature, axis=1), temperature


def test_the_student_learns_from_calibrated_probabilities():
    proba = cross_val_predict(FOREST, X, y, cv=StratifiedKFold(5), method="predict_proba")
    soft, temperature = calibrated_by_hand(proba, np.arange(150))
    expected = distilled(None, temperature=1).fit(X, y, teacher_proba=soft)
    model = distilled(FOREST).fit(X, y)
    np.testing.assert_allclose(weights_of(model), weights_of(expected), rtol=1e-6)
    assert model.report_["temperature"] == pytest.approx(temperature, rel=1e-6)
    assert model.report_["temperature_reason"] == "calibrated on 150 labels, out of fold"


def test_unlabelled_samples_have_the_temperature_of_the_others():
    known = np.flatnonzero(np.arange(150) % 3 == 0)
    hidden = np.full(150, -1)
    hidden[known] = y[known]
    splits = StratifiedKFold(5).split(known, y[known])
    parts = [known, *(known[train] for train, _ in splits)]
    proba = np.mean([FOREST.fit(X[p], y[p]).predict_proba(X) for p in parts], axis=0)
    proba[known] = cross_val_predict(FOREST, X[known], y[known], method="predict_proba")
    soft, _ = calibrated_by_hand(proba, known)
    expected = distilled(None, temperature=1).fit(X, hidden, teacher_proba=soft)
    model = distilled(FOREST).fit(X, hidden)
    np.testing.assert_allclose(weights_of(model), weights_of(expected), rtol=1e-6)
    assert model.report_["temperature_reason"] == "calibrated on 50 labels, out of fold"


def test_decisions_are_only_divided():
    decisions = cross_val_predict(SVC(), X, y, cv=StratifiedKFold(5), method="decision_function")
    spread = np.std(decisions - decisions.mean(axis=1, keepdims=True))
    temperature = calibrated_temperature(decisions, y, expected=spread)
    soft = softmax(decisions / temperature, axis=1)
    expected = distilled(None, temperature=1).fit(X, y, teacher_proba=soft)
    np.testing.assert_allclose(
        weights_of(distilled(SVC()).fit(X, y)), weights_of(expected), rtol=1e-6
    )


def test_samples_without_weight_do_not_count():
    weights = (np.arange(150) % 3 > 0) * 2.0
    kept = weights > 0
    full = distilled(FrozenEstimator(LogisticRegression(C=100).fit(X[:40], y[:40])))
    part = full.fit(X[kept], y[kept]).report_["temperature"]
    whole = full.fit(X, y, sample_weight=weights).report_["temperature"]
    assert whole == pytest.approx(part, rel=1e-6)
    assert part > 1


def test_a_validation_set_has_the_same_calibration():
    model = DistilledFastGRNN(FOREST, student(early_stopping=True), alpha=1.0)
    model.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    proba = cross_val_predict(FOREST, X[:100], y[:100], method="predict_proba")
    logits = np.log(np.maximum(proba, 1 / 103))
    temperature = calibrated_temperature(logits, y[:100])
    proba = np.maximum(model.teacher_.predict_proba(X[100:]), 1 / 103)
    p = softmax(np.log(proba) / temperature, axis=1)
    student_ = model.student_
    divergence = np.sum(p * (np.log(p) - student_.predict_log_proba(X[100:])), axis=1).mean()
    best = student_.validation_loss_curve_[student_.best_iter_ - 1]
    assert divergence == pytest.approx(best, rel=1e-4)


class Sure(ClassifierMixin, BaseEstimator):
    """Right in four cases of five, and always as sure as its parameter says."""

    def __init__(self, probability):
        self.probability = probability

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.labels_ = {tuple(x): label for x, label in zip(X, y, strict=True)}
        return self

    def predict_proba(self, X):
        rest = (1 - self.probability) / 2
        proba = np.full((len(X), 3), rest)
        for i, x in enumerate(X):
            label = self.labels_[tuple(x)]
            proba[i, label if hash(tuple(x)) % 5 else (label + 1) % 3] = self.probability
        return proba

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(("probability", "is_too_sure"), [(0.99, True), (0.5, False)])
def test_labels_that_a_teacher_may_know_only_tell_that_it_is_too_sure(
    probability, is_too_sure, outside
):
    teacher = Sure(probability).fit(X, y)
    if outside:
        model = distilled(None).fit(X, y, teacher_proba=teacher.predict_proba(X))
    else:
        model = distilled(teacher, cv="prefit").fit(X, y)
    assert (model.report_["temperature"] > 1.5) == is_too_sure
    assert (model.report_["temperature"] == 1) != is_too_sure
    reason = "calibrated on 150 labels that the teacher may know: not below 1"
    assert model.report_["temperature_reason"] == reason


def test_without_labels_there_is_nothing_to_calibrate():
    teacher = LogisticRegression().fit(X, y)
    plain, auto = (
        distilled(teacher, cv="prefit", **params).fit(X, np.full(150, -1))
        for params in ({"temperature": 1}, {})
    )
    np.testing.assert_array_equal(weights_of(auto), weights_of(plain))
    assert auto.report_["temperature"] == 1
    assert auto.report_["temperature_reason"] == "no labels to calibrate it on"
    assert plain.report_["temperature_reason"] == "given"


def test_a_class_of_one_sample_does_not_decide_the_temperature():
    """It is asked of a teacher that knows it, which says nothing about the others."""
    labels = np.where(np.arange(150) == 7, 3, y)
    model = distilled(FOREST).fit(X, labels)
    assert model.report_["temperature_reason"] == "calibrated on 149 labels, out of fold"
    without = distilled(FOREST).fit(np.delete(X, 7, axis=0), np.delete(y, 7))
    assert model.report_["temperature"] == pytest.approx(without.report_["temperature"], rel=0.2)
