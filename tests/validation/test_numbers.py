"""Dates, masks and large integers: what NumPy would read as other numbers than were meant."""

import datetime
import re

import numpy as np
import pytest
from helpers.estimators import bits, quick, sequences, snapshot

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.preprocessing import SequenceImputer, SequenceStandardScaler, sliding_windows

X, y = sequences(30, n_timesteps=5, n_channels=3)
rows = X.reshape(30, 15)
days = np.datetime64("2026-01-01", "ns") + np.arange(5) * np.timedelta64(1, "D")
spans = days - days[0]
noon = datetime.datetime(2026, 1, 1, 12)
AXES = "sample 0, step 0, channel 0"


def regressor():
    return FastGRNNRegressor(hidden_size=3, max_iter=2, n_iter_no_change=np.inf, random_state=0)


def with_date(date, place=(2, 1, 0)):
    objects = X.astype(object)
    objects[place] = date
    return objects


# Dates and time spans in X

DATES = {
    "an array of dates": (np.tile(days[:, None], (30, 1, 1)), f"dates: {AXES}"),
    "an array of spans": (np.tile(spans[:, None], (30, 1, 1)), f"time spans: {AXES}"),
    "rows of dates": (np.tile(days, (30, 1)), "dates: sample 0, column 0"),
    "a list of arrays": ([*X[:7], np.tile(days[:, None], 3)], "dates: sample 7, step 0, channel 0"),
    "a list of series": ([spans[:2], spans[:3]], "time spans: sample 0, step 0"),
    "nested lists": ([[[1.0], [2.0]], [[noon], [noon]]], "dates: sample 1, step 0, channel 0"),
    "datetime": (with_date(noon), "dates: sample 2, step 1, channel 0"),
    "date": (with_date(noon.date()), "dates: sample 2, step 1, channel 0"),
    "time of day": (with_date(noon.time()), "times of day: sample 2, step 1, channel 0"),
    "timedelta": (with_date(noon - noon), "time spans: sample 2, step 1, channel 0"),
    "timedelta64": (with_date(np.timedelta64(1, "s")), "time spans: sample 2, step 1, channel 0"),
    "rows of objects": (with_date(noon).reshape(30, 15), "dates: sample 2, column 3"),
}


@pytest.mark.parametrize("case", DATES)
def test_dates_are_refused(case):
    given, message = DATES[case]
    labels = np.arange(len(given)) % 2
    fitted = quick().fit(X, y)
    before = snapshot(fitted)
    for model, use in (
        (fitted, lambda: fitted.fit(given, labels)),
        (None, lambda: SequenceStandardScaler().fit(given)),
        (fitted, lambda: fitted.fit(X, y, X_val=given, y_val=labels)),
    ):
        with pytest.raises(
            ValueError, match=f"Input X(_val)? contains {message} .* into numbers, such as"
        ):
            use()
        assert model is None or snapshot(model) == before


@pytest.mark.parametrize("kind", ["dates", "zone", "spans", "period"])
def test_columns_of_dates_are_named(kind):
    pd = pytest.importorskip("pandas")
    columns = {
        "dates": days,
        "zone": pd.to_datetime(days, utc=True),
        "spans": spans,
        "period": pd.period_range("2026", periods=5),
    }
    frames = [pd.DataFrame(x, columns=list("abc")) for x in X]
    frames[4] = frames[4].assign(b=columns[kind])
    what = {"spans": "time spans", "period": "periods"}.get(kind, "dates")
    with pytest.raises(ValueError, match=f"{what}: sample 4, step 0, channel 'b'"):
        quick().fit(frames, y)
    table = pd.DataFrame(rows, columns=[f"c{i}" for i in range(15)]).assign(when=columns[kind][0])
    with pytest.raises(ValueError, match=f"{what}: sample 0, column 'when'"):
        quick().fit(table, y)


def test_columns_of_dates_in_polars_are_named():
    pl = pytest.importorskip("polars")
    frames = [pl.DataFrame(x, schema=list("abc")) for x in X]
    frames[4] = frames[4].with_columns(b=pl.Series(days))
    with pytest.raises(ValueError, match="dates: sample 4, step 0, channel 'b'"):
        quick().fit(frames, y)
    table = pl.DataFrame(rows).with_columns(when=pl.lit(noon.date()))
    with pytest.raises(ValueError, match="dates: sample 0, column 'when'"):
        quick().fit(table, y)


