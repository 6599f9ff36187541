"""The distilled regressor: a mixture of targets and predictions."""

import numpy as np
import pytest
import sklearn
from helpers.distillation import (
    GROUPS,
    NUMBERS,
    TARGET,
    X,
    Z,
    assert_same_student,
    numbers_student,
    student,
    weights_of,
)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GroupKFold, RepeatedKFold, cross_val_predict

from skfastgrnn import DistilledFastGRNNRegressor


@pytest.mark.parametrize("target", [TARGET, np.c_[TARGET, Z[:, 1]]], ids=["one", "two"])
def test_a_regressor_learns_the_mixture(target):
    teacher = LinearRegression()
    soft = cross_val_predict(teacher, Z, target, cv=5)
    for alpha in (0, 0.3, 1):
        model = DistilledFastGRNNRegressor(teacher, numbers_student(), alpha=alpha).fit(Z, target)
        plain = numbers_student().fit(Z, target + alpha * (soft - target))
        np.testing.assert_allclose(weights_of(model), plain._parameters, rtol=1e-9, atol=1e-12)
        assert model.predict(Z).shape == target.shape
    outside = DistilledFastGRNNRegressor(None, numbers_student()).fit(
        Z, target, teacher_prediction=soft
    )
    assert outside.teacher_ is None


def test_a_regressor_and_unknown_targets():
    hidden = np.where(np.arange(150) % 3 == 0, TARGET, np.nan)
    model = DistilledFastGRNNRegressor(LinearRegression(), numbers_student(), alpha=0.4)
    model.fit(Z, hidden)
    teacher = LinearRegression().fit(Z[::3], TARGET[::3])
    soft = teacher.predict(Z)
    soft[::3] = cross_val_predict(LinearRegression(), Z[::3], TARGET[::3], cv=5)
    mixed = np.where(np.isnan(hidden), soft, hidden + 0.4 * (soft - hidden))
    weights = np.where(np.isnan(hidden), 0.4, 1.0)
    plain = numbers_student().fit(Z, mixed, sample_weight=weights)
    np.testing.assert_allclose(weights_of(model), plain._parameters, rtol=1e-9, atol=1e-12)
    more = DistilledFastGRNNRegressor(LinearRegression(), numbers_student())
    more.fit(Z[:50], TARGET[:50], X_unlabeled=Z[50:])
    assert more.predict(Z).shape == (150,)


def test_a_regressor_routes_only_weights_that_were_given():
    with sklearn.config_context(enable_metadata_routing=True):
        hidden = np.where(np.arange(150) % 3 == 0, TARGET, np.nan)
        model = DistilledFastGRNNRegressor(Ridge(), numbers_student()).fit(Z, hidden)
    plain = DistilledFastGRNNRegressor(Ridge(), numbers_student()).fit(Z, hidden)
    np.testing.assert_array_equal(weights_of(model), weights_of(plain))


@pytest.mark.parametrize(
    ("params", "arguments", "message"),
    [
        ({"teacher": None}, {}, "There is no teacher"),
        ({"alpha": 0}, {"y": np.where(TARGET > 100, TARGET, np.nan)}, "samples have no target"),
        ({"student": student()}, {}, "must be a FastGRNNRegressor"),
        ({}, {"teacher_prediction": TARGET[:9]}, r"shape \(9,\), y \(150,\)"),
        ({"cv": "prefit"}, {}, "not fitted"),
        (
            {},
            {"y": np.c_[np.where(TARGET > 100, TARGET, np.nan), TARGET]},
            "is NaN in some outputs",
        ),
        ({}, {"y": np.where(TARGET > 100, TARGET, np.inf)}, "Input y contains infinity"),
    ],
)
def test_a_regressor_refuses(params, arguments, message):
    settings = {"teacher": LinearRegression(), "student": numbers_student(), **params}
    model = DistilledFastGRNNRegressor(**settings)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(**{"X": Z, "y": TARGET, **arguments})
    assert vars(model).keys() == model.get_params(deep=False).keys()


def test_a_regressor_splits_by_group_and_averages():
    teacher = Ridge()
    by_group = cross_val_predict(teacher, X, NUMBERS, cv=GroupKFold(4), groups=GROUPS)
    model = DistilledFastGRNNRegressor(teacher, numbers_student(), cv=GroupKFold(4))
    outside = DistilledFastGRNNRegressor(None, numbers_student())
    for routing in (False, True):
        with sklearn.config_context(enable_metadata_routing=routing):
            model.fit(X, NUMBERS, groups=GROUPS)
            assert_same_student(model, outside.fit(X, NUMBERS, teacher_prediction=by_group))
    cv = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
    splits, mean = list(cv.split(X)), np.zeros(120)
    for train, test in splits:
        mean[test] += teacher.fit(X[train], NUMBERS[train]).predict(X[test]) / 2
    model.set_params(cv=cv).fit(X, NUMBERS)
    assert_same_student(model, outside.fit(X, NUMBERS, teacher_prediction=mean))


@pytest.mark.parametrize("n_known", [1, 3])
def test_a_regressor_with_few_targets(n_known):
    hidden = np.where(np.arange(120) < n_known, NUMBERS, np.nan)
    model = DistilledFastGRNNRegressor(LinearRegression(), numbers_student()).fit(X, hidden)
    teacher = LinearRegression().fit(X[:n_known], NUMBERS[:n_known])
    soft = teacher.predict(X)
    if n_known > 1:
        soft[:n_known] = cross_val_predict(teacher, X[:n_known], NUMBERS[:n_known], cv=3)
    outside = DistilledFastGRNNRegressor(None, numbers_student())
    assert_same_student(model, outside.fit(X, hidden, teacher_prediction=soft))
