"""fold_scaler: the same predictions without the scaler."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import Compression, fold_scaler
from skfastgrnn.preprocessing import (
    SequenceClipper,
    SequenceImputer,
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 6, 3)) * [1.0, 1e-3, 500.0] + [0.0, 5.0, -300.0]
y = (X[:, :, 0].sum(axis=1) > 0).astype(int)
QUICK = {"hidden_size": 4, "max_iter": 3, "n_iter_no_change": np.inf, "random_state": 0}


def fitted(scaler, cls=FastGRNNClassifier, X=X, **settings):
    return make_pipeline(scaler, cls(**{**QUICK, **settings})).fit(X, y)


SCALERS = [
    SequenceStandardScaler(),
    SequenceStandardScaler(with_mean=False),
    SequenceStandardScaler(with_std=False),
    SequenceMinMaxScaler(feature_range=(-2, 3)),
    SequenceRobustScaler(),
    SequenceRobustScaler(with_centering=False),
    SequenceRobustScaler(with_scaling=False),
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_predictions_agree(scaler):
    model = fitted(scaler)
    folded = fold_scaler(model)
    assert type(folded) is FastGRNNClassifier
    np.testing.assert_allclose(folded.decision_function(X), model.decision_function(X), atol=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {"n_layers": 2},
        {"bidirectional": True, "n_layers": 2, "pooling": "mean"},
        {"compression": Compression(rank_w=2, rank_u=2)},
        {"compression": Compression(density_w=0.5)},
    ],
    ids=["layers", "both directions", "low rank", "sparse"],
)
def test_every_network(settings):
    model = fitted(SequenceStandardScaler(), **settings)
    folded = fold_scaler(model)
    np.testing.assert_allclose(folded.decision_function(X), model.decision_function(X), atol=1e-9)
    for name, part in model[-1].params_.items():
        np.testing.assert_array_equal(folded.params_[name] == 0, part == 0)


def test_regressors_and_float32():
    model = fitted(SequenceStandardScaler(), FastGRNNRegressor, X=X.astype(np.float32))
    folded = fold_scaler(model)
    np.testing.assert_allclose(
        folded.predict(X.astype(np.float32)), model.predict(X.astype(np.float32)), atol=1e-3
    )


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), MinMaxScaler(), RobustScaler(), MaxAbsScaler()]
)
def test_scalers_of_columns_in_front_of_rows_of_one_step(scaler):
    rows = X[:, 0]
    model = fitted(scaler, X=rows, n_timesteps=1)
    folded = fold_scaler(model)
    np.testing.assert_allclose(
        folded.decision_function(rows), model.decision_function(rows), atol=1e-9
    )


def test_the_pipeline_is_unchanged_and_earlier_steps_stay():
    gaps = X.copy()
    gaps[0, 2, 1] = np.nan
    model = make_pipeline(
        SequenceImputer(), SequenceStandardScaler(), FastGRNNClassifier(**QUICK)
    ).fit(gaps, y)
    before = model.decision_function(gaps)
    folded = fold_scaler(model)
    assert [name for name, _ in folded.steps] == ["sequenceimputer", "fastgrnnclassifier"]
    np.testing.assert_allclose(folded.decision_function(gaps), before, atol=1e-9)
    np.testing.assert_array_equal(model.decision_function(gaps), before)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: FastGRNNClassifier(**QUICK).fit(X, y), "without one"),
        (lambda: fitted(SequenceClipper()), "'sequenceclipper'.*is not a scaler"),
        (lambda: fitted(SequenceMinMaxScaler(clip=True)), "clip=False"),
        (lambda: fitted(SequenceStandardScaler(per="timestep")), "per='channel'"),
        (
            lambda: fitted(StandardScaler(), X=X.reshape(60, -1), n_timesteps=6),
            "18 statistics for 3 channels, which are not one for each channel in all time steps",
        ),
        (
            lambda: fitted(SequenceStandardScaler(), X=X.reshape(60, -1), n_timesteps=6),
            "1 statistics for 3 channels.*the same n_timesteps as the network",
        ),
        (
            lambda: fitted(SequenceStandardScaler(), compression=Compression(bits=8)),
            "Use quantize",
        ),
    ],
)
def test_what_cannot_be_folded_is_named(model, message):
    with pytest.raises(ValueError, match=message):
        fold_scaler(model())


def test_other_estimators_are_refused():
    with pytest.raises(TypeError, match=r"fold_scaler needs .* got .*StandardScaler"):
        fold_scaler(StandardScaler())
    with pytest.raises(NotFittedError):
        fold_scaler(make_pipeline(SequenceStandardScaler(), FastGRNNClassifier()))
