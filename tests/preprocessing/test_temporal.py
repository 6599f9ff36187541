"""TemporalFeatures: which channels are added, in which order, and that they look back only."""

import numpy as np
import pytest
from helpers.estimators import quick, snapshot
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skfastgrnn.preprocessing import TemporalFeatures, _steps

NONE = {"lags": (), "differences": (), "keep_original": False}
STATISTICS = ("mean", "std", "min", "max")
EVERYTHING = {
    "lags": (1, 3),
    "differences": (1, 2),
    "rates": (1, 4),
    "rolling_windows": (1, 2, 3, 7, 16),
    "rolling_statistics": STATISTICS,
    "spans": (1, 3, 10),
}
ONE_BY_ONE = {
    "lag": {"lags": (2,)},
    "difference": {"differences": (2,)},
    "rate": {"rates": (2,)},
    **{s: {"rolling_windows": (5,), "rolling_statistics": (s,)} for s in STATISTICS},
    "average": {"spans": (4,)},
}


def noise(lengths, n_channels=2, dtype=np.float64, seed=0):
    """A list of sequences in which some values are 0."""
    rng = np.random.default_rng(seed)
    sequences = [rng.standard_t(3, size=(length, n_channels)) for length in lengths]
    return [np.where(rng.random(x.shape) < 0.1, 0, x).astype(dtype) for x in sequences]


def by_pandas(sequence, features):
    """The same channels as a list of arrays (n_timesteps, n_channels)."""
    frame = pytest.importorskip("pandas").DataFrame(sequence)

    def before(k):
        return frame.shift(k).fillna(frame.iloc[0])

    answers = [frame]
    answers += [before(k) for k in features["lags"]]
    answers += [frame - before(k) for k in features["differences"]]
    answers += [
        ((frame - before(k)) / before(k).abs()).where(before(k) != 0, 0) for k in features["rates"]
    ]
    for w in features["rolling_windows"]:
        rolling = frame.rolling(w, min_periods=1)
        answers += [rolling.mean(), rolling.std(ddof=0), rolling.min(), rolling.max()]
    answers += [frame.ewm(span=s, adjust=False).mean() for s in features["spans"]]
    return [answer.to_numpy() for answer in answers]


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_equals_pandas(lengths, n_channels, seed):
    X = noise(lengths, n_channels, seed=seed)
    answer = TemporalFeatures(**EVERYTHING).fit_transform(X)
    for sequence, features in zip(X, answer, strict=True):
        expected = np.hstack(by_pandas(sequence, EVERYTHING))
        np.testing.assert_allclose(features, expected, rtol=1e-9, atol=1e-7)


@given(st.integers(1, 70), st.integers(1, 40))
def test_rolling_statistics_equal_a_plain_loop(window, length):
    """More exactly than pandas, which updates running totals."""
    X = noise([length], 1, seed=window)
    settings = {**NONE, "rolling_windows": (window,), "rolling_statistics": STATISTICS}
    answer = TemporalFeatures(**settings).fit_transform(X)[0]
    for step, features in enumerate(answer):
        last = X[0][max(0, step + 1 - window) : step + 1]
        expected = [last.mean(), last.std(), last.min(), last.max()]
        np.testing.assert_allclose(features, expected, rtol=1e-12, atol=1e-12)


def test_defaults_by_hand():
    X = np.array([[[1, 10], [4, 20], [2, 20]]])
    answer = TemporalFeatures().fit_transform(X)
    expected = [[1, 10, 1, 10, 0, 0], [4, 20, 1, 10, 3, 10], [2, 20, 4, 20, -2, 0]]
    np.testing.assert_array_equal(answer, [expected])


def test_statistics_come_in_the_order_given():
    settings = {**NONE, "rolling_windows": (3, 2), "rolling_statistics": ("max", "mean")}
    answer = TemporalFeatures(**settings).fit_transform([[[1.0], [5.0], [3.0]]])[0]
    np.testing.assert_array_equal(answer, [[1, 1, 1, 1], [5, 3, 5, 3], [5, 3, 5, 4]])


