"""Classes that a fold, or all folds, have not seen."""

import numpy as np
import pytest
from helpers.distillation import (
    BINARY,
    X,
    asked_by_hand,
    assert_same_student,
    taught_by,
    y,
)
from scipy.special import log_softmax, softmax
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.svm import SVC, LinearSVC

from skfastgrnn.distillation._teachers import LEAST, METHODS


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize(
    ("teacher", "method"),
    [
        (LinearSVC(), "decision_function"),
        (LogisticRegression(), "decision_function"),
        (LogisticRegression(), "predict_proba"),
        (LogisticRegression(), "predict_log_proba"),
        (SVC(), "decision_function"),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_class_of_one_sample(teacher, method, n_classes, cv):
    """It is in all training parts; only the teacher that is fitted on all is asked about it."""
    labels = np.where(np.arange(120) == 7, 3, y if n_classes == 4 else 0)
    model = taught_by(teacher, cv=cv, teacher_method=method)
    assert len(model.fit(X, labels).classes_) == n_classes


def soft_targets_of(model, X, labels, monkeypatch, **arguments):
    """What its student learns from, as probabilities (n_samples, n_classes), and the model."""
    seen, train = [], type(model)._train

    def recorded(self, student, X, y, objective, *rest):
        seen.append(objective.logits)
        return train(self, student, X, y, objective, *rest)

    monkeypatch.setattr(type(model), "_train", recorded)
    model.fit(X, labels, **arguments)
    monkeypatch.undo()
    logits = seen[0]
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    return np.exp(log_softmax(logits, axis=1)), model


@pytest.mark.parametrize("method", METHODS)
def test_a_class_that_a_fold_has_not_seen(method, monkeypatch):
    """Its probability is nothing for others; its own samples are asked of the whole teacher."""
    labels = np.where(np.arange(120) < 10, 3, y)
    splits = list(KFold(12).split(X))  # the first fold holds all of class 3
    teacher = LogisticRegression()
    model = taught_by(teacher, cv=KFold(12), teacher_method=method)
    soft, model = soft_targets_of(model, X, labels, monkeypatch)
    expected = asked_by_hand(teacher, labels, splits)
    expected[:10] = model.teacher_.predict_proba(X[:10])
    np.testing.assert_allclose(soft, expected, atol=1e-7 if method == METHODS[2] else 1e-12)
    assert soft[:10, 3].min() > 0.01


@pytest.mark.parametrize("method", METHODS)
def test_what_has_no_label_is_asked_of_the_teacher_and_all_of_its_clones(method, monkeypatch):
    """But not of those of folds that lack a class."""
    labels = np.where(np.arange(120) < 10, 3, y)
    labels[60:] = -1
    known = np.arange(60)
    splits = list(KFold(6).split(known))  # the first fold holds all of class 3
    model = taught_by(LogisticRegression(), cv=KFold(6), teacher_method=method)
    soft, model = soft_targets_of(model, X, labels, monkeypatch)
    fitted = [model.teacher_]
    fitted += [LogisticRegression().fit(X[train], labels[train]) for train, _ in splits[1:]]
    if method == "decision_function":
        expected = softmax(np.mean([each.decision_function(X) for each in fitted], axis=0), axis=1)
    else:
        expected = np.mean([each.predict_proba(X) for each in fitted], axis=0)
    np.testing.assert_allclose(soft[60:], expected[60:], rtol=1e-9)


def test_a_class_of_one_sample_is_asked_of_the_whole_teacher(monkeypatch):
    labels = np.where(np.arange(120) == 7, 3, y)
    soft, model = soft_targets_of(taught_by(LogisticRegression()), X, labels, monkeypatch)
    np.testing.assert_allclose(soft[7], model.teacher_.predict_proba(X[7:8])[0])
    others = np.delete(np.arange(120), 7)
    train, test = next(StratifiedKFold(5).split(others, labels[others]))
    train, test = np.append(others[train], 7), others[test]
    fold = LogisticRegression().fit(X[np.sort(train)], labels[np.sort(train)])
    np.testing.assert_allclose(soft[test], fold.predict_proba(X[test]), rtol=1e-7)


def test_only_classes_of_one_sample():
    teacher = LogisticRegression()
    model = taught_by(teacher).fit(X[:3], ["a", "b", "c"])
    outside = taught_by(None).fit(
        X[:3], ["a", "b", "c"], teacher_proba=model.teacher_.predict_proba(X[:3])
    )
    assert_same_student(model, outside)


def test_a_teacher_that_knows_one_class_of_two(monkeypatch):
    """The forest of a fold has one column; the other class has the least probability."""
    order = np.argsort(BINARY, kind="stable")
    rows, labels = X[order], BINARY[order]
    n_zeros = int(np.sum(labels == 0))
    zeros, ones = np.split(np.arange(120), [n_zeros])
    mixed = np.sort(np.r_[zeros[:5], ones[5:]])
    splits = [(zeros[5:], mixed), (mixed, np.setdiff1d(np.arange(120), mixed))]
    model = taught_by(ExtraTreesClassifier(5, random_state=0), cv=splits)
    soft, model = soft_targets_of(model, rows, labels, monkeypatch)
    np.testing.assert_allclose(soft[:5], [[1, LEAST]] * 5)
    whole = model.teacher_.predict_proba(rows[ones[5:]])
    np.testing.assert_allclose(soft[ones[5:]], whole, atol=1e-9)
