"""Ranges of channels that `quantize` finds, and what it says of those that it cannot use."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import quantize
from skfastgrnn.preprocessing import SequenceStandardScaler

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
    near = 0.01 * X
    quantize(model.fit(near, y), near)
