"""Series cut into windows: which ones, with which targets, in which memory; what is refused."""

from math import ceil

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from skfastgrnn.preprocessing import sliding_windows

numbers = np.arange(20.0)
table = np.arange(60.0).reshape(20, 3)
halves = np.repeat(["first", "second"], 10)


def looped(series, y, window, stride, horizon, lengths):
    """Windows, targets and last steps as three lists, in plain Python."""
    X, targets, index = [], [], []
    begin = 0
    for length in lengths:
        for start in range(begin, begin + length - window - horizon + 1, stride):
            stop = start + window
            X.append(series[start:stop])
            targets.append(y[stop : stop + horizon] if horizon else y[stop - 1 : stop])
            index.append(stop - 1)
        begin += length
    return X, targets, index


@st.composite
def tasks(draw):
    """Lengths of one to four groups and the parameters of a cut that answers at least a window."""
    window = draw(st.integers(1, 6))
    horizon = draw(st.integers(0, 4))
    lengths = draw(st.lists(st.integers(1, 25), min_size=1, max_size=4))
    lengths[draw(st.integers(0, len(lengths) - 1))] += window + horizon
    return lengths, {"window": window, "horizon": horizon, "stride": draw(st.integers(1, 7))}


@given(tasks(), st.integers(1, 3), st.sampled_from([None, 1, 2]), st.permutations("abcd"))
def test_equals_a_plain_loop(task, n_channels, n_outputs, names):
    lengths, parameters = task
    series = np.random.default_rng(0).standard_normal((sum(lengths), n_channels))
    y = None if n_outputs is None else np.arange(sum(lengths) * n_outputs).reshape(-1, n_outputs)
    groups = np.repeat(names[: len(lengths)], lengths)
    expected_X, expected_y, expected_index = looped(
        series, series if y is None else y, lengths=lengths, **parameters
    )
    X, targets, index = sliding_windows(series, y, groups=groups, **parameters)
    assert index.dtype == np.intp
    np.testing.assert_array_equal(index, expected_index)
    if len(lengths) > 1:
        assert (X.shape, X.dtype) == ((len(index),), object)
        X = np.stack(X)
    np.testing.assert_array_equal(X, expected_X)
    if y is None and parameters["horizon"] == 0:
        assert targets is None
        return
    expected_y = np.reshape(expected_y, (len(index), -1))
    if expected_y.shape[1] == 1:
        expected_y = expected_y[:, 0]
    np.testing.assert_array_equal(targets, expected_y, strict=True)
    if len(lengths) == 1:
        ungrouped = sliding_windows(series, y, **parameters)
        for part, same in zip(ungrouped, (X, targets, index), strict=True):
            np.testing.assert_array_equal(part, same, strict=True)


def test_fields_have_names():
    windows = sliding_windows(numbers, window=18, horizon=1)
    np.testing.assert_array_equal(windows.X[:, :, 0], [numbers[:18], numbers[1:19]])
    np.testing.assert_array_equal(windows.y, [18, 19])
    np.testing.assert_array_equal(windows.index, [17, 18])


