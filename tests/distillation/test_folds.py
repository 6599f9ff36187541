"""Folds of a distillation: groups, splitters, and folds made by class."""

import warnings

import numpy as np
import pytest
import sklearn
from helpers.distillation import (
    GROUPS,
    NUMBERS,
    X,
    asked_by_hand,
    assert_same_student,
    numbers_student,
    taught_by,
    weights_of,
    y,
)
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.svm import SVC

from skfastgrnn import DistilledFastGRNNRegressor
from skfastgrnn.distillation._folds import splits_by_class, stratified_folds


class Follower(ClassifierMixin, BaseEstimator):
    """Writes down which groups, the first column of X, it is fitted on and asked about."""

    seen = []

    def fit(self, X, y):
        self.classes_, self.groups_ = np.unique(y), set(X[:, 0])
        return self

    def predict_proba(self, X):
        self.seen.append((self.groups_, set(X[:, 0])))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("more", [False, True])
def test_groups_reach_the_splitter(routing, more):
    Follower.seen.clear()
    rows = np.c_[GROUPS, X]
    arguments = {"X_unlabeled": rows[:5]} if more else {}
    hidden = np.where(np.arange(120) % 3, y, -1)
    with sklearn.config_context(enable_metadata_routing=routing):
        taught_by(Follower(), cv=GroupKFold(4)).fit(rows, hidden, groups=GROUPS, **arguments)
    asked = [entry for entry in Follower.seen if len(entry[0]) < 12][::2]  # then the unlabelled
    assert len(asked) == 4
    assert all(fitted.isdisjoint(asked) for fitted, asked in asked)
    assert set().union(*(asked for _, asked in asked)) == set(range(12))


@pytest.mark.parametrize("routing", [False, True])
def test_groups_that_nobody_uses_are_warned_about(routing):
    inner = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=GroupKFold(2))
    numbers = DistilledFastGRNNRegressor(Ridge(), numbers_student())
    with sklearn.config_context(enable_metadata_routing=routing):
        for model, target in ((taught_by(SVC(), cv=3), y), (numbers, NUMBERS)):
            with pytest.warns(UserWarning, match="groups parameter is ignored, because cv="):
                model.fit(X, target, groups=GROUPS)
        if routing:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                taught_by(inner).fit(X, y, groups=GROUPS)  # the search inside uses them


def test_groups_are_as_many_as_samples():
    with pytest.raises(ValueError, match="groups"):
        taught_by(LogisticRegression(), cv=GroupKFold(4)).fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        taught_by(LogisticRegression(), cv=GroupKFold(4)).fit(X, y, groups=GROUPS[:5])


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_folds_are_those_of_stratified_k_fold(n_folds):
    rng = np.random.default_rng(0)
    for n_classes in (2, 3, 7):
        labels = rng.permutation(
            np.r_[np.tile(np.arange(n_classes), n_folds), rng.integers(0, 2, 9)]
        )
        fold = stratified_folds(labels, n_folds)
        for k, (_, test) in enumerate(StratifiedKFold(n_folds).split(labels, labels)):
            np.testing.assert_array_equal(np.flatnonzero(fold == k), test)


def test_classes_of_two_samples_are_never_missing_from_a_training_part():
    labels = np.array([0, 1, 2, 2, 1, 0, 3])
    splits = splits_by_class(None, None, None, labels, {})
    assert len(splits) == 5
    assert sorted(np.concatenate([test for _, test in splits])) == [0, 1, 2, 3, 4, 5]
    for train, test in splits:
        assert set(labels[train]) == {0, 1, 2, 3}
        assert sorted([*train, *test]) == list(range(7))


@pytest.mark.parametrize("cv", [1, 7])
def test_too_many_folds_are_refused(cv):
    labels = ["a", "a", "b", "b", "c", "c"]
    with pytest.raises(ValueError, match=f"cv={cv} folds cannot be made of 6 samples|must be an"):
        taught_by(LogisticRegression(), cv=cv).fit(X[:6], labels)


def test_several_answers_for_a_sample_are_averaged():
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    splits = list(cv.split(X, y))
    teacher = LogisticRegression()
    by_hand = (asked_by_hand(teacher, y, splits[:3]) + asked_by_hand(teacher, y, splits[3:])) / 2
    outside = taught_by(None).fit(X, y, teacher_proba=by_hand)
    assert_same_student(taught_by(teacher, cv=cv).fit(X, y), outside)


def test_a_sample_in_no_test_part_is_refused():
    for model, target in (
        (taught_by(LogisticRegression()), y),
        (DistilledFastGRNNRegressor(Ridge(), numbers_student()), NUMBERS),
    ):
        with pytest.raises(ValueError, match="20 samples in no test part"):
            model.set_params(cv=TimeSeriesSplit(5)).fit(X, target)


def test_folds_at_the_same_time_are_the_same():
    with parallel_config(backend="threading"):
        one, two = (taught_by(SVC(), n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2))
    np.testing.assert_array_equal(weights_of(one), weights_of(two))
