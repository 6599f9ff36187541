"""Logits of teachers of every kind, by every method, in any order of classes."""

import numpy as np
import pytest
from helpers.distillation import BINARY, X, distilled, student, weights_of, y
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skfastgrnn.distillation import _teachers
from skfastgrnn.distillation._soft_targets import as_outputs

LOGITS = {
    "logistic": (LogisticRegression(), y),
    "two classes": (LogisticRegression(), BINARY),
    "SVC": (SVC(), y),
    "LinearSVC": (LinearSVC(), BINARY),
    "hinge": (SGDClassifier(random_state=0), y),
    "neighbours": (KNeighborsClassifier(), y),
    "network": (student(max_iter=20), y),
    "pipeline": (make_pipeline(StandardScaler(), LogisticRegression()), BINARY),
    "search": (GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3), y),
    "votes": (VotingClassifier([("a", student()), ("b", student())], voting="soft"), y),
}


@pytest.mark.parametrize("case", LOGITS)
@pytest.mark.parametrize("method", ["auto", *_teachers.METHODS])
def test_logits_of_teachers(case, method):
    """Softmax of logits is what the teacher finds probable, or its decisions are the logits."""
    from scipy.special import expit, softmax

    teacher, labels = LOGITS[case]
    teacher = clone(teacher).fit(X, labels)
    if method != "auto" and not hasattr(teacher, method):
        with pytest.raises(ValueError, match=f"has no {method}; a classifier with one of them"):
            _teachers.method_of(teacher, method)
        return
    asked = _teachers.Teacher(teacher, _teachers.method_of(teacher, method))
    logits = as_outputs(asked.checked_logits(X))
    assert logits.shape == (120, 1 if labels is BINARY else 3)
    if asked.method == "decision_function":
        np.testing.assert_array_equal(logits.squeeze(), teacher.decision_function(X))
    else:
        p = np.hstack([1 - expit(logits), expit(logits)]) if labels is BINARY else None
        p = softmax(logits, axis=1) if p is None else p
        np.testing.assert_allclose(p, teacher.predict_proba(X), atol=1e-12)


class Reversed(ClassifierMixin, BaseEstimator):
    """Answers its classes in another order."""

    def __init__(self, teacher, method="predict_proba"):
        self.teacher = teacher
        self.method = method

    def fit(self, X, y):
        self.teacher_ = clone(self.teacher).fit(X, y)
        self.classes_ = self.teacher_.classes_[::-1]
        return self

    def predict(self, X):
        return self.teacher_.predict(X)

    def __getattr__(self, name):
        if name in _teachers.METHODS and name == self.__dict__.get("method"):
            return lambda X: self._turned(getattr(self.teacher_, name)(X))
        raise AttributeError(name)

    def _turned(self, answers):
        return -answers if answers.ndim == 1 else answers[:, ::-1]


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
@pytest.mark.parametrize("labels", [y, BINARY])
def test_class_orders_are_aligned_by_label(labels, method):
    teacher = LogisticRegression().fit(X, labels)
    straight = distilled(teacher, cv="prefit", teacher_method=method).fit(X, labels)
    turned = Reversed(LogisticRegression(), method).fit(X, labels)
    model = distilled(turned, cv="prefit", teacher_method=method).fit(X, labels)
    np.testing.assert_allclose(weights_of(model), weights_of(straight), atol=1e-9)


def test_a_teacher_whose_methods_come_with_its_fit():
    stack = StackingClassifier([("forest", ExtraTreesClassifier(5, random_state=0))])
    assert distilled(stack).fit(X, y).predict(X).shape == (120,)