def test_the_advice_for_dates_gives_numbers():
    pd = pytest.importorskip("pandas")
    seconds = 86400.0 * np.arange(5)
    moments = days.astype("datetime64[us]").tolist()
    zone = pd.Series(pd.to_datetime(days, utc=True))
    periods = pd.period_range("2026-01-01", periods=5)
    names = {"np": np}
    for times, words in (
        ({"dates": days}, "(dates - dates[0]) / np.timedelta64(1, 's')"),
        ({"dates": pd.Series(days)}, "(dates - dates[0]) / np.timedelta64(1, 's')"),
        ({"spans": spans}, "spans / np.timedelta64(1, 's')"),
        ({"dates": moments}, "[(d - dates[0]).total_seconds() for d in dates]"),
        ({"dates": zone}, "[(d - dates[0]).total_seconds() for d in dates]"),
        ({"spans": [m - moments[0] for m in moments]}, "[s.total_seconds() for s in spans]"),
    ):
        (values,) = times.values()
        with pytest.raises(ValueError, match=re.escape(words)):
            quick().fit([values, values[:3]], [0, 1])
        np.testing.assert_array_equal(eval(words, {**names, **times}), seconds)
    with pytest.raises(ValueError, match=r"periods: sample 0, step 0 .*by to_timestamp"):
        quick().fit([periods, periods[:3]], [0, 1])
    stamps = periods.to_timestamp()
    np.testing.assert_array_equal((stamps - stamps[0]) / np.timedelta64(1, "s"), seconds)


# Dates in y, weights and series

