"""FastGRNNRegressor: losses, outputs, units of y, validation."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from helpers.estimators import bits, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.preprocessing import SequenceStandardScaler, sliding_windows

RNG = np.random.default_rng(0)
X = RNG.standard_normal((80, 6, 2))
Y = np.column_stack([X[:, :, 0].mean(axis=1), X[:, -1, 1] - X[:, 0, 0], X[:, -1, 0]])
y = Y[:, 0]
X_val, y_val = X[60:], Y[60:, 0]
W = np.arange(80) % 4 + 0.0


def quick(**params):
    """A small regressor that trains for exactly ten epochs, unless told otherwise."""
    defaults = {
        "hidden_size": 4,
        "batch_size": 8,
        "learning_rate_init": 0.03,
        "max_iter": 10,
        "n_iter_no_change": float("inf"),
        "random_state": 0,
    }
    return FastGRNNRegressor(**{**defaults, **params})


def initial(X, y, **params):
    """A regressor of `quick` with its initial weights, which so slow a fit cannot change."""
    return quick(**{**params, "max_iter": 1, "learning_rate_init": 1e-300}).fit(X, y)


@pytest.mark.parametrize("target", [y, Y], ids=["one output", "three outputs"])
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_learns(target, loss):
    model = quick(hidden_size=16, max_iter=300, loss=loss).fit(X[:60], target[:60])
    assert model.predict(X).shape == target.shape
    linear = Ridge().fit(X[:60].reshape(60, -1), target[:60])
    floor = 0.8 if target is y else 0.6
    assert model.score(X[60:], target[60:]) > floor
    assert linear.score(X[60:].reshape(20, -1), target[60:]) > floor  # the task is no harder


def test_outputs_are_learned_together():
    """Each output has columns of its own in the head, and all read the same states."""
    model = quick().fit(X, Y)
    assert model.params_["head_weight"].shape == (3, 4)
    answered = model.hidden_states(X) @ model.params_["head_weight"].T + model.params_["head_bias"]
    np.testing.assert_allclose(model.predict(X), answered, rtol=1e-12)


def center_and_scale(values, loss, weights=None):
    """Mean and deviation, or weighted median and median distance from it by repetition."""
    weights = np.ones(len(values)) if weights is None else weights
    if loss == "squared_error":
        mean = np.average(values, axis=0, weights=weights)
        return mean, np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    repeated = np.repeat(values, weights.astype(int), axis=0)
    middle = np.quantile(repeated, 0.5, axis=0, method="inverted_cdf")
    spread = np.quantile(np.abs(repeated - middle), 0.5, axis=0, method="inverted_cdf")
    return middle, 1.4826 * spread


@pytest.mark.parametrize("weights", [None, W], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("delta", [0.3, 1.35])
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_reported_loss(loss, delta, weights):
    """In units of the deviation of y: half the squared error, linear beyond delta."""
    model = quick(
        loss=loss, huber_delta=delta, batch_size=80, alpha=0, max_iter=1, learning_rate_init=1e-300
    ).fit(X, Y, sample_weight=weights)
    _, scale = center_and_scale(Y, loss, weights)
    error = np.abs(model.predict(X) - Y) / scale
    losses = error**2 / 2
    if loss == "huber":
        losses = np.where(error > delta, delta * (error - delta / 2), losses)
    assert model.loss_ == pytest.approx(np.average(losses.mean(axis=1), weights=weights), rel=1e-9)
    mean = np.average(Y, axis=0, weights=weights)
    variance = np.average((Y - mean) ** 2, axis=0, weights=weights) / scale**2
    explained = 1 - np.average((error**2).mean(axis=1), weights=weights) / variance.mean()
    assert model.history_["r2"] == [pytest.approx(explained, rel=1e-9)]


def test_huber_is_not_ruled_by_outliers():
    far = y.copy()
    far[::20] += 100
    scores = {
        loss: quick(hidden_size=8, max_iter=200, loss=loss, huber_delta=0.05)
        .fit(X, far)
        .score(X, y)
        for loss in ("squared_error", "huber")
    }
    assert scores["huber"] > 0.5 > scores["squared_error"]


def test_a_large_delta_is_the_squared_error():
    """But for the scale of y, which is made robust."""
    wide = quick(loss="huber", huber_delta=1e9, max_iter=200, hidden_size=8).fit(X, y)
    square = quick(max_iter=200, hidden_size=8).fit(X, y)
    assert wide.score(X, y) == pytest.approx(square.score(X, y), abs=0.05)


# Units of y


@settings(max_examples=40)
@given(
    exponent=st.integers(-60, 60),
    shift=st.floats(-100, 100),
    loss=st.sampled_from(["squared_error", "huber"]),
)
def test_units_do_not_matter(exponent, shift, loss):
    """Neither scale nor origin of y, but for rounding; doubling is exact."""
    model = quick(loss=loss, max_iter=3).fit(X, Y)
    unit = 2.0**exponent
    scaled = quick(loss=loss, max_iter=3).fit(X, unit * Y)
    np.testing.assert_array_equal(scaled.predict(X), unit * model.predict(X))
    assert scaled.loss_curve_ == model.loss_curve_
    shifted = quick(loss=loss, max_iter=3).fit(X, Y + shift)
    np.testing.assert_allclose(shifted.predict(X) - shift, model.predict(X), atol=1e-9)


def test_as_with_a_target_transformer():
    """Scaling y outside changes nothing: inside, it is only scaled once more, by one."""
    from sklearn.preprocessing import StandardScaler

    outside = TransformedTargetRegressor(quick(), transformer=StandardScaler()).fit(X, 50 * Y + 7)
    inside = quick().fit(X, 50 * Y + 7)
    np.testing.assert_allclose(outside.predict(X), inside.predict(X), rtol=1e-7)


def test_float32():
    model = quick().fit(X.astype(np.float32), 1000 * Y)
    assert model.predict(X.astype(np.float32)).dtype == np.float32
    exact = quick().fit(X, 1000 * Y).predict(X)
    np.testing.assert_allclose(model.predict(X), exact, rtol=1e-2, atol=3)


FORMS = {
    "1-D": y,
    "column": y[:, None],
    "2-D": Y,
    "list": y.tolist(),
    "float32": Y.astype(np.float32),
    "booleans": y > 0,
    "Fortran order": np.asfortranarray(Y),
    "transposed": Y.T.copy().T,
    "DataFrame": pd.DataFrame(Y),
    "Series": pd.Series(y),
}


@pytest.mark.parametrize("form", FORMS)
def test_prediction_has_the_form_of_y(form):
    given = FORMS[form]
    settings = {"max_iter": 2, "early_stopping": True}
    model = quick(**settings).fit(X, given, X_val=X_val, y_val=given[60:])
    assert model.predict(X).shape == np.shape(given)
    assert model.predict(X).dtype == np.float64
    plain = np.array(given, dtype=float, order="C")
    expected = quick(**settings).fit(X, plain, X_val=X_val, y_val=plain[60:])
    assert bits(model) == bits(expected)


# Validation


def test_validation_set():
    model = quick(early_stopping=True, max_iter=30).fit(
        X, y, X_val=X_val, y_val=y_val, sample_weight_val=W[60:]
    )
    scale = y.std()
    error = model.predict(X_val) - y_val
    best = model.validation_loss_curve_[model.best_iter_ - 1]
    assert best == min(model.validation_loss_curve_) == model.best_loss_
    assert best == pytest.approx(np.average(error**2, weights=W[60:]) / scale**2 / 2)
    assert model.validation_scores_ == model.history_["validation_r2"]
    assert model.validation_scores_[model.best_iter_ - 1] == pytest.approx(
        r2_score(y_val, model.predict(X_val), sample_weight=W[60:])
    )


@pytest.mark.parametrize("shuffle", [True, False])
def test_held_out_part(shuffle):
    """By its loss: a random part, or the tail."""
    model = initial(X, y, early_stopping=True, shuffle=shuffle, validation_fraction=0.25)
    errors = (model.predict(X) - y) ** 2 / y.var() / 2
    of_tail = errors[60:].mean()
    assert (model.best_loss_ == pytest.approx(of_tail)) is not shuffle
    assert model.validation_loss_curve_[0] == pytest.approx(model.best_loss_)


def test_stops_and_restores_the_best():
    noisy = np.random.default_rng(1).standard_normal(80)
    settings = {"early_stopping": True, "max_iter": 200, "n_iter_no_change": 5, "hidden_size": 16}
    model = quick(**settings).fit(X[:60], noisy[:60], X_val=X_val, y_val=noisy[60:])
    assert model.n_iter_ < 200
    assert model.best_iter_ < model.n_iter_
    error = mean_squared_error(noisy[60:], model.predict(X_val)) / noisy[:60].var() / 2
    assert error == pytest.approx(min(model.validation_loss_curve_))


@pytest.mark.parametrize("weights", [None, W[60:]], ids=["unweighted", "weighted"])
def test_refit_uses_all_rows(weights):
    """As long as the first training took to its best epoch, now also on the validation set."""
    settings = {"early_stopping": True, "max_iter": 20, "shuffle": False, "batch_size": 100}
    validation = {"X_val": X_val, "y_val": y_val, "sample_weight_val": weights}
    once = quick(**settings).fit(X[:60], y[:60], **validation)
    again = quick(**settings, refit=True).fit(X[:60], y[:60], **validation)
    assert again.loss_curve_ == once.loss_curve_
    weighed = (np.ones(20) if weights is None else weights) * (once.predict(X_val) - y_val) ** 2
    better = (np.ones(20) if weights is None else weights) * (again.predict(X_val) - y_val) ** 2
    assert better.mean() < weighed.mean()


@pytest.mark.parametrize("n_samples", [50, 5000])
def test_early_stopping_auto_holds_nothing_out_at_any_size(n_samples):
    rows = np.stack([np.arange(n_samples) % 7, np.zeros(n_samples)], axis=1)
    model = quick(n_timesteps=1, max_iter=1).fit(rows, rows[:, 0])
    assert model.validation_loss_curve_ == []


def test_weights():
    """A weight of zero leaves a sample out, also out of the scale of y."""
    wild = Y.copy()
    wild[::4] = 1e6
    model = quick(batch_size=100, shuffle=False).fit(X, wild, sample_weight=W)
    kept = W > 0
    part = quick(batch_size=100, shuffle=False).fit(X[kept], wild[kept], sample_weight=W[kept])
    np.testing.assert_allclose(model.predict(X), part.predict(X), rtol=1e-6)


def test_same_bits_for_every_number_of_threads():
    model = quick(loss="huber", batch_size=80).fit(X, Y)
    assert bits(quick(loss="huber", batch_size=80, n_jobs=3).fit(X, Y)) == bits(model)


def test_divergence_keeps_a_finite_model():
    settings = {"learning_rate": "constant", "learning_rate_init": 1e3, "max_iter": 30}
    with pytest.warns(UserWarning, match="diverged"):
        model = quick(**settings).fit(X * 100, y)
    assert np.isfinite(model.predict(X)).all()


# Within scikit-learn


def test_composition():
    pipeline = make_pipeline(SequenceStandardScaler(), quick(max_iter=40))
    search = GridSearchCV(pipeline, {"fastgrnnregressor__loss": ["squared_error", "huber"]}, cv=3)
    assert search.fit(X, y).best_score_ > 0.3
    voting = VotingRegressor([("a", quick()), ("b", quick(random_state=1))]).fit(X, y)
    assert voting.predict(X).shape == (80,)
    rows = X.reshape(80, -1)
    for Meta in (MultiOutputRegressor, RegressorChain):
        assert Meta(quick()).fit(rows, Y).predict(rows).shape == (80, 3)


def test_pickle_and_clone():
    model = quick().fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    n_parameters = sum(part.size for part in model.params_.values())
    assert len(pickle.dumps(model)) < 8 * n_parameters + 4096 + len(pickle.dumps(model.history_))
    assert snapshot(copy.deepcopy(model)) == snapshot(model)


def test_walk_forward():
    series = np.sin(np.arange(400) / 5) + 0.02 * np.random.default_rng(0).standard_normal(400)
    windows, future, _ = sliding_windows(series, window=12, horizon=3)
    scores = cross_val_score(
        quick(hidden_size=8, max_iter=100), windows, future, cv=TimeSeriesSplit(3, gap=2)
    )
    assert scores.min() > 0.9


# Bad input

REFUSED = {
    "NaN in y": ({}, {"y": np.where(np.arange(80) == 3, np.nan, y)}, "Input y contains NaN"),
    "infinite y": ({}, {"y": np.where(np.arange(80) == 3, np.inf, y)}, "Input y contains inf"),
    "no y": ({}, {"y": None}, "requires y to be passed"),
    "words": ({}, {"y": np.full(80, "word")}, "could not convert string to float"),
    "one target too few": ({}, {"y": y[1:]}, r"inconsistent numbers of samples: \[80, 79\]"),
    "3-D y": ({}, {"y": X}, "dim 3"),
    "complex y": ({}, {"y": y * 1j}, "Complex data not supported"),
    "other outputs in y_val": (
        {},
        {"y": Y, "X_val": X_val, "y_val": y_val},
        r"y_val: It has 1 output\(s\), the network has 3",
    ),
    "X_val without y_val": ({}, {"X_val": X_val}, "y_val was not provided"),
    "NaN in y_val": ({}, {"X_val": X_val, "y_val": y_val * np.nan}, "Input y_val contains NaN"),
    "y_val beyond float32": (
        {},
        {"X": X.astype(np.float32), "X_val": X_val, "y_val": y_val * 1e39},
        "y_val: sample 0, output 0 is too far",
    ),
    "not to be told apart": (
        {},
        {"X": X.astype(np.float32), "y": y + 1e8},
        "float32 cannot represent the differences of y",
    ),
    "nothing but zero weights left": (
        {"early_stopping": True, "shuffle": False},
        {"sample_weight": np.arange(80) >= 70},
        "left to train on by validation_fraction=0.2 all have zero",
    ),
    "tiny weights": ({}, {"sample_weight": np.full(80, 1e-200)}, "too small"),
    "overflow": ({}, {"y": y * 1e308}, "float64 cannot hold"),
    "too large for float32": (
        {},
        {"X": X.astype(np.float32), "y": y * 1e300},
        "float32 cannot hold",
    ),
    "zero weights": ({}, {"sample_weight": np.zeros(80)}, "at least one non-zero"),
    "a delta that vanishes": (
        {"loss": "huber", "huber_delta": 1e-50},
        {"X": X.astype(np.float32)},
        "huber_delta=1e-50 is nothing in float32",
    ),
    "no room in float64": ({}, {"y": y * 1e307}, "float64 cannot hold"),
    "loss": ({"loss": "absolute_error"}, {}, "The 'loss' parameter"),
    "delta": ({"huber_delta": 0}, {}, "The 'huber_delta' parameter"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    params, arguments, message = REFUSED[case]
    arguments = {"X": X, "y": y, **arguments}
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(**arguments)
    model = quick().fit(X, y)
    before = snapshot(model)
    model.set_params(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(**arguments)
    assert snapshot(model.set_params(**quick().get_params())) == before
