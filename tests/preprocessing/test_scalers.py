"""Scalers of sequences learn and compute what those of scikit-learn do, in every form of X."""

import hypothesis
import numpy as np
import pytest
from helpers.scalers import (
    FORMS,
    SCALERS,
    X,
    assert_learned_like,
    assert_same,
    assert_values_like,
    each_scaler,
    learned,
    objects,
    padded,
    ragged,
    reference,
    unpadded,
)
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
    sliding_windows,
)

PARAMETERS = [
    (SequenceStandardScaler, {}),
    (SequenceStandardScaler, {"with_mean": False}),
    (SequenceStandardScaler, {"with_std": False}),
    (SequenceStandardScaler, {"with_mean": False, "with_std": False}),
    (SequenceMinMaxScaler, {}),
    (SequenceMinMaxScaler, {"feature_range": (-2, 3), "clip": True}),
    (SequenceRobustScaler, {}),
    (SequenceRobustScaler, {"quantile_range": (10.0, 80.0), "unit_variance": True}),
    (SequenceRobustScaler, {"with_centering": False}),
    (SequenceRobustScaler, {"with_scaling": False}),
]
each_parameters = pytest.mark.parametrize(("scaler", "parameters"), PARAMETERS, ids=str)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@each_parameters
def test_is_that_of_scikit_learn_over_stacked_steps(scaler, parameters, dtype, form):
    members = [sequence.astype(dtype) for sequence in ragged]
    given = FORMS[form](members)
    steps = np.concatenate(members)
    model = scaler(**parameters).fit(given)
    expected = reference(scaler, steps, **parameters)
    assert_learned_like(model, expected)
    scaled = model.transform(given)
    assert_values_like(unpadded(scaled), expected.transform(steps.astype(np.float64)))
    assert unpadded(scaled).dtype == dtype
    assert_values_like(unpadded(model.inverse_transform(scaled)), steps)
    theirs = model.scaler_
    assert type(theirs) is SCALERS[scaler]
    assert theirs.get_params().items() >= parameters.items()
    assert_values_like(unpadded(scaled), theirs.transform(steps.astype(np.float64)))


@each_scaler
def test_the_form_of_x_comes_back(scaler):
    model = scaler().fit(ragged)
    as_list, as_objects, as_array = (model.transform(form(ragged)) for form in FORMS.values())
    assert type(as_list) is list
    assert (as_objects.dtype, as_objects.shape) == (object, (30,))
    np.testing.assert_array_equal(as_array, padded(as_list), strict=True)
    for left, right, given in zip(as_list, as_objects, ragged, strict=True):
        np.testing.assert_array_equal(left, right, strict=True)
        assert left.shape == given.shape


@each_scaler
def test_series_of_one_channel_stay_1d(scaler):
    series = [sequence[:, 0] for sequence in ragged]
    scaled = scaler().fit_transform(series)
    expected = scaler().fit_transform([one[:, None] for one in series])
    for left, right in zip(scaled, expected, strict=True):
        np.testing.assert_array_equal(left, right[:, 0], strict=True)


def test_closed_forms():
    steps = np.concatenate(ragged)
    standard, minmax, robust = (
        np.concatenate(scaler().fit_transform(ragged)) for scaler in SCALERS
    )
    np.testing.assert_allclose(standard, (steps - steps.mean(0)) / steps.std(0), atol=1e-9)
    np.testing.assert_allclose(minmax, (steps - steps.min(0)) / np.ptp(steps, axis=0), atol=1e-9)
    lower, middle, upper = np.percentile(steps, [25, 50, 75], axis=0)
    np.testing.assert_allclose(robust, (steps - middle) / (upper - lower), atol=1e-9)


@pytest.mark.parametrize("per", ["channel", "timestep"])
@each_scaler
def test_dtypes(scaler, per):
    for given, computed in [("f4", "f4"), ("f8", "f8"), ("i4", "f8"), ("f2", "f8"), (">f4", "f8")]:
        for shape in [(30, 6, 3), (30, 18)]:
            model = scaler(per=per).fit(X.astype(given).reshape(shape))
            scaled = model.transform(X.astype(given).reshape(shape))
            assert scaled.dtype == model.inverse_transform(scaled).dtype == computed
            assert scaled.shape == shape


def test_rows():
    """Of 2-D X, a row holds n_timesteps steps, one after the other."""
    rows = X.reshape(30, 18)
    for scaler in SCALERS:
        for per in ("channel", "timestep"):
            model, expected = scaler(per=per, n_timesteps=6).fit(rows), scaler(per=per).fit(X)
            assert_same(learned(model), learned(expected))
            scaled = model.transform(rows)
            np.testing.assert_array_equal(scaled, expected.transform(X).reshape(30, 18))
            np.testing.assert_allclose(model.inverse_transform(scaled), rows)


