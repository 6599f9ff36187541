"""Scalers and values that say little: gaps, padding, channels that are constant or missing."""

import warnings

import numpy as np
import pytest
from helpers.scalers import (
    X,
    assert_learned_like,
    assert_same,
    assert_values_like,
    each_scaler,
    learned,
    padded,
    ragged,
    reference,
    unpadded,
)
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
)


@pytest.mark.parametrize("per", ["channel", "timestep"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@each_scaler
def test_constant_channels_become_zero(scaler, per, dtype):
    given = X.astype(dtype)
    given[:, :, 1] = 4
    scaled = scaler(per=per).fit_transform(given)
    assert (scaled[:, :, 1] == 0).all()
    assert np.isfinite(scaled).all()
    alone = scaler(per=per).fit_transform(given[:1, :1])
    assert (alone == 0).all()


@each_scaler
def test_gaps_are_ignored_and_passed_on(scaler):
    gaps = [sequence.copy() for sequence in ragged]
    for i in (1, 8, 17):
        gaps[i][0, i % 3] = np.nan
    gaps[5][2] = np.nan  # a whole step
    gaps[11][-1] = np.nan  # a whole step at the end of a sequence that says how long it is
    steps = np.concatenate(gaps)
    model, expected = scaler().fit(gaps), reference(scaler, steps)
    assert_learned_like(model, expected)
    scaled = unpadded(model.transform(gaps))
    assert_values_like(scaled, expected.transform(steps))
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(steps))
    np.testing.assert_allclose(unpadded(model.inverse_transform(model.transform(gaps))), steps)


@each_scaler
def test_gaps_per_timestep(scaler):
    gaps = X.copy()
    gaps[3, 0, 1] = gaps[4, 5, 2] = np.nan
    model = scaler(per="timestep").fit(gaps)
    expected = reference(scaler, gaps.reshape(30, 18))
    assert_values_like(
        model.transform(gaps).reshape(30, 18), expected.transform(gaps.reshape(30, 18))
    )
    if scaler is SequenceStandardScaler:
        assert model.n_samples_seen_.shape == (6, 3)
        assert model.n_samples_seen_.sum() == 30 * 18 - 2


@each_scaler
def test_padding_enters_no_statistic(scaler):
    once, twice = (scaler().fit(padded(ragged, n)) for n in (6, 60))
    assert_same(learned(once), learned(twice))
    assert_same(learned(once), learned(scaler().fit(ragged)))
    np.testing.assert_array_equal(
        once.transform(padded(ragged, 60))[:, :6], once.transform(padded(ragged, 6))
    )


@pytest.mark.filterwarnings("error")
@each_scaler
def test_a_channel_that_is_missing_throughout_is_as_in_scikit_learn(scaler):
    """But without warnings of NumPy's."""
    gone = X.copy()
    gone[:, :, 1] = np.nan
    model = scaler().fit(gone)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference(scaler, gone.reshape(-1, 3))
    assert_learned_like(model, expected)
    scaled = model.transform(X)
    assert np.isnan(scaled[:, :, 1]).all()
    assert np.isfinite(scaled[:, :, [0, 2]]).all()
    assert np.isnan(model.inverse_transform(scaled)[:, :, 1]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("constant", [0.0, 3.0, 1e-30])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SequenceStandardScaler, StandardScaler),
        (SequenceMinMaxScaler, MinMaxScaler),
        (SequenceRobustScaler, RobustScaler),
    ],
)
def test_a_channel_that_was_constant_may_vary_later(ours, theirs, constant, dtype):
    """The edge of images, which is black in a few of them."""
    still, later = np.full((4, 5, 1), constant, dtype), np.full((2, 3, 1), 255.0, dtype)
    scaler = ours().fit(still)
    expected = theirs().fit(still.reshape(-1, 1)).transform(later.reshape(-1, 1))
    np.testing.assert_allclose(scaler.transform(later).ravel(), expected.ravel(), rtol=1e-6)
    back = scaler.inverse_transform(scaler.transform(later))
    np.testing.assert_allclose(back, later, rtol=1e-6)