def test_values_of_the_horizon_are_ordered_by_step():
    y = sliding_windows(table, window=4, horizon=2).y
    np.testing.assert_array_equal(y[0], [12, 13, 14, 15, 16, 17])
    np.testing.assert_array_equal(y[0], table[4:6].ravel())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("array", [numbers, table], ids=["one channel", "three channels"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_windows_and_targets_of_one_series_are_views(array, dtype, horizon):
    series = array.astype(dtype)
    X, y, _ = sliding_windows(series, window=5, stride=2, horizon=horizon)
    for part in (X, y):
        assert part.dtype == dtype
        assert np.shares_memory(part, series)
        assert not part.flags.writeable
    series[5] = -1
    assert (X[1, 3] == -1).all()
    assert (np.atleast_1d(y[0])[: X.shape[2]] == -1).all()


def test_windows_of_groups_are_views_of_one_array():
    series = table.astype(np.float32)
    X = sliding_windows(series, window=5, groups=halves).X
    for window in X:
        assert window.dtype == np.float32
        assert window.base is series
        assert not window.flags.writeable
    assert series.flags.writeable


def test_given_targets_are_a_view():
    y = np.arange(20)
    for horizon in (0, 1, 4):
        targets = sliding_windows(table, y, window=5, horizon=horizon).y
        assert targets.dtype == y.dtype
        assert np.shares_memory(targets, y)


def test_columns_in_memory_order():
    """Targets that no view can show are copied; windows stay views."""
    series = np.asfortranarray(table)
    X, y, _ = sliding_windows(series, window=5, horizon=2)
    assert np.shares_memory(X, series)
    np.testing.assert_array_equal(y, sliding_windows(table, window=5, horizon=2).y)


@pytest.mark.parametrize("groups", [None, halves], ids=["one series", "groups"])
def test_read_only_memory_map(groups, tmp_path):
    np.save(tmp_path / "series.npy", table)
    series = np.load(tmp_path / "series.npy", mmap_mode="r")
    X, y, index = sliding_windows(series, window=5, horizon=2, groups=groups)
    assert all(np.shares_memory(window, series) for window in X)
    expected = sliding_windows(table, window=5, horizon=2, groups=groups)
    np.testing.assert_array_equal(np.stack(X), np.stack(expected.X))
    np.testing.assert_array_equal(y, expected.y)
    np.testing.assert_array_equal(index, expected.index)


@pytest.mark.parametrize("dtype", ["int8", "uint64", "bool", "float16", ">f4", "longdouble", "O"])
def test_other_numbers_become_float64(dtype):
    series = (numbers % 2).astype(dtype)
    X, y, _ = sliding_windows(series, window=19, horizon=1)
    assert X.dtype == y.dtype == np.float64
    np.testing.assert_array_equal(X[0, :, 0], numbers[:19] % 2)


def test_lists():
    X, y, _ = sliding_windows([1, 2, 3], ["a", "b", "c"], window=2, groups=[7, 7, 7])
    np.testing.assert_array_equal(X, [[[1.0], [2.0]], [[2.0], [3.0]]])
    assert y.tolist() == ["b", "c"]


def test_nan_and_infinity_stay():
    series = np.array([0, np.nan, np.inf, 3])
    X, y, _ = sliding_windows(series, window=2, horizon=1)
    np.testing.assert_array_equal(X[:, :, 0], [[0, np.nan], [np.nan, np.inf]])
    np.testing.assert_array_equal(y, [np.inf, 3])


@pytest.mark.parametrize("groups", [None, halves], ids=["one series", "groups"])
def test_pandas(groups):
    pd = pytest.importorskip("pandas")
    dates = pd.date_range("2024-01-01", periods=20)[::-1]
    frame = pd.DataFrame(table, index=dates, columns=list("abc"))
    label = pd.Series(numbers.astype(int), index=dates)
    series_of_groups = None if groups is None else pd.Series(groups, index=dates)
    parameters = {"window": 5, "horizon": 1}
    for series, plain in ((frame, table), (frame["a"], table[:, 0])):
        X, y, index = sliding_windows(series, label, groups=series_of_groups, **parameters)
        expected = sliding_windows(plain, numbers.astype(int), groups=groups, **parameters)
        np.testing.assert_array_equal(np.stack(X), np.stack(expected.X))
        np.testing.assert_array_equal(y, expected.y, strict=True)
        np.testing.assert_array_equal(index, expected.index)
        assert len(dates[index]) == len(X)


def test_pandas_missing_values_are_nan():
    pd = pytest.importorskip("pandas")
    X = sliding_windows(pd.Series([1, None, 3], dtype="Int64"), window=3).X
    np.testing.assert_array_equal(X, [[[1.0], [np.nan], [3.0]]])


@pytest.mark.parametrize("horizon", [0, 1])
@pytest.mark.parametrize("groups", [None, halves], ids=["one series", "groups"])
@pytest.mark.parametrize("kind", [np.array, lambda labels: np.array(labels, object), list])
def test_labels(kind, groups, horizon):
    labels = [f"label {i}" for i in range(20)]
    parameters = {"window": 3, "stride": 2, "horizon": horizon, "groups": groups}
    _, y, index = sliding_windows(table, kind(labels), **parameters)
    assert y.tolist() == [labels[i + horizon] for i in index]


def test_pandas_labels():
    pd = pytest.importorskip("pandas")
    labels = pd.Series(halves)
    for y in (labels, labels.astype("category")):
        assert sliding_windows(table, y, window=10).y.tolist() == ["first"] + 10 * ["second"]


def test_groups_of_any_kind():
    numbered = np.repeat([3, 1, 2], [6, 1, 5])
    expected = sliding_windows(numbers[:12], window=4, groups=numbered)
    assert expected.index.tolist() == [3, 4, 5, 10, 11]
    for names in (
        np.array(["x", "yy", "z"]),
        np.array(["x", 5, ("a", "tuple")], dtype=object),
        np.array([0.5, -1.0, np.inf]),
        np.array(["2024-02-01", "2024-01-01", "2024-03-01"], dtype="M8[D]"),
        np.array([1, 2**63, 0], dtype=np.uint64),
    ):
        groups = names[numbered - 1]
        np.testing.assert_array_equal(
            sliding_windows(numbers[:12], window=4, groups=groups).index, expected.index
        )
    mixed = [1] * 6 + ["1"] * 6  # which NumPy would make one
    assert len(sliding_windows(numbers[:12], window=6, groups=mixed).X) == 2


def test_groups_that_are_too_short_are_left_out():
    groups = np.repeat(["short", "long", "shorter"], [5, 13, 2])
    X, y, index = sliding_windows(numbers, window=4, horizon=2, groups=groups)
    assert X.shape == (8,)
    assert set(groups[index]) == {"long"}
    assert y[-1].tolist() == [16, 17]


def test_numpy_integers_do_not_overflow():
    series = np.arange(400.0)
    sizes = {"window": np.uint8(200), "horizon": np.uint8(100), "stride": np.uint8(150)}
    X, y, index = sliding_windows(series, **sizes)
    assert (X.shape, y.shape, index.tolist()) == ((1, 200, 1), (1, 100), [199])


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 9), st.integers(2, 4))
def test_gaps_between_training_and_test(window, stride, horizon, n_splits):
    """The gaps that the Notes name keep targets, or windows, apart; a smaller one does not."""
    n_steps = window + horizon + 150 * stride
    X, _, index = sliding_windows(np.arange(n_steps), window=window, stride=stride, horizon=horizon)

    def distances(gap):
        """Steps from the last target or window of the training to the first of the test."""
        for train, test in TimeSeriesSplit(n_splits, gap=gap).split(X):
            known = index[train].max() + horizon
            yield index[test].min() - known, index[test].min() - window + 1 - known

    if horizon:
        gap = ceil(horizon / stride) - 1
        assert all(of_targets >= 0 for of_targets, _ in distances(gap))
        assert gap == 0 or any(of_targets < 0 for of_targets, _ in distances(gap - 1))
    gap = ceil((window + horizon) / stride) - 1
    assert all(of_windows > 0 for _, of_windows in distances(gap))
    assert gap == 0 or any(of_windows <= 0 for _, of_windows in distances(gap - 1))