@each_parameters
def test_rows_without_n_timesteps_are_one_channel(scaler, parameters):
    """One statistic for all columns, or, per time step, what scikit-learn's own scaler does."""
    rows = X.reshape(30, 18)
    model = scaler(**parameters).fit(rows)
    assert_learned_like(model, reference(scaler, rows.reshape(-1, 1), **parameters))
    model = scaler(per="timestep", **parameters).fit(rows)
    expected = reference(scaler, rows, **parameters)
    assert_values_like(model.transform(rows), expected.transform(rows))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@each_parameters
def test_per_timestep(scaler, parameters, dtype):
    given = X.astype(dtype)
    rows = given.reshape(30, 18)
    expected = reference(scaler, rows, **parameters)
    for same in (given, list(given), objects(list(given)), padded(list(given))):
        model = scaler(per="timestep", **parameters).fit(same)
        assert_learned_like(model, expected, shape=(6, 3))
        scaled = unpadded(model.transform(same))
        assert_values_like(scaled.reshape(30, 18), expected.transform(rows.astype(np.float64)))
        back = unpadded(model.inverse_transform(model.transform(same)))
        if not parameters.get("clip"):
            assert_values_like(back.reshape(30, 18), rows)


def test_per_timestep_normalises_as_the_reference_code():
    """`preProcessData` of Microsoft EdgeML: rows, and no division by what is almost zero."""
    given = X.copy()
    given[:, 2, 1] = 7
    train, test = given[:20].reshape(20, -1), given[20:].reshape(10, -1)
    mean, std = np.mean(train, 0), np.std(train, 0)
    std[std[:] < 0.000001] = 1
    scaler = SequenceStandardScaler(per="timestep").fit(given[:20])
    np.testing.assert_allclose(
        scaler.transform(given[20:]).reshape(10, -1), (test - mean) / std, atol=1e-9
    )


@st.composite
def numbers(draw):
    """Sequences of several lengths, and of one length."""
    n_channels = draw(st.integers(1, 3))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    values = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    if draw(st.booleans()):
        lengths = [lengths[0]] * len(lengths)
    return [draw(hnp.arrays(dtype, (n, n_channels), elements=values)) for n in lengths]


@hypothesis.given(numbers(), st.sampled_from([*SCALERS]), st.booleans())
def test_inverse_transform_is_the_inverse(members, scaler, by_channel):
    by_channel = by_channel or len({len(member) for member in members}) > 1
    model = scaler(per="channel" if by_channel else "timestep")
    back = model.inverse_transform(model.fit_transform(members))
    largest = max(np.abs(member).max() for member in members)
    for left, right in zip(back, members, strict=True):
        assert left.dtype == right.dtype
        tolerance = 20 * np.finfo(right.dtype).eps * largest
        np.testing.assert_allclose(left, right, rtol=0, atol=tolerance)


def test_inverse_transform_of_what_was_not_clipped():
    model = SequenceMinMaxScaler(clip=True).fit(ragged)
    beyond = [sequence + 1000 for sequence in ragged]
    assert all((sequence == 1).all() for sequence in model.transform(beyond))
    back = model.inverse_transform(model.transform(ragged))
    np.testing.assert_allclose(unpadded(back), unpadded(ragged))


def test_overlapping_windows_count_as_often_as_they_overlap():
    windows = sliding_windows(np.arange(20.0), window=5).X
    model = SequenceStandardScaler().fit(windows)
    assert model.n_samples_seen_ == windows.size
    assert model.mean_ == pytest.approx(windows.mean())
    np.testing.assert_allclose(model.transform(windows).mean(), 0, atol=1e-12)


@pytest.mark.parametrize("shape", [(30, 6, 3), (30, 18)])
@each_scaler
def test_x_is_only_read(scaler, shape, tmp_path):
    np.save(tmp_path / "X.npy", X.reshape(shape))
    given = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = scaler().fit(given)
    scaled = model.transform(given)
    scaled += 1  # is the caller's
    before = scaled.copy()
    model.inverse_transform(scaled)
    np.testing.assert_array_equal(scaled, before)
    np.testing.assert_array_equal(given, X.reshape(shape))


@pytest.mark.parametrize("scaler", [SequenceStandardScaler, SequenceMinMaxScaler])
def test_fit_begins_anew(scaler):
    model = scaler().partial_fit([sequence * 100 for sequence in ragged]).fit(ragged)
    assert_same(learned(model), learned(scaler().fit(ragged)))
    again = scaler().fit(X.reshape(30, 18)).fit(ragged)
    assert_same(learned(again), learned(model))


def test_parameters_changed_after_fit_wait_for_the_next():
    model = SequenceStandardScaler(per="timestep", n_timesteps=6).fit(X)
    expected = model.transform(X)
    model.set_params(per="channel", with_mean=False, n_timesteps=4)
    np.testing.assert_array_equal(model.transform(X), expected)
    assert model.mean_.shape == (6, 3)
    model.partial_fit(X)
    assert model.mean_.shape == (6, 3)
    assert model.fit(X).mean_.shape == (3,)
