"""SequenceImputer: what gaps are filled with, by which past, and what tells where."""

import numpy as np
import pytest
from helpers.estimators import quick, snapshot
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skfastgrnn.preprocessing import SequenceImputer

nan = np.nan
STRATEGIES = ["forward", "linear", "mean"]


def gappy(lengths, n_channels=2, dtype=np.float64, *, gaps=0.4, seed=0):
    """A list of sequences with gaps; the last channel is missing throughout the first sequence.

    Each sequence begins with a step that is known.
    """
    rng = np.random.default_rng(seed)
    sequences = []
    for length in lengths:
        values = rng.normal(3, 2, size=(length, n_channels)).astype(dtype)
        values[rng.random(values.shape) < gaps] = nan
        values[0, 0] = 1
        sequences.append(values)
    if n_channels > 1:
        sequences[0][:, -1] = nan
    return sequences


def filled_by_pandas(sequence, means, strategy):
    frame = pytest.importorskip("pandas").DataFrame(sequence)
    if strategy == "forward":
        frame = frame.ffill()
    elif strategy == "linear":
        frame = frame.interpolate(limit_direction="both")
    return frame.fillna(dict(enumerate(means))).to_numpy()


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.integers(1, 3),
    st.sampled_from([0.1, 0.5, 0.9]),
    st.integers(0, 99),
)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_equals_pandas(strategy, lengths, n_channels, gaps, seed):
    X = gappy(lengths, n_channels, gaps=gaps, seed=seed)
    imputer = SequenceImputer(strategy).fit(X)
    for sequence, filled in zip(X, imputer.transform(X), strict=True):
        expected = filled_by_pandas(sequence, imputer.statistics_, strategy)
        if strategy == "linear":
            np.testing.assert_allclose(filled, expected, rtol=1e-12, atol=1e-12)
        else:
            np.testing.assert_array_equal(filled, expected)


def test_means_are_those_of_simple_imputer():
    X = gappy([4, 7, 2])
    steps = np.concatenate(X)
    simple = SimpleImputer().fit(steps)
    imputer = SequenceImputer("mean").fit(X)
    np.testing.assert_array_equal(imputer.statistics_, simple.statistics_)
    np.testing.assert_array_equal(np.concatenate(imputer.transform(X)), simple.transform(steps))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_channel_that_is_missing_everywhere(strategy):
    X = [np.array([[1, nan], [nan, nan]])]
    imputer = SequenceImputer(strategy).fit(X)
    np.testing.assert_array_equal(imputer.statistics_, [1, 0])
    np.testing.assert_array_equal(imputer.transform(X), [[[1, 0], [1, 0]]])
    known_by_now = [np.array([[nan, 8.0]])]
    np.testing.assert_array_equal(imputer.transform(known_by_now), [[[1, 8]]])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_gaps_in_a_channel_that_had_none(strategy):
    imputer = SequenceImputer(strategy, add_indicator=True).fit([np.ones((3, 2))])
    assert imputer.indicator_.features_.size == 0
    filled = imputer.transform([np.array([[nan, 2.0]])])
    np.testing.assert_array_equal(filled, [[[1, 2]]])


def test_neighbours_are_not_those_of_another_sequence():
    X = [np.array([[9.0], [8.0]]), np.array([[nan], [1.0], [nan]]), np.array([[7.0]])]
    for strategy, expected in (("forward", [6.25, 1, 1]), ("linear", [1, 1, 1])):
        filled = SequenceImputer(strategy).fit_transform(X)
        np.testing.assert_array_equal(filled[1][:, 0], expected)


def test_indicator_tells_where():
    X = gappy([4, 7, 2], 3)
    X = [np.insert(sequence, 1, 5.0, axis=1) for sequence in X]  # a channel without gaps
    imputer = SequenceImputer(add_indicator=True).fit(X)
    np.testing.assert_array_equal(imputer.indicator_.features_, [0, 2, 3])
    plain = SequenceImputer().fit_transform(X)
    for sequence, filled, told in zip(X, plain, imputer.transform(X), strict=True):
        np.testing.assert_array_equal(told[:, :4], filled)
        np.testing.assert_array_equal(told[:, 4:], np.isnan(sequence)[:, [0, 2, 3]])
    assert SequenceImputer().fit(X).indicator_ is None


