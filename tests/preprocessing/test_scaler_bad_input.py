"""What scalers refuse, and that they stay as they were."""

import numpy as np
import pytest
from helpers.estimators import snapshot
from helpers.scalers import STATISTICS, X, each_scaler, padded, ragged
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
)

with_infinity = X.copy()
with_infinity[7, 2, 1] = -np.inf
# name: (what fit is given beside X, parameters, what the error must say)
REFUSED_BY_FIT = {
    "all NaN": ([*ragged[:3], np.full((2, 3), np.nan)], {}, "sample 3 holds nothing else"),
    "all NaN, 3-D": (np.where(np.arange(30)[:, None, None] == 4, np.nan, X), {}, "sample 4 holds"),
    "infinity": ([*ragged[:4], [[1, 2, 3], [1, np.inf, 3]]], {}, "sample 4, step 1, channel 1"),
    "different channels": ([*ragged[:2], np.ones((3, 2))], {}, r"sample 2 has 2 channel\(s\)"),
    "empty": ([*ragged[:2], np.ones((0, 3))], {}, "Sample 2 is empty"),
    "columns": (X.reshape(30, 18), {"n_timesteps": 5}, "18 columns.*n_timesteps=5"),
    "ragged per timestep": (
        [X[0], X[1], X[2, :4]],
        {"per": "timestep"},
        "Sample 2 has 4 steps, but with per='timestep' .* each of 6 steps.*per='channel'",
    ),
    "padded per timestep": (padded([X[0], X[1, :5]]), {"per": "timestep"}, "Sample 1 has 5 steps"),
    "per": (X, {"per": "step"}, "The 'per' parameter"),
    "n_timesteps": (X, {"n_timesteps": 0}, "The 'n_timesteps' parameter"),
}


@pytest.mark.parametrize("case", REFUSED_BY_FIT)
@each_scaler
def test_refused_by_fit(scaler, case):
    given, parameters, message = REFUSED_BY_FIT[case]
    model = scaler(**parameters)
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        model.fit(given)
    assert snapshot(model) == before
    model = scaler().fit(X).set_params(**parameters)
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        model.fit(given)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("scaler", "parameters", "message"),
    [
        (SequenceMinMaxScaler, {"feature_range": (1, 1)}, "Minimum of desired feature range"),
        (SequenceMinMaxScaler, {"feature_range": [0, 1]}, "'feature_range' parameter"),
        (SequenceMinMaxScaler, {"clip": 1}, "'clip' parameter"),
        (SequenceRobustScaler, {"quantile_range": (75.0, 25.0)}, "Invalid quantile range"),
        (SequenceRobustScaler, {"quantile_range": 25.0}, "'quantile_range' parameter"),
        (SequenceStandardScaler, {"with_mean": "yes"}, "'with_mean' parameter"),
    ],
)
def test_refused_parameters(scaler, parameters, message):
    model = scaler().fit(X.reshape(30, 18)).set_params(**parameters)
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    assert snapshot(model) == before


OTHERS = {
    "other channels": (X[:, :, :2], "X has 2 channels, but .* is expecting 3 channels"),
    "other channels in a list": ([X[0, :, :1]], "X has 1 channels"),
    "rows": (X.reshape(30, 18), "X has 2 dimensions"),
    "all NaN": ([X[0], np.full((6, 3), np.nan)], "sample 1 holds nothing else"),
    "infinity": (with_infinity, "sample 7, step 2, channel 1"),
}


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "partial_fit"])
@pytest.mark.parametrize("per", ["channel", "timestep"])
@pytest.mark.parametrize("case", OTHERS)
@each_scaler
def test_other_x_than_fitted(scaler, case, per, method):
    given, message = OTHERS[case]
    model = scaler(per=per).fit(X)
    if not hasattr(model, method):
        return
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(given)
    assert snapshot(model) == before


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "partial_fit"])
@each_scaler
def test_other_length_than_fitted(scaler, method):
    model = scaler(per="timestep").fit(X)
    if not hasattr(model, method):
        return
    before = snapshot(model)
    for given, sample, length in [
        (X[:, :5], 0, 5),
        ([X[0], X[1, :1]], 1, 1),
        (padded([X[0], X[1], X[2, :4]]), 2, 4),
        ([X[0], np.concatenate([X[1], X[1]])], 1, 12),
    ]:
        with pytest.raises(ValueError, match=f"Sample {sample} has {length} steps.* 6 steps"):
            getattr(model, method)(given)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(30), "Negative values"),
        (np.zeros(30), "at least one non-zero"),
        (np.ones(29), r"sample_weight.shape == \(29,\)"),
        (np.full(30, np.nan), "contains NaN"),
        (np.ones((30, 6)), "Sample weights must be 1D"),
    ],
)
def test_refused_weights(weights, message):
    model = SequenceStandardScaler().fit(ragged)
    before = snapshot(model)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=message):
            fit(X, sample_weight=weights)
        assert snapshot(model) == before
    model = clone(model)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, sample_weight=weights)
    assert vars(model) == vars(clone(model))


@each_scaler
def test_not_fitted(scaler):
    for method in ("transform", "inverse_transform"):
        with pytest.raises(NotFittedError):
            getattr(scaler(), method)(X)
    with pytest.raises(NotFittedError):
        scaler().get_feature_names_out()
    for name in STATISTICS[scaler]:
        assert not hasattr(scaler(), name)