def test_rates_where_the_past_is_zero_or_negative():
    X = [[[0.0], [2.0], [-4.0], [-2.0], [0.0], [0.0]]]
    answer = TemporalFeatures(**{**NONE, "rates": (1,)}).fit_transform(X)[0]
    np.testing.assert_array_equal(answer[:, 0], [0, 0, -3, 0.5, 1, 0])


@given(st.integers(2, 40), st.integers(0, 99), st.data())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("feature", ONE_BY_ONE)
def test_no_feature_sees_the_future(feature, dtype, length, seed, data):
    """Whatever comes after a step, to the last bit."""
    now = data.draw(st.integers(0, length - 2))
    X, other = noise([length, length], 2, dtype, seed=seed)
    other *= data.draw(st.sampled_from([0, 1, 1e-10, 1e10]))
    other[: now + 1] = X[: now + 1]
    features = TemporalFeatures(**{**NONE, **ONE_BY_ONE[feature]}).fit([X])
    until_now = features.transform([X[: now + 1]])[0].tobytes()
    for whole in (X, other):
        assert features.transform([whole])[0][: now + 1].tobytes() == until_now


def test_the_present_is_seen():
    """Else the test above would prove little: each feature but the lag changes with its step."""
    X = noise([9])[0] + 3
    other = X.copy()
    other[5] *= [5, -5]
    for name, settings in ONE_BY_ONE.items():
        features = TemporalFeatures(**{**NONE, **settings}).fit([X])
        changed = features.transform([X])[0] != features.transform([other])[0]
        assert not changed[:5].any()
        assert changed[5].any() == (name != "lag")
        assert changed[6:].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_company_does_not_matter(dtype):
    X = noise([3, 90, 1, 200, 90], 3, dtype)
    X[1] *= 1e12
    features = TemporalFeatures(**EVERYTHING).fit(X)
    for sequence, answer in zip(X, features.transform(X), strict=True):
        assert features.transform([sequence])[0].tobytes() == answer.tobytes()


def test_averages_in_small_blocks(monkeypatch):
    """However many sequences are laid side by side, their averages are the same."""
    X = noise([30, 1, 7, 30, 16, 15, 3, 30])
    features = TemporalFeatures(spans=(3,)).fit(X)
    expected = [part.tobytes() for part in features.transform(X)]
    for chunk in (1, 40, 100):
        monkeypatch.setattr(_steps, "CHUNK", chunk)
        assert [part.tobytes() for part in features.transform(X)] == expected


