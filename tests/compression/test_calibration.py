"""Ranges of channels that `quantize` finds, and what it says of those that it cannot use."""

import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import QuantizedFastGRNNClassifier, quantize
from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 6, 3))
y = (X[:, :, 0].sum(axis=1) > 0).astype(int)
QUICK = {"hidden_size": 5, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}


def test_a_channel_that_does_not_vary_has_the_unit_of_the_others():
    """Though the mean of many times 0.1 is not 0.1 in floating point."""
    constant = X.copy()
    constant[:, :, 1] = 0.1
    assert constant[:, :, 1].sum() / 480 != 0.1
    model = FastGRNNClassifier(**QUICK).fit(constant, y)
    factor = quantize(model, constant)._integers.input_factor
    assert factor[1] == factor.min()


def test_outliers_are_named():
    far = X.copy()
    far[0, 0, 0] = 1e7
    model = FastGRNNClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match=r"W of layer 1.*Remove outliers from what is calibrated"):
        quantize(model, far)
    with pytest.raises(ValueError, match=r"biases of layer 1.*put a scaler in front"):
        quantize(model, X + 1e9)


@pytest.mark.parametrize(
    ("repeats", "message"),
    [(500, r"U of layer 1.*With bounded_state=True"), (5000, r"States reach.*bounded_state=True")],
)
def test_states_that_grow_may_be_bounded(repeats, message):
    bounded, free = (
        FastGRNNClassifier(bounded_state=is_bounded, **QUICK).fit(X, y)
        for is_bounded in (True, False)
    )
    for name, value in {"bias_gate": 100, "nu_hat": 10, "U": 10}.items():
        free.params_[name][:] = value  # a gate of 1 keeps the state, to which nu of 1 adds
    long = np.tile(X[:2], (1, repeats, 1))
    with pytest.raises(ValueError, match=message):
        quantize(free, long)
    assert quantize(bounded, long).predict(long).shape == (2,)


def test_sizes_beyond_16_bits_are_refused():
    model = FastGRNNRegressor(**{**QUICK, "hidden_size": 1, "max_iter": 1})
    model.fit(X, np.zeros((80, 65_521)))
    with pytest.raises(ValueError, match="at most 65520 outputs, not 65521"):
        quantize(model, X)


def test_channels_that_are_lost_in_single_precision_are_named():
    far = 0.01 * X + [1e6, 0, 0]
    model = make_pipeline(SequenceStandardScaler(), FastGRNNClassifier(**QUICK)).fit(far, y)
    with pytest.warns(UserWarning, match=r"Channel\(s\) \[0\] of X_calibration are about 1e\+06"):
        quantize(model, far)
    near = 0.01 * X  # the scaler is fitted again
    quantize(model.fit(near, y), near)


def test_few_steps_are_named():
    model = FastGRNNClassifier(**QUICK).fit(X, y)
    with pytest.warns(UserWarning, match=r"X_calibration has 12 time steps.*at least 64"):
        quantize(model, X[:2])
    quantize(model, X[:11])


@pytest.mark.parametrize("factor", [1000, 10_000])
@pytest.mark.parametrize("has_scaler", [True, False])
def test_outliers_that_cost_integers_are_named(factor, has_scaler):
    model = FastGRNNClassifier(**QUICK)
    model = make_pipeline(SequenceStandardScaler(), model) if has_scaler else model
    many = rng.normal(size=(400, 6, 3))
    labels = (many[:, :, 0].sum(axis=1) > 0).astype(int)
    far = many.copy()
    far[7, 2, 1] = factor
    with pytest.warns(UserWarning, match=r"Channel\(s\) \[1\] of X_calibration have outliers"):
        quantize(model.fit(many, labels), far)
    with pytest.warns(UserWarning, match=r"Channel\(s\) \[1\] of X have outliers"):
        QuantizedFastGRNNClassifier(model).fit(far, labels)
    far[7, 2, 1] = 50  # of which there are enough integers
    quantize(model.fit(many, labels), far)


def test_marks_of_rare_events_are_no_outliers():
    many = rng.normal(size=(400, 6, 3))
    many[:, :, 1] = 0
    many[7, 2, 1] = 1
    labels = (many[:, :, 0].sum(axis=1) > 0).astype(int)
    model = FastGRNNClassifier(**QUICK).fit(many, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quantize(model, many)


SCALERS = {
    "standard": SequenceStandardScaler(),
    "not centered": SequenceStandardScaler(with_mean=False),
    "range": SequenceMinMaxScaler((-3, 200)),
    "quantiles": SequenceRobustScaler(),
    "MaxAbs": MaxAbsScaler(),
    "of rows": StandardScaler(),
}


@pytest.mark.parametrize("scaler", SCALERS.values(), ids=SCALERS)
def test_data_in_other_units_than_those_of_the_scaler_are_named(scaler):
    """And never those of the training, whatever their distribution."""
    of_one_step = not hasattr(scaler, "per")
    known = X[:, :1] if of_one_step else X
    model = FastGRNNClassifier(n_timesteps=1 if of_one_step else None, **QUICK)
    model = make_pipeline(scaler, model)
    for changed in (np.exp(3 * known), np.where(known > 2, known, 0), 5 + 0.01 * known, known):
        data = changed.reshape(80, -1) if of_one_step else changed
        quantize(model.fit(data, y), data)
    for factor in (0.001, 100):
        with pytest.warns(UserWarning, match=r"X_calibration are not like those that \w*Scaler"):
            quantize(model, factor * data)


def test_a_scaler_that_is_applied_twice_is_noticed():
    far = 100 + 20 * X
    model = make_pipeline(SequenceStandardScaler(), FastGRNNClassifier(**QUICK)).fit(far, y)
    with pytest.warns(UserWarning, match=r"Channel\(s\) \[0, 1, 2\].*not scaled before"):
        quantize(model, model[0].transform(far))
