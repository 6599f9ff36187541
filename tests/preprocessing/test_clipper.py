"""SequenceClipper: learned limits, and limits from the past of each sequence."""

import numpy as np
import pytest
from helpers.estimators import snapshot
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from skfastgrnn.preprocessing import SequenceClipper, _steps

nan = np.nan
KINDS = [(by, limits) for by in ("quantile", "std") for limits in ("learned", "causal")]


def clipper(by="quantile", limits="learned", **parameters):
    """One that clips often."""
    narrow = {"quantile_range": (10.0, 75.0), "n_std": 1.0}
    return SequenceClipper(by, limits=limits, **{**narrow, **parameters})


def gappy(lengths, n_channels=2, dtype=np.float64, *, gaps=0.3, seed=0):
    """A list of sequences with gaps; the first value of each is known."""
    rng = np.random.default_rng(seed)
    sequences = []
    for length in lengths:
        values = rng.standard_t(2, size=(length, n_channels)).astype(dtype)
        values[rng.random(values.shape) < gaps] = nan
        values[0, 0] = 1
        sequences.append(values)
    return sequences


def limits_of(values, by, quantile_range, n_std):
    """Limits of the values (n,) of a channel by NumPy."""
    values = values[~np.isnan(values)].astype(np.float64)
    if by == "quantile":
        return np.percentile(values, quantile_range)
    return values.mean() - n_std * values.std(), values.mean() + n_std * values.std()


def clipped_by_loop(sequence, settings):
    """Each value clipped to the limits of those up to it."""
    expected = sequence.copy()
    for step, channel in np.argwhere(~np.isnan(sequence)):
        limits = limits_of(sequence[: step + 1, channel], **settings)
        expected[step, channel] = np.clip(sequence[step, channel], *limits)
    return expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("by", ["quantile", "std"])