TARGETS = {
    "dates": (days[0] + np.arange(30) * np.timedelta64(1, "h"), "dates: sample 0"),
    "spans": (np.arange(30) * np.timedelta64(1, "h"), "time spans: sample 0"),
    "a list": ([1.0] * 29 + [noon], "dates: sample 29"),
    "two outputs": (with_date(noon)[:, 1, :2], "dates: sample 2, output 0"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_dates_are_no_targets(case):
    target, message = TARGETS[case]
    with pytest.raises(ValueError, match=f"Input y contains {message}"):
        regressor().fit(X, target)
    with pytest.raises(ValueError, match=f"Input y_val contains {message}"):
        regressor().fit(X, np.ones(np.shape(target)), X_val=X, y_val=target)


def test_dates_are_labels_as_in_scikit_learn():
    model = quick().fit(X, days[y])
    assert bits(model) == bits(quick().fit(X, y))
    assert set(model.predict(X)) <= set(days[:2])


def test_time_spans_are_no_weights():
    with pytest.raises(ValueError, match="sample_weight contains time spans: sample 0"):
        quick().fit(X, y, sample_weight=np.arange(30) * np.timedelta64(1, "h"))


def test_dates_are_no_series():
    with pytest.raises(ValueError, match="Input series contains dates: step 0 "):
        sliding_windows(days, window=2)


# Masked arrays: a mask is a gap

MASKED = {
    "3-D": lambda X: X,
    "2-D": lambda X: X.reshape(len(X), -1),
    "list": list,
    "list of rows": lambda X: list(X.reshape(len(X), -1)),
    "lists of steps": lambda X: [list(x) for x in X],
    "integers": lambda X: np.ma.array((X.data * 9).astype(int), mask=X.mask),
}


@pytest.mark.parametrize("form", MASKED)
def test_a_mask_is_a_gap(form):
    masked = np.ma.array(X, mask=False)
    masked[3, 2, 1] = np.ma.masked
    given = MASKED[form](masked)
    where = "step 7, channel 0" if form in ("2-D", "list of rows") else "step 2, channel 1"
    with pytest.raises(ValueError, match=f"NaN: sample 3, {where}"):
        quick().fit(given, y)
    filled = MASKED[form](np.ma.array(X))
    filled = np.array(filled, dtype=float)
    filled.reshape(30, -1)[3, 7] = np.nan
    expected = SequenceImputer().fit_transform(filled)
    np.testing.assert_array_equal(SequenceImputer().fit_transform(given), expected)


def test_masked_steps_at_the_end_are_padding():
    masked, padded = np.ma.array(X, mask=False), X.copy()
    masked[:9, 3:] = np.ma.masked
    padded[:9, 3:] = np.nan
    assert bits(quick().fit(masked, y)) == bits(quick().fit(padded, y))
    assert bits(quick().fit(np.ma.array(X), y)) == bits(quick().fit(X, y))


def test_float32_stays_float32_behind_a_mask():
    masked = np.ma.array(X.astype(np.float32), mask=False)
    masked[0, 4] = np.ma.masked
    assert quick().fit(masked, y).params_["W"].dtype == np.float32


def test_masked_targets_labels_and_weights_are_refused():
    masked = np.ma.array(y.astype(float), mask=np.arange(30) == 4)
    with pytest.raises(ValueError, match="y contains NaN: sample 4 has no target"):
        regressor().fit(X, masked)
    with pytest.raises(ValueError, match="y contains a masked entry: sample 4 has no label"):
        quick().fit(X, masked)
    with pytest.raises(ValueError, match="sample_weight contains NaN: sample 4"):
        quick().fit(X, y, sample_weight=masked)


def test_masked_series_have_gaps():
    series = np.ma.array(np.arange(5.0), mask=[0, 1, 0, 0, 0])
    windows = sliding_windows(series, window=2).X[:, :, 0]
    np.testing.assert_array_equal(windows, [[0, np.nan], [np.nan, 2], [2, 3], [3, 4]])
    labels = np.ma.array(["a", "b", "a", "b", "a"], mask=[0, 1, 0, 0, 0])
    assert list(sliding_windows(np.arange(5.0), labels, window=2).y) == [None, "a", "b", "a"]
    dates = np.ma.array(days, mask=[0, 1, 0, 0, 0])
    assert np.isnat(sliding_windows(np.arange(5.0), dates, window=2).y).tolist() == [1, 0, 0, 0]
    with pytest.raises(ValueError, match="groups has a missing value"):
        sliding_windows(np.arange(5.0), window=2, groups=labels)


# Integers that float64 cannot tell apart

large = 2**53 + 1 + np.arange(30)[:, None, None] * np.ones((5, 3), dtype=np.int64)
LARGE = {
    "3-D": large,
    "uint64": large.astype(np.uint64),
    "negative": -large,
    "rows": large.reshape(30, 15),
    "list": list(large),
    "nested lists": large.reshape(30, 15).tolist(),
    "beside floats": [[0.5, 2**53 + 1]] * 30,
    "objects": large.astype(object),
}


@pytest.mark.parametrize("case", LARGE)
def test_integers_that_would_merge_are_refused(case):
    with pytest.raises(ValueError, match=r"integers beyond 2\*\*53.*: sample 0, .*90071992547409"):
        quick().fit(LARGE[case], y)


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
def test_columns_of_identifiers_are_named(dtype):
    pd = pytest.importorskip("pandas")
    frames = [pd.DataFrame(x, columns=list("abc")) for x in X]
    frames[4]["c"] = pd.Series(2**53 + np.arange(5), dtype=dtype)
    with pytest.raises(
        ValueError, match=r"2\*\*53.*sample 4, step 1, channel 'c' \(9007199254740993"
    ):
        quick().fit(frames, y)
    table = pd.DataFrame({"a": X[:, 0, 0], "id": pd.Series(2**60 + np.arange(30), dtype=dtype)})
    with pytest.raises(ValueError, match=r"2\*\*53.*sample 0, column 'id'"):
        quick().fit(table, y)


def test_integers_up_to_that_size_are_numbers():
    exact = X.copy()
    exact[0, 0] = 2.0**53
    assert bits(quick().fit(exact.astype(np.int64), y)) == bits(
        quick().fit(exact.astype(np.int64).astype(float), y)
    )
    huge = np.where(X > 2, 2.0**60, X)  # floats are what they are, however large
    assert bits(quick().fit(huge.tolist(), y)) == bits(quick().fit(huge, y))


@pytest.mark.parametrize("target", [2**60 + np.arange(30), [2**60 + i for i in range(30)]])
def test_targets_that_would_merge_are_refused(target):
    with pytest.raises(ValueError, match=r"y contains integers beyond 2\*\*53.*: sample 0 "):
        regressor().fit(X, target)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64", "list"])
def test_large_integers_are_labels(dtype):
    pd = pytest.importorskip("pandas")
    names = [2**60 + 1, 2**60 + 2]
    labels = [names[i] for i in y]
    if dtype != "list":
        labels = pd.Series(labels, dtype=dtype)
    model = quick(max_iter=50).fit(X, labels)
    assert model.classes_.tolist() == names
    assert model.score(X, np.array(names)[y]) > 0.8
    with pytest.raises(ValueError, match="not in classes"):
        model.fit(X, labels, X_val=X, y_val=y + 2**60 + 2)


def test_labels_that_a_list_would_merge_are_refused():
    with pytest.raises(ValueError, match=r"y contains integers beyond 2\*\*53.*sample 0 "):
        quick().fit(X, [2**63 + 1, -1] * 15)  # NumPy has no integers for both


# Strings are read as scikit-learn reads them


def test_strings_that_look_like_numbers_are_numbers():
    expected = bits(quick().fit(X, y))
    for given in (X.astype(str), X.astype(str).astype(object), [x.astype(str) for x in X]):
        assert bits(quick().fit(given, y)) == expected
    with pytest.raises(ValueError, match=r"no number: sample 1, step 2, channel 0: .*'1,5'"):
        quick().fit(with_date("1,5", (1, 2, 0)), y)


@pytest.mark.parametrize(
    "column",
    [
        [datetime.date(2020, 1, 1)] * 5,
        [datetime.datetime(2020, 1, 1)] * 5,
        [datetime.timedelta(hours=3)] * 5,
        [datetime.time(3)] * 5,
    ],
    ids=lambda column: type(column[0]).__name__,
)
def test_times_beside_floats_in_frames_of_polars_are_refused(column):
    """polars itself would make floats of both."""
    pl = pytest.importorskip("polars")
    frames = [pl.DataFrame({"v": np.arange(5.0), "t": column})] * 4
    with pytest.raises(ValueError, match="sample 0, step 0, channel 't'"):
        SequenceStandardScaler().fit(frames)