def padded(X, n_timesteps):
    """Sequences of a list as 3-D X."""
    out = np.full((len(X), n_timesteps, X[0].shape[1]), nan, dtype=X[0].dtype)
    for entry, sequence in zip(out, X, strict=True):
        entry[: len(sequence)] = sequence
    return out


@pytest.mark.parametrize("add_indicator", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_all_forms_are_filled_alike(strategy, dtype, add_indicator):
    X = gappy([6, 6, 6, 6], dtype=dtype)
    X[0][-1] = X[1][-1] = X[2][-1] = X[3][-1] = 2.5  # no padding in 3-D
    settings = {"strategy": strategy, "add_indicator": add_indicator}
    expected = SequenceImputer(**settings).fit_transform(np.stack(X))
    assert (expected.shape, expected.dtype) == ((4, 6, 4 if add_indicator else 2), dtype)

    listed = SequenceImputer(**settings).fit_transform(X)
    assert type(listed) is list
    objects = np.empty(4, dtype=object)
    objects[:] = X
    as_objects = SequenceImputer(**settings).fit_transform(objects)
    assert (as_objects.shape, as_objects.dtype) == ((4,), object)
    rows = SequenceImputer(**settings, n_timesteps=6).fit_transform(np.reshape(X, (4, 12)))
    assert rows.shape == (4, expected[0].size)
    for same in (np.stack(listed), np.stack(as_objects), rows.reshape(expected.shape)):
        np.testing.assert_array_equal(same, expected, strict=True)


def test_flat_sequences():
    X = [np.array([1, nan, 3.0]), np.array([nan, 5.0])]
    filled = SequenceImputer("linear").fit_transform(X)
    assert [member.tolist() for member in filled] == [[1, 2, 3], [5, 5]]
    told = SequenceImputer("linear", add_indicator=True).fit_transform(X)
    assert told[1].tolist() == [[5, 1], [5, 0]]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_padding_is_not_read_and_stays(strategy):
    X = gappy([3, 5, 1])
    for sequence in X:
        sequence[-1, 0] = 4
    imputer = SequenceImputer(strategy, add_indicator=True)
    expected = imputer.fit_transform(X)
    means = imputer.statistics_
    answer = imputer.fit_transform(padded(X, 9))
    np.testing.assert_array_equal(answer, padded(expected, 9))
    np.testing.assert_array_equal(imputer.statistics_, means)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_company_does_not_matter(strategy):
    X = gappy([3, 9, 1, 40, 9], 3, np.float32)
    imputer = SequenceImputer(strategy, add_indicator=True).fit(X)
    for sequence, filled in zip(X, imputer.transform(X), strict=True):
        assert imputer.transform([sequence])[0].tobytes() == filled.tobytes()


@given(st.integers(2, 20), st.integers(0, 99), st.data())
def test_forward_never_sees_the_future(length, seed, data):
    """Neither what comes nor whether it comes changes what was filled before."""
    now = data.draw(st.integers(0, length - 2))
    X, other = gappy([length, length], 3, seed=seed)
    other[: now + 1] = X[: now + 1]
    imputer = SequenceImputer(add_indicator=True).fit([X])
    until_now = imputer.transform([X[: now + 1]])[0].tobytes()
    for whole in (X, other):
        assert imputer.transform([whole])[0][: now + 1].tobytes() == until_now


def test_linear_sees_the_future():
    imputer = SequenceImputer("linear").fit([[[1.0], [nan], [3.0]]])
    answers = [imputer.transform([np.array([[1], [nan], [last]])])[0] for last in (3.0, 5.0)]
    assert answers[0][1] != answers[1][1]


def test_extreme_neighbours():
    """No difference overflows, and rounding does not carry a line past its ends."""
    most = np.finfo(np.float64).max
    filled = SequenceImputer("linear").fit_transform([np.array([[-most], [nan], [nan], [most]])])
    assert np.isfinite(filled[0]).all()
    constant = np.full((50, 1), 0.1)
    constant[1:-1] = nan
    assert (SequenceImputer("linear").fit_transform([constant])[0] == 0.1).all()


def test_mean_of_much_float32():
    """Added up in float32, so many steps would be off in the third digit."""
    X = np.full((1000, 1000, 1), 1.1, dtype=np.float32)
    X[0, 0] = nan
    imputer = SequenceImputer("mean").fit(X)
    assert imputer.statistics_[0] == pytest.approx(np.float32(1.1), rel=1e-9)
    assert imputer.transform(X)[0, 0, 0] == np.float32(1.1)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("gaps", [0, 0.4])
def test_the_input_is_not_changed(strategy, gaps):
    X = np.stack(gappy([5, 5], gaps=gaps)).reshape(2, 10)
    X[0] = 1
    copy = X.copy()
    answer = SequenceImputer(strategy, n_timesteps=5).fit_transform(X)
    np.testing.assert_array_equal(X, copy)
    assert not np.shares_memory(answer, X)


def test_names():
    pd = pytest.importorskip("pandas")
    names = ["a0", "b0", "a1", "b1"]
    X = pd.DataFrame([[1, 2, 3, nan], [5, nan, 7, 8]], columns=names)
    imputer = SequenceImputer(n_timesteps=2, add_indicator=True).set_output(transform="pandas")
    expected = ["a0", "b0", "missingindicator_b0", "a1", "b1", "missingindicator_b1"]
    assert imputer.fit_transform(X).columns.tolist() == expected
    told = [[1, 2, 0, 3, 2, 1], [5, 5, 1, 7, 8, 0]]
    np.testing.assert_array_equal(imputer.transform(X), told)
    assert imputer.set_params(add_indicator=False).fit_transform(X).columns.tolist() == names
    series = SequenceImputer(add_indicator=True).fit(X)  # one channel, four steps
    expected = ["a0", "missingindicator_a0", "b0", "missingindicator_b0"]
    assert series.get_feature_names_out()[:4].tolist() == expected


def test_configured_output_does_not_reach_inside():
    pytest.importorskip("pandas")
    X = gappy([4, 3])
    expected = SequenceImputer(add_indicator=True).fit_transform(X)
    with config_context(transform_output="pandas"):
        imputer = SequenceImputer(add_indicator=True).fit(X)
        answer = imputer.transform(X)
        assert type(imputer.indicator_.transform(X[0])) is np.ndarray
    for same, filled in zip(answer, expected, strict=True):
        np.testing.assert_array_equal(same, filled, strict=True)


def test_before_a_classifier():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.standard_normal((60, 6, 2)) + y[:, None, None]
    X[:, 1:-1][rng.random((60, 4, 2)) < 0.3] = nan
    model = make_pipeline(SequenceImputer(add_indicator=True), quick())
    assert cross_val_score(model, X, y, error_score="raise").mean() > 0.7


# name: (parameters, X, what the error must say)
REFUSED = {
    "infinity": ({}, [[[1.0], [np.inf]]], "infinity: sample 0, step 1, channel 0"),
    "nothing but NaN": ({}, [[[1.0]], [[nan], [nan]]], "sample 1 holds nothing else"),
    "strategy": ({"strategy": "backward"}, [[[1.0]]], "The 'strategy' parameter"),
    "add_indicator": ({"add_indicator": "yes"}, [[[1.0]]], "The 'add_indicator' parameter"),
    "n_timesteps": ({"n_timesteps": 0}, [[1.0]], "The 'n_timesteps' parameter"),
    "columns": ({"n_timesteps": 2}, [[1.0, 2.0, 3.0]], "not a multiple of n_timesteps=2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_fit_refuses_changes_nothing(case):
    parameters, X, message = REFUSED[case]
    imputer = SequenceImputer(add_indicator=True).fit(gappy([3], 4)).set_params(**parameters)
    before = snapshot(imputer)
    with pytest.raises(ValueError, match=message):
        imputer.fit(X)
    assert snapshot(imputer) == before


def test_what_transform_refuses():
    with pytest.raises(NotFittedError):
        SequenceImputer().transform([[[1.0]]])
    imputer = SequenceImputer().fit(gappy([3], 2))
    with pytest.raises(ValueError, match="X has 3 channels, but SequenceImputer is expecting 2"):
        imputer.transform(gappy([3], 3))
    with pytest.raises(ValueError, match="infinity: sample 0, step 0, channel 1"):
        imputer.transform([[[1.0, np.inf]]])