@pytest.mark.parametrize("value", [0, 0.1, 1e6 + 0.1, -1e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_channels(dtype, value):
    X = np.full((3, 60, 1), value, dtype=dtype)
    features = TemporalFeatures(**EVERYTHING, n_timesteps=60).fit(X[:, :, 0])
    answer = features.transform(X[:, :, 0]).reshape(3 * 60, -1)
    for name, column in zip(features.get_feature_names_out(), answer.T, strict=False):
        is_change = any(part in name for part in ("diff", "rate", "std"))
        assert (column == (0 if is_change else dtype(value))).all(), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_small_spread_about_a_large_mean(dtype):
    X = (1e6 + np.random.default_rng(0).normal(size=(1, 500, 1))).astype(dtype)
    settings = {"rolling_windows": (50,), "rolling_statistics": ("mean", "std")}
    answer = TemporalFeatures(**{**NONE, **settings}).fit_transform(X)[0]
    exact = X[0, :, 0].astype(np.float64)
    rounding = 0.6 * np.finfo(dtype).eps  # float32 is computed in float64
    for step in range(1, 500):
        last = exact[max(0, step - 49) : step + 1]
        expected = last.mean(), last.std()
        np.testing.assert_allclose(answer[step], expected, rtol=max(rounding, 2e-10))


def test_squares_that_float32_cannot_hold():
    X = np.array([[[0], [1e25]]], dtype=np.float32)
    settings = {**NONE, "rolling_windows": (2,), "rolling_statistics": ("std",)}
    answer = TemporalFeatures(**settings).fit_transform(X)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, X / 2, rtol=1e-6)


def test_a_window_after_a_huge_value_has_forgotten_it():
    """A running total would carry its rounding along."""
    X = noise([30], 1)[0]
    huge = X.copy()
    huge[3] = 1e18
    settings = {**NONE, "rolling_windows": (5,), "rolling_statistics": STATISTICS}
    features = TemporalFeatures(**settings).fit([X])
    expected, answer = features.transform([X])[0], features.transform([huge])[0]
    np.testing.assert_array_equal(answer[8:], expected[8:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_forms_give_the_same_features(dtype):
    X = np.stack(noise([8, 8, 8, 8], dtype=dtype))
    expected = TemporalFeatures(**EVERYTHING).fit_transform(X)
    assert (expected.shape, expected.dtype) == ((4, 8, 2 * 30), dtype)
    listed = TemporalFeatures(**EVERYTHING).fit_transform(list(X))
    assert type(listed) is list
    objects = np.empty(4, dtype=object)
    objects[:] = list(X)
    as_objects = TemporalFeatures(**EVERYTHING).fit_transform(objects)
    assert (as_objects.shape, as_objects.dtype) == ((4,), object)
    rows = TemporalFeatures(**EVERYTHING, n_timesteps=8).fit_transform(X.reshape(4, 16))
    assert rows.shape == (4, 8 * 2 * 30)
    for same in (np.stack(listed), np.stack(as_objects), rows.reshape(expected.shape)):
        np.testing.assert_array_equal(same, expected, strict=True)


def test_flat_sequences():
    X = [np.array([1.0, 2.0, 4.0]), np.array([5.0, 3.0])]
    answer = TemporalFeatures(**{**NONE, "differences": (1,)}).fit_transform(X)
    assert [member.tolist() for member in answer] == [[0, 1, 2], [0, -2]]
    answer = TemporalFeatures(lags=()).fit_transform(X)
    assert answer[1].tolist() == [[5, 0], [3, -2]]


def test_padding_is_not_read_and_stays():
    X = noise([3, 6, 1])
    padded = np.full((3, 6, 2), np.nan)
    for entry, sequence in zip(padded, X, strict=True):
        entry[: len(sequence)] = sequence
    expected = TemporalFeatures(**EVERYTHING).fit_transform(X)
    answer = TemporalFeatures(**EVERYTHING).fit_transform(padded)
    for entry, sequence in zip(answer, expected, strict=True):
        np.testing.assert_array_equal(entry[: len(sequence)], sequence)
        assert np.isnan(entry[len(sequence) :]).all()


def test_the_input_is_not_changed():
    X = np.stack(noise([8, 8]))
    copy = X.copy()
    answer = TemporalFeatures(**EVERYTHING).fit_transform(X)
    np.testing.assert_array_equal(X, copy)
    assert not np.shares_memory(answer, X)
    assert not np.shares_memory(TemporalFeatures(lags=(), differences=()).fit_transform(X), X)


def test_names():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame([[1.0, 2, 3, 4], [5, 6, 7, 8]], columns=["a0", "b0", "a1", "b1"])
    features = TemporalFeatures(
        lags=[2],
        rates=[1],
        rolling_windows=[5],
        rolling_statistics=STATISTICS,
        spans=[5],
        n_timesteps=2,
    )
    answer = features.set_output(transform="pandas").fit_transform(X)
    endings = ["", "_lag2", "_diff1", "_rate1", "_mean5", "_std5", "_min5", "_max5", "_ema5"]
    expected = [f"{c}{t}{ending}" for t in (0, 1) for ending in endings for c in "ab"]
    assert answer.columns.tolist() == expected
    np.testing.assert_array_equal(answer["b1_diff1"], [2, 2])
    np.testing.assert_array_equal(answer["a1_max5"], [3, 7])
    np.testing.assert_array_equal(answer["a0_lag2"], [1, 5])


def test_parameters_may_be_any_sequence():
    X = noise([5])
    expected = TemporalFeatures(lags=(1, 2), rolling_windows=(3,)).fit_transform(X)[0]
    for kind in (list, np.array):
        features = TemporalFeatures(
            lags=kind([1, 2]), rolling_windows=kind([3]), rolling_statistics=kind(["mean", "std"])
        )
        np.testing.assert_array_equal(clone(features).fit_transform(X)[0], expected)


def test_parameters_count_when_they_are_fitted():
    X = noise([5])
    features = TemporalFeatures().fit(X)
    expected = features.transform(X)[0]
    np.testing.assert_array_equal(features.set_params(lags=(3, 4)).transform(X)[0], expected)


def test_in_a_grid_search():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.standard_normal((60, 12, 1)) * 0.2
    X[y == 1] = X[y == 1].cumsum(axis=1)
    model = make_pipeline(TemporalFeatures(), quick(max_iter=30))
    grid = {
        "temporalfeatures__rolling_windows": [(), (4,)],
        "temporalfeatures__spans": [(), (5,)],
    }
    assert GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, y).best_score_ > 0.6


# name: (parameters, X, what the error must say)
REFUSED = {
    "gap": ({}, [[[1.0], [np.nan]]], "NaN: sample 0, step 1, channel 0.*SequenceImputer"),
    "infinity": ({}, [[[1.0], [np.inf]]], "infinity: sample 0, step 1, channel 0"),
    "nothing": (
        {**NONE, "rolling_windows": ()},
        [[[1.0]]],
        "no output channel: set keep_original=True",
    ),
    "windows without statistics": (
        {"rolling_windows": (3,), "rolling_statistics": ()},
        [[[1.0]]],
        "rolling_windows are given, but rolling_statistics is empty",
    ),
    "keep_original": ({"keep_original": "yes"}, [[[1.0]]], "The 'keep_original' parameter"),
    "n_timesteps": ({"n_timesteps": 0}, [[1.0]], "The 'n_timesteps' parameter"),
    **{
        f"{name}={value!r}": ({name: value}, [[[1.0]]], message)
        for name in ("lags", "differences", "rates", "rolling_windows", "spans")
        for value, message in (
            (1, f"The '{name}' parameter of TemporalFeatures must be an array-like"),
            (None, f"The '{name}' parameter of TemporalFeatures must be an array-like"),
            ((0,), rf"{name} must hold positive integers \(numbers of steps\), got 0"),
            ((2, -1), f"{name} must hold positive integers .* got -1"),
            ((1.0,), f"{name} must hold positive integers .* got 1.0"),
            ((True,), f"{name} must hold positive integers .* got True"),
            (("1",), f"{name} must hold positive integers .* got '1'"),
            ((2, 3, 2), rf"{name} holds an entry twice: \[2, 3, 2\]"),
        )
    },
    **{
        f"rolling_statistics={value!r}": ({"rolling_statistics": value}, [[[1.0]]], message)
        for value, message in (
            ("mean", "rolling_statistics"),
            (("median",), "rolling_statistics must hold some of 'mean', .* got 'median'"),
            ((1,), "rolling_statistics must hold some of .* got 1"),
            (("mean", "mean"), "rolling_statistics holds an entry twice"),
        )
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_fit_refuses_changes_nothing(case):
    parameters, X, message = REFUSED[case]
    features = TemporalFeatures().fit(noise([3], 4)).set_params(**parameters)
    before = snapshot(features)
    with pytest.raises(ValueError, match=message):
        features.fit(X)
    assert snapshot(features) == before


@pytest.mark.parametrize(("feature", "name"), [("difference", "diff2"), ("rate", "rate2")])
def test_overflow_is_located(feature, name):
    X = [np.ones((4, 2)), np.ones((4, 2))]
    X[1][:, 1] = [1e308, 1e308, -1e308, 1]
    if feature == "rate":
        X[1][:, 1] = [1e-308, 1e-308, 1e308, 1]
    features = TemporalFeatures(**{**NONE, **ONE_BY_ONE[feature]}).fit(X)
    message = f"{name} overflows float64 at sample 1, step 2, channel 1; scale X, or leave"
    with pytest.raises(ValueError, match=message):
        features.transform(X)


def test_what_transform_refuses():
    with pytest.raises(NotFittedError):
        TemporalFeatures().transform([[[1.0]]])
    features = TemporalFeatures().fit(noise([3], 2))
    with pytest.raises(ValueError, match="X has 3 channels, but TemporalFeatures is expecting 2"):
        features.transform(noise([3], 3))
    with pytest.raises(ValueError, match=r"NaN: sample 0, step 0, channel 1.*SequenceImputer"):
        features.transform([[[1.0, np.nan]]])
