"""Transformers do not depend on the unit of a channel, and hold over the whole range of floats."""

import hypothesis
import numpy as np
import pytest
from helpers.estimators import quick, snapshot
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skfastgrnn.preprocessing import (
    SequenceClipper,
    SequenceImputer,
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
    TemporalFeatures,
)

pytestmark = pytest.mark.filterwarnings("error")

SCALERS = [SequenceStandardScaler, SequenceMinMaxScaler, SequenceRobustScaler]
each_scaler = pytest.mark.parametrize("scaler", SCALERS)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])

rng = np.random.default_rng(0)
X = rng.normal([1, -20, 300], [1, 5, 0.1], size=(20, 6, 3))


def series(values, dtype=np.float64):
    """One sequence of one channel, as X."""
    return np.array(values, dtype=dtype).reshape(1, -1, 1)


def scaled(scaler, values, dtype=np.float64):
    return scaler.fit_transform(series(values, dtype)).ravel()


@st.composite
def data_and_unit(draw):
    """A float32 or float64 array, and a power of two by which all its numbers stay normal."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    numbers = st.floats(-1e3, 1e3, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3)
    values = draw(hnp.arrays(dtype, (draw(st.integers(1, 12)), 2), elements=numbers))
    limits = np.finfo(dtype)
    return values, dtype(2.0) ** draw(st.integers(limits.minexp + 11, limits.maxexp - 11))


@hypothesis.given(data_and_unit(), st.sampled_from(SCALERS), st.booleans())
def test_powers_of_two_change_no_bit(data, scaler, in_parts):
    values, unit = data
    scalers = scaler(), scaler()
    for model, given in zip(scalers, (values, unit * values), strict=True):
        if in_parts and hasattr(model, "partial_fit"):
            for part in np.array_split(given, min(3, len(given))):
                model.partial_fit([part])
        else:
            model.fit([given])
    (plain,), (in_units,) = scalers[0].transform([values]), scalers[1].transform([unit * values])
    np.testing.assert_array_equal(in_units, plain, strict=True)
    (back,), (in_units_back,) = (model.inverse_transform([plain + 0]) for model in scalers)
    np.testing.assert_array_equal(in_units_back, unit * back)
    tolerance = 8 * np.finfo(values.dtype).eps * max(np.abs(values).max(), 1e-300)
    np.testing.assert_allclose(back, values, rtol=0, atol=tolerance)


@each_dtype
@each_scaler
def test_units_of_measurement_hardly_matter(scaler, dtype):
    expected = scaler().fit_transform(X)
    for unit in (1e-30, 1e-6, 1e6, 1e30):
        rescaled = scaler().fit_transform((unit * X).astype(dtype))
        atol = 1e-9 if dtype == np.float64 else 3e-4  # 300 ± 0.1 in float32
        np.testing.assert_allclose(rescaled, expected, atol=atol)


@each_dtype
def test_signals_in_volts_and_tesla_are_scaled(dtype):
    np.testing.assert_array_equal(scaled(SequenceMinMaxScaler(), [0, 1e-6], dtype), [0, 1])
    np.testing.assert_array_equal(scaled(SequenceStandardScaler(), [0, 1e-15], dtype), [-1, 1])
    small = scaled(SequenceRobustScaler(), [0, 1e-13, 2e-13, 3e-13, 4e-13], dtype)
    np.testing.assert_allclose(small, [-1, -0.5, 0, 0.5, 1], rtol=1e-6)


@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 3e38), (np.float64, 1.7e308)])
@each_scaler
def test_the_largest_numbers(scaler, dtype, large):
    for values in ([-large, 0, large], [-np.finfo(dtype).max, 0, np.finfo(dtype).max]):
        model = scaler()
        expected = {
            SequenceMinMaxScaler: [0, 0.5, 1],
            SequenceStandardScaler: [-np.sqrt(1.5), 0, np.sqrt(1.5)],
            SequenceRobustScaler: [-1, 0, 1],
        }[scaler]
        there = model.fit_transform(series(values, dtype))
        np.testing.assert_allclose(there.ravel(), expected, rtol=1e-6, atol=1e-15)
        back = model.inverse_transform(there)
        np.testing.assert_allclose(back.ravel() / large, np.array(values) / large, atol=1e-6)


@each_scaler
def test_numbers_near_the_end_of_the_range_and_subnormal_ones(scaler):
    expected = scaled(scaler(), [10.0, 11, 12, 16])
    close = scaled(scaler(), np.array([10.0, 11, 12, 16]) * 1e307)
    np.testing.assert_allclose(close, expected, rtol=1e-12)
    tiny = scaled(scaler(), np.array([10.0, 11, 12, 16]) * 5e-324)
    np.testing.assert_allclose(tiny, expected, rtol=1e-12)


def test_a_small_spread_about_a_large_value_is_scaled_in_float32():
    values = np.array([1e7 - 1, 1e7, 1e7 + 1], np.float32)
    np.testing.assert_array_equal(scaled(SequenceMinMaxScaler(), values, np.float32), [0, 0.5, 1])
    np.testing.assert_allclose(
        scaled(SequenceStandardScaler(), values, np.float32), [-np.sqrt(1.5), 0, np.sqrt(1.5)]
    )
    np.testing.assert_array_equal(scaled(SequenceRobustScaler(), values, np.float32), [-1, 0, 1])


@each_scaler
def test_float32_is_scaled_as_in_float64_and_rounded_once(scaler):
    given = X.astype(np.float32)
    exact = scaler().fit_transform(given.astype(np.float64))
    np.testing.assert_array_equal(scaler().fit_transform(given), exact.astype(np.float32))


@hypothesis.given(
    st.floats(-1e3, 1e3, allow_nan=False, allow_infinity=False),
    st.integers(-1060, 1010),
    st.integers(2, 50),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(SCALERS),
)
def test_a_constant_becomes_exactly_zero(value, exponent, n, dtype, scaler):
    with np.errstate(over="ignore"):
        value = np.nan_to_num(dtype(np.ldexp(value, exponent)))
    model = scaler()
    given = np.full((3, n, 1), value)
    assert (model.fit_transform(given) == 0).all()
    np.testing.assert_array_equal(model.inverse_transform(model.transform(given)), given)
    assert model.scale_ == 1
    if hasattr(model, "partial_fit"):
        assert (model.partial_fit(given[:, :1]).transform(given) == 0).all()


@pytest.mark.parametrize("unit", [2.0**-900, 1.0, 2.0**900])
@each_scaler
def test_what_differs_by_rounding_only_counts_as_constant(scaler, unit):
    values = unit * (np.array([0.1, 0.1, 0.3]) * 3 - [0, 0, 0.6])  # a few units of the last place
    assert np.ptp(values) > 0
    assert np.abs(scaled(scaler(), values)).max() < 1e-14


def test_a_robust_channel_that_is_mostly_constant_is_scaled_by_its_deviation():
    """Where the quantiles are equal, scikit-learn leaves the spikes as they are, in any unit."""
    spikes = np.zeros(100)
    spikes[::10] = 1e-9
    expected = spikes / spikes.std()
    np.testing.assert_allclose(scaled(SequenceRobustScaler(), spikes), expected, rtol=1e-12)
    large = scaled(SequenceRobustScaler(), 1e200 * spikes)
    np.testing.assert_allclose(large, expected, rtol=1e-12)


def test_outliers_do_not_blur_the_quantiles():
    values = np.array([1.0, 2, 3, 4, 5]) * 1e-200
    values = np.concatenate([values, values, [1e100]])
    lower, middle, upper = 1e-200 * np.percentile([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 9], [25, 50, 75])
    model = SequenceRobustScaler().fit(series(values))
    np.testing.assert_allclose(model.center_, middle)
    np.testing.assert_allclose(model.scale_, upper - lower)
    np.testing.assert_allclose(
        model.transform(series(values[:5])).ravel(), (values[:5] - middle) / (upper - lower)
    )


def test_parts_of_quite_different_magnitudes():
    parts = [np.zeros((3, 1)), np.full((2, 1), 3e-200), np.array([[4e150], [-2e150]])]
    model, extremes = SequenceStandardScaler(), SequenceMinMaxScaler()
    for part in parts:
        model.partial_fit([part])
        extremes.partial_fit([part])
    values = np.array([0, 0, 0, 0, 0, 4, -2])
    np.testing.assert_allclose(model.mean_, 1e150 * values.mean())
    np.testing.assert_allclose(model.scale_, 1e150 * values.std())
    assert (extremes.data_min_, extremes.data_max_) == (-2e150, 4e150)


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
@each_scaler
def test_what_overflows_is_located(scaler, method):
    model = scaler().fit([np.array([[1.0, 0], [2, 1e-200], [3, 3e-200]])])
    if method == "inverse_transform":
        model = scaler().fit([np.array([[1.0, 0], [2, 1e200], [3, 3e200]])])
    before = snapshot(model)
    given = [np.ones((2, 2)), np.array([[0.0, 1], [1, 1], [2, 1e200], [1, 1]])]
    with pytest.raises(ValueError, match=r"sample 1, step 2, channel 1 is so far .* float64"):
        getattr(model, method)(given)
    assert snapshot(model) == before


def test_ends_of_the_feature_range_are_met_exactly():
    model = SequenceMinMaxScaler((-0.1, 0.2))
    ends = scaled(model, [0.7, 0.1, 0.3])
    assert (ends[0], ends[1]) == (0.2, -0.1)


@pytest.mark.parametrize("quantile_range", [(0, 100), (0.0, 60.0), (30.0, 30.0)])
def test_quantiles_that_no_normal_distribution_has_are_refused(quantile_range):
    model = SequenceRobustScaler(quantile_range=quantile_range, unit_variance=True)
    before = snapshot(model)
    with pytest.raises(ValueError, match="unit_variance=True the two quantiles must differ"):
        model.fit(X)
    assert snapshot(model) == before
    finite = SequenceRobustScaler(quantile_range=quantile_range).fit_transform(X)
    assert np.isfinite(finite).all()


def test_a_classifier_behind_a_scaler_does_not_feel_the_unit():
    rows = rng.standard_normal((60, 8))
    labels = (rows[:, -1] > 0).astype(int)
    for scaler in SCALERS:
        answers = [
            quick()
            .fit(scaler().fit_transform(unit * rows), labels)
            .predict_proba(scaler().fit_transform(unit * rows))
            for unit in (1.0, 2.0**-50)
        ]
        np.testing.assert_array_equal(*answers)


# Other transformers, which answer in the unit of their channel

RATES = {"lags": (), "differences": (), "keep_original": False, "rates": (1, 2)}
IN_THEIR_UNIT = {
    "limits by deviation": SequenceClipper("std", n_std=1.0),
    "limits by quantiles": SequenceClipper(quantile_range=(20.0, 70.0)),
    "limits by deviation so far": SequenceClipper("std", limits="causal", n_std=1.0),
    "limits by quantiles so far": SequenceClipper(limits="causal", quantile_range=(20.0, 70.0)),
    "means": SequenceImputer("mean"),
    "features": TemporalFeatures(
        lags=(), rolling_windows=(3, 4), rolling_statistics=("mean", "std", "max"), spans=(4,)
    ),
}


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-540, 2.0**540, 2.0**1014])
@pytest.mark.parametrize("name", IN_THEIR_UNIT)
def test_answers_come_in_the_unit_of_the_channel(name, unit):
    transformer = IN_THEIR_UNIT[name]
    given = X.copy()
    given[3, 2, 1] = np.nan
    given = given if name != "features" else X
    expected = transformer.fit_transform(given)
    np.testing.assert_array_equal(transformer.fit_transform(unit * given), unit * expected)


@pytest.mark.parametrize("unit", [2.0**-1060, 2.0**-540, 2.0**540, 2.0**1023])
def test_rates_have_no_unit(unit):
    values = np.array([1.0, -1, 1.5, 0.5, 0.25, -1]).reshape(1, -1, 1)
    features = TemporalFeatures(**RATES)
    expected = features.fit_transform(values)
    assert expected[0, 1, 0] == -2
    np.testing.assert_array_equal(features.fit_transform(unit * values), expected)


def test_sequences_of_other_magnitudes_do_not_matter():
    """Neither to features nor to limits up to each step."""
    small = [1e-200 * X[0], 1e-300 * X[1]]
    for name in ("features", "limits by deviation so far"):
        transformer = IN_THEIR_UNIT[name].fit([X[0]])
        alone = transformer.transform(small)
        beside = transformer.transform([*small, 1e250 * X[2]])
        np.testing.assert_array_equal(alone, beside[:2])


def test_limits_that_float64_cannot_hold_are_none():
    values = series([-1.7e308, 0, 1.7e308])
    clipper = SequenceClipper("std", n_std=2.0).fit(values)
    assert (clipper.lower_, clipper.upper_) == (-np.inf, np.inf)
    np.testing.assert_array_equal(clipper.transform(values), values)


def test_a_mean_of_the_largest_numbers_is_one_of_them():
    largest = np.finfo(np.float64).max
    assert SequenceImputer().fit(series([largest, largest, largest])).statistics_ == largest