def test_windows_of_groups_can_be_split():
    X = sliding_windows(table, window=4, groups=halves).X
    train, test = next(iter(TimeSeriesSplit(2).split(X)))
    assert X[train].shape == train.shape
    assert X[test][0] is X[test[0]]


def of_library(name):
    """An array that claims to come from another library."""
    return type("Tensor", (), {"__module__": f"{name}.somewhere"})()


def replaced(step, value):
    groups = halves.astype(object)
    groups[step] = value
    return groups


# name: (arguments beside window=4 and 20 steps of a series, what the error must say)
REFUSED = {
    "window longer than the series": (
        {"window": 21},
        "series has 20 steps, but window=21 and horizon=0 need 21",
    ),
    "horizon beyond the series": (
        {"horizon": 17},
        "series has 20 steps, but window=4 and horizon=17 need 21",
    ),
    "all groups too short": (
        {"window": 9, "horizon": 2, "groups": halves},
        "the longest group has 10 steps, but window=9 and horizon=2 need 11",
    ),
    "3-D series": ({"series": np.zeros((2, 10, 3))}, "series has 3 dimensions.*by groups"),
    "0-D series": ({"series": 3.0}, "at least 1 dimension"),
    "empty series": ({"series": []}, r"0 sample\(s\)"),
    "no channels": ({"series": np.zeros((20, 0))}, r"0 feature\(s\)"),
    "words": ({"series": ["word"] * 20}, "could not convert string to float"),
    "sparse": ({"series": scipy.sparse.csr_matrix(table)}, "Sparse data was passed"),
    "dask series": ({"series": of_library("dask")}, "series is a dask object"),
    "torch targets": ({"y": of_library("torch")}, "y is a torch object"),
    "dask groups": ({"groups": of_library("dask")}, "groups is a dask object"),
    "y of another length": ({"y": numbers[1:]}, "y has 19 steps, but series has 20"),
    "3-D y": ({"y": np.zeros((20, 1, 1))}, "y has 3 dimensions"),
    "groups of another length": ({"groups": halves[1:]}, "groups has 19 steps, but series has 20"),
    "2-D groups": ({"groups": halves[:, None]}, "groups has 2 dimensions"),
    "interleaved groups": (
        {"groups": np.tile(["a", "b"], 10)},
        "Group a is interrupted by another and resumes at step 2.*kind='stable'",
    ),
    "a stray step": ({"groups": replaced(3, "second")}, "Group first .*resumes at step 4"),
    "None in groups": ({"groups": replaced(3, None)}, r"missing value \(None\) at step 3"),
    "NaN in groups": ({"groups": [*numbers[:19], np.nan]}, r"missing value \(nan\) at step 19"),
    "NaN beside words": ({"groups": ["a", np.nan] * 10}, r"missing value \(nan\) at step 1"),
    "NaT in groups": (
        {"groups": np.array(["2024-01-01"] * 19 + ["NaT"], dtype="M8[ns]")},
        r"missing value \(NaT\) at step 19",
    ),
    **{
        f"{name}={value!r}": (
            {name: value},
            rf"The '{name}' parameter of sliding_windows must be an int in the range \[{least}",
        )
        for name, least in (("window", 1), ("stride", 1), ("horizon", 0))
        for value in (least - 1, 2.0, True, np.True_, "2", None)
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input(case):
    arguments, message = REFUSED[case]
    with pytest.raises((ValueError, TypeError), match=message):
        sliding_windows(**{"series": numbers, "window": 4, **arguments})


def test_missing_groups_of_pandas():
    pd = pytest.importorskip("pandas")
    groups = pd.Series(replaced(3, pd.NA), dtype="string")
    with pytest.raises(ValueError, match=r"missing value \(.*\) at step 3"):
        sliding_windows(numbers, window=4, groups=groups)


def test_the_sort_that_the_error_advises():
    groups = np.tile(["a", "b"], 10)
    order = np.argsort(groups, kind="stable")
    windows = sliding_windows(numbers[order], window=10, groups=groups[order])
    np.testing.assert_array_equal([x[:, 0] for x in windows.X], [numbers[::2], numbers[1::2]])