def test_learned_limits(by, dtype):
    X = gappy([50, 3, 30], dtype=dtype)
    settings = {"by": by, "quantile_range": (5, 90.0), "n_std": 1.5}
    fitted = SequenceClipper(**settings).fit(X)
    expected = np.array([limits_of(column, **settings) for column in np.concatenate(X).T])
    assert fitted.lower_.shape == fitted.upper_.shape == (2,)
    np.testing.assert_allclose(np.stack([fitted.lower_, fitted.upper_], 1), expected, rtol=1e-12)
    other = gappy([40], seed=1, dtype=dtype)
    answer = fitted.transform(other)[0]
    limits = expected.T.astype(dtype)
    np.testing.assert_allclose(answer, np.clip(other[0], *limits), rtol=1e-12)
    assert answer.dtype == dtype
    is_value = ~np.isnan(other[0])
    assert (answer[is_value] != other[0][is_value]).any()


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=6),
    st.integers(1, 3),
    st.sampled_from([0, 0.2, 0.8]),
    st.sampled_from([(0, 100), (1, 99), (25, 75), (50, 60), (0, 10), (90, 100), (33.3, 50)]),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.integers(0, 99),
)
@pytest.mark.parametrize("by", ["quantile", "std"])
def test_causal_equals_a_plain_loop(by, lengths, n_channels, gaps, quantile_range, n_std, seed):
    X = gappy(lengths, n_channels, gaps=gaps, seed=seed)
    settings = {"by": by, "quantile_range": quantile_range, "n_std": n_std}
    answer = SequenceClipper(**settings, limits="causal").fit_transform(X)
    for sequence, clipped in zip(X, answer, strict=True):
        expected = clipped_by_loop(sequence, settings)
        np.testing.assert_allclose(clipped, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("by", ["quantile", "std"])
def test_causal_in_small_blocks(by, monkeypatch):
    """However many sequences are laid side by side, they are clipped alike."""
    X = gappy([30, 1, 7, 30, 16, 15, 3, 30])
    expected = clipper(by, "causal").fit_transform(X)
    for chunk in (1, 40, 100):
        monkeypatch.setattr(_steps, "CHUNK", chunk)
        answer = clipper(by, "causal").fit_transform(X)
        assert [part.tobytes() for part in answer] == [part.tobytes() for part in expected]


def test_causal_learns_nothing_but_channels():
    fitted = clipper(limits="causal").fit(gappy([5], 3))
    assert fitted.lower_ is None
    assert fitted.upper_ is None
    assert fitted.n_channels_ == 3
    X = gappy([9, 4], 3, seed=2)
    other = clipper(limits="causal").fit(X)
    for one, same in zip(fitted.transform(X), other.transform(X), strict=True):
        np.testing.assert_array_equal(one, same)


@given(st.integers(2, 40), st.integers(0, 99), st.data())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("by", ["quantile", "std"])
def test_causal_never_sees_the_future(by, dtype, length, seed, data):
    now = data.draw(st.integers(0, length - 2))
    X, other = gappy([length, length], 2, dtype, seed=seed)
    other *= data.draw(st.sampled_from([1, 1e-20, 1e20]))
    other[: now + 1] = X[: now + 1]
    fitted = clipper(by, "causal").fit([X])
    until_now = fitted.transform([X[: now + 1]])[0].tobytes()
    for whole in (X, other):
        assert fitted.transform([whole])[0][: now + 1].tobytes() == until_now


@pytest.mark.parametrize(("by", "limits"), KINDS)
def test_company_does_not_matter(by, limits):
    X = gappy([3, 90, 1, 200, 90], 3, np.float32)
    fitted = clipper(by, limits).fit(X)
    for sequence, clipped in zip(X, fitted.transform(X), strict=True):
        assert fitted.transform([sequence])[0].tobytes() == clipped.tobytes()


@pytest.mark.parametrize("value", [0.1, 1e6 + 0.1, -1e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("by", "limits"), KINDS)
def test_constant_channels_stay(by, limits, dtype, value):
    X = np.full((7, 100, 2), value, dtype=dtype)
    answer = clipper(by, limits, n_std=1e-9).fit_transform(X)
    np.testing.assert_array_equal(answer, X, strict=True)


def test_learned_limits_of_a_constant_channel():
    fitted = SequenceClipper("std").fit(np.full((2, 3, 1), 0.1))
    np.testing.assert_array_equal(fitted.transform(np.array([[[5.0], [-5.0]]])), [[[0.1], [0.1]]])


@pytest.mark.parametrize("limits", ["learned", "causal"])
def test_deviation_of_a_small_spread_about_a_large_mean(limits):
    """Sums of squares would cancel: 1e9 squared leaves no digit of 1e-2 squared."""
    noise = np.random.default_rng(0).normal(0, 1e-2, size=(1, 3000, 1))
    settings = {"by": "std", "limits": limits, "n_std": 0.5}
    expected = SequenceClipper(**settings).fit_transform(noise)
    for offset in (1e9, -1e9):
        answer = SequenceClipper(**settings).fit_transform(noise + offset) - offset
        np.testing.assert_allclose(answer, expected, atol=3e-6)


def test_deviation_after_an_outlier_at_the_beginning():
    X = np.random.default_rng(0).normal(size=(500, 1))
    X[0] = 1e8
    settings = {"by": "std", "quantile_range": None, "n_std": 1.0}
    clipped = SequenceClipper("std", limits="causal", n_std=1.0).fit_transform([X])[0]
    np.testing.assert_allclose(clipped, clipped_by_loop(X, settings), rtol=1e-9)


@pytest.mark.parametrize("by", ["quantile", "std"])
def test_a_channel_without_values_is_not_clipped(by):
    X = np.ones((2, 3, 2))
    X[:, :, 1] = nan
    fitted = clipper(by).fit(X)
    assert (fitted.lower_[1], fitted.upper_[1]) == (-np.inf, np.inf)
    np.testing.assert_array_equal(fitted.transform(X), X)
    X[0, 0, 1] = 5
    np.testing.assert_array_equal(fitted.transform(X), X)
    np.testing.assert_array_equal(clipper(by, "causal").fit_transform(X), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("by", "limits"), KINDS)
def test_all_forms_are_clipped_alike(by, limits, dtype):
    X = np.stack(gappy([8, 8, 8, 8], dtype=dtype))
    X[:, -1] = 0.5  # no padding
    expected = clipper(by, limits).fit_transform(X)
    assert (expected.shape, expected.dtype) == (X.shape, dtype)
    listed = clipper(by, limits).fit_transform(list(X))
    assert type(listed) is list
    objects = np.empty(4, dtype=object)
    objects[:] = list(X)
    as_objects = clipper(by, limits).fit_transform(objects)
    assert (as_objects.shape, as_objects.dtype) == ((4,), object)
    rows = clipper(by, limits, n_timesteps=8).fit_transform(X.reshape(4, 16))
    assert rows.shape == (4, 16)
    for same in (np.stack(listed), np.stack(as_objects), rows.reshape(X.shape)):
        np.testing.assert_array_equal(same, expected, strict=True)


@pytest.mark.parametrize(("by", "limits"), KINDS)
def test_padding_is_not_read_and_stays(by, limits):
    X = gappy([3, 6, 1], gaps=0)
    padded = np.full((3, 6, 2), nan)
    for entry, sequence in zip(padded, X, strict=True):
        entry[: len(sequence)] = sequence
    expected = clipper(by, limits).fit_transform(X)
    answer = clipper(by, limits).fit_transform(padded)
    for entry, sequence in zip(answer, expected, strict=True):
        np.testing.assert_array_equal(entry[: len(sequence)], sequence)
        assert np.isnan(entry[len(sequence) :]).all()


@pytest.mark.parametrize(("by", "limits"), KINDS)
def test_the_input_is_not_changed(by, limits):
    X = np.stack(gappy([8, 8]))
    copy = X.copy()
    answer = clipper(by, limits, quantile_range=(0, 100), n_std=100).fit_transform(X)
    np.testing.assert_array_equal(X, copy)
    assert not np.shares_memory(answer, X)


def test_names():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame([[1.0, 2, 3, nan], [5, 6, 7, 8]], columns=["a0", "b0", "a1", "b1"])
    answer = SequenceClipper(n_timesteps=2).set_output(transform="pandas").fit_transform(X)
    assert answer.columns.tolist() == X.columns.tolist()


def test_float32_clipped_to_limits_beyond_its_range():
    fitted = SequenceClipper().fit(np.array([[[1e300], [-1e300]]]))
    X = np.array([[[3e38], [-3e38]]], dtype=np.float32)
    np.testing.assert_array_equal(fitted.transform(X), X, strict=True)


# name: (parameters, X, what the error must say)
REFUSED = {
    "infinity": ({}, [[[1.0], [np.inf]]], "infinity: sample 0, step 1, channel 0"),
    "nothing but NaN": ({}, [[[1.0]], [[nan], [nan]]], "sample 1 holds nothing else"),
    "by": ({"by": "range"}, [[[1.0]]], "The 'by' parameter"),
    "limits": ({"limits": "past"}, [[[1.0]]], "The 'limits' parameter"),
    "n_std": ({"n_std": 0.0}, [[[1.0]]], "The 'n_std' parameter"),
    "n_timesteps": ({"n_timesteps": 0}, [[1.0]], "The 'n_timesteps' parameter"),
    "a number as range": ({"quantile_range": 5}, [[[1.0]]], "The 'quantile_range' parameter"),
    **{
        f"quantile_range={value}": (
            {"quantile_range": value},
            [[[1.0]]],
            "quantile_range must be two numbers",
        )
        for value in ((1,), (1, 2, 3), ("low", "high"), (None, 99), ((1, 2), (3, 4)))
    },
    **{
        f"quantile_range={value}": (
            {"quantile_range": value},
            [[[1.0]]],
            "percentages with 0 <= q_min < q_max <= 100",
        )
        for value in ((-1, 99), (1, 101), (99, 1), (50, 50), (nan, 50))
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_fit_refuses_changes_nothing(case):
    parameters, X, message = REFUSED[case]
    fitted = SequenceClipper().fit(gappy([3], 4)).set_params(**parameters)
    before = snapshot(fitted)
    with pytest.raises(ValueError, match=message):
        fitted.fit(X)
    assert snapshot(fitted) == before


def test_what_transform_refuses():
    with pytest.raises(NotFittedError):
        SequenceClipper().transform([[[1.0]]])
    fitted = SequenceClipper("std", limits="causal").fit(gappy([3], 2))
    with pytest.raises(ValueError, match="X has 3 channels, but SequenceClipper is expecting 2"):
        fitted.transform(gappy([3], 3))
