"""Data of three classes and of numbers, small students, and their distillation."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier, FastGRNNRegressor

X, y = make_classification(
    120, 6, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
)
BINARY = (y > 0).astype(int)
PROBA = LogisticRegression().fit(X, y).predict_proba(X)
NUMBERS = X @ [1.0, 2, 0, 0, -1, 0.5]
GROUPS = np.arange(120) // 10


def student(**params):
    settings = {"hidden_size": 4, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}
    rate = {"learning_rate": "constant", "learning_rate_init": 0.012}
    return FastGRNNClassifier(**{**settings, **rate, **params})


def distilled(teacher=None, pupil=None, **params):
    teacher = LogisticRegression() if teacher is None else teacher
    return DistilledFastGRNN(teacher, student() if pupil is None else pupil, **params)


def taught_by(teacher, **params):
    """A distillation whose soft targets are what the teacher, or the user, finds probable."""
    return DistilledFastGRNN(teacher, student(), **{"temperature": 1, **params})


def weights_of(model):
    return model.student_._parameters


def assert_same_student(model, other):
    np.testing.assert_allclose(weights_of(model), weights_of(other), rtol=1e-9, atol=1e-12)


def asked_by_hand(teacher, labels, splits):
    """Probabilities (n_samples, n_classes) of clones of the teacher, out of fold."""
    classes, proba = np.unique(labels), np.zeros((len(labels), len(np.unique(labels))))
    for train, test in splits:
        fitted = clone(teacher).fit(X[train], labels[train])
        columns = np.searchsorted(classes, fitted.classes_)
        proba[np.ix_(test, columns)] = fitted.predict_proba(X[test])
    return proba


class Recorder(ClassifierMixin, BaseEstimator):
    """A teacher that writes down what it was fitted on and asked about."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.inside_ = {tuple(row) for row in np.asarray(X)}
        self.seen.append(("fit", len(X), None if sample_weight is None else len(sample_weight)))
        return self

    def predict_proba(self, X):
        known = sum(tuple(row) in self.inside_ for row in np.asarray(X))
        self.seen.append(("asked", len(X), known))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


Z = np.random.default_rng(0).standard_normal((150, 6))
TARGET = 100 + 30 * np.sin(Z[:, 0]) + 10 * Z[:, -1] * Z[:, 1]


def numbers_student(**params):
    settings = {"hidden_size": 4, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}
    return FastGRNNRegressor(**{**settings, **params})
