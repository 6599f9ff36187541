"""Mistakes that are easily made: each error says what is wrong, where, and what to write."""

import collections

import numpy as np
import pytest
import scipy.sparse
from helpers.estimators import bits, quick, sequences, snapshot

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.inspection import GateDisplay
from skfastgrnn.preprocessing import SequenceClipper, TemporalFeatures, sliding_windows
from skfastgrnn.schedules import checked_factor

X, y = sequences(30, n_timesteps=5, n_channels=3)
rows = X.reshape(30, 15)
series = X[:, :, :1]
ragged = [x[: 2 + i % 3] for i, x in enumerate(X)]


def regressor(**params):
    return FastGRNNRegressor(hidden_size=3, max_iter=2, n_iter_no_change=np.inf, **params)


def at(place, value):
    labels = y.astype(object)
    labels[place] = value
    return labels


# One sequence, or none


@pytest.mark.parametrize("fitted_on", [X, rows, ragged, series], ids=["3-D", "2-D", "list", "1"])
@pytest.mark.parametrize("given", [[], (), np.array([])], ids=["list", "tuple", "array"])
def test_no_sequences(fitted_on, given):
    model = quick().fit(fitted_on, y)
    message = r"Found array with 0 sample\(s\) \(shape=\(0,\)\) while a minimum of 1 is required"
    for use in (model.predict, lambda X: quick().fit(X, [])):
        with pytest.raises(ValueError, match=f"{message} by FastGRNNClassifier"):
            use(given)


@pytest.mark.parametrize("given", [X[0, :, 0], X[0, :, 0].tolist()], ids=["array", "list"])
@pytest.mark.parametrize("fitted_on", [rows, series], ids=["2-D", "3-D"])
def test_a_bare_series(fitted_on, given):
    model = quick().fit(fitted_on, y)
    with pytest.raises(ValueError, match=r"got 1D array .*\(5,\).* a single sequence x is \[x\]"):
        model.predict(given)
    if fitted_on is series:
        assert model.predict([given]).shape == (1,)  # what it says to write


def test_a_bare_series_of_data_frames():
    model = quick().fit(series, y)
    for library in ("pandas", "polars"):
        given = pytest.importorskip(library).Series(X[0, :, 0])
        with pytest.raises(ValueError, match=r"a single sequence x is \[x\]"):
            model.predict(given)
        assert model.predict([given]).shape == (1,)


def test_a_first_member_that_is_no_sequence():
    for first in (1.0, None, np.nan):
        for given in ([first, *ragged[1:]], np.array([first, *ragged[1:]], dtype=object)):
            with pytest.raises(ValueError, match=r"Sample 0 has 0 dimensions; each sequence must"):
                quick().fit(given, y)


# Containers


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda values: (v for v in values), r"is a generator; pass a list: list\({}\)"),
        (lambda values: map(np.asarray, values), r"is a map; pass a list: list\({}\)"),
        (lambda values: dict(enumerate(values)), r"is a dict; pass its values: list\({}.values"),
        (lambda values: dict(enumerate(values)).values(), r"is a dict_values; pass a list: list"),
        (lambda values: {1, 2}, "is a set, which has no order; pass a list"),
    ],
    ids=["generator", "map", "dict", "values", "set"],
)
def test_what_is_no_array(given, message):
    def refused(name, use):
        with pytest.raises(TypeError, match=f"{name} {message.format(name)}"):
            use()

    model = quick().fit(X, y)
    before = snapshot(model)
    refused("X", lambda: model.fit(given(X), y))
    refused("X", lambda: model.predict(given(X)))
    refused("y", lambda: model.fit(X, given(y)))
    refused("y", lambda: regressor().fit(X, given(y)))
    refused("sample_weight", lambda: model.fit(X, y, sample_weight=given(y)))
    refused("series", lambda: sliding_windows(given(X[0]), window=2))
    refused("y", lambda: sliding_windows(X[0], given(y[:5]), window=2))
    assert snapshot(model) == before


def test_deques_are_lists():
    expected = bits(quick().fit(ragged, y))
    for given in (
        collections.deque(ragged),
        [collections.deque(x) for x in ragged],
        collections.deque(collections.deque(x.tolist()) for x in ragged),
    ):
        assert bits(quick().fit(given, collections.deque(y))) == expected
    buffers = [collections.deque(x[:, 0], maxlen=5) for x in ragged]
    assert bits(quick().fit(buffers, y)) == bits(quick().fit([x[:, :1] for x in ragged], y))


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "coo_array"])
def test_lists_of_sparse_sequences(kind):
    given = [*ragged[:3], *(getattr(scipy.sparse, kind)(x) for x in ragged[3:])]
    with pytest.raises(TypeError, match=rf"Sample 3 is sparse \({kind}\).*\[x.toarray\(\) for x"):
        quick().fit(given, y)


def test_lazy_frames_of_polars():
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"X is a polars object \(LazyFrame\).*X.collect\(\)"):
        quick().fit(pl.DataFrame(rows).lazy(), y)


# Missing values


def test_missing_values_among_objects_are_gaps():
    pd = pytest.importorskip("pandas")
    objects = X.astype(object)
    for missing in (None, np.nan, pd.NA, pd.NaT):
        objects[3, 2, 1] = missing
        for given, where in (
            (objects, "step 2, channel 1"),
            (list(objects), "step 2, channel 1"),
            (objects.reshape(30, 15), "step 7, channel 0"),
            (pd.DataFrame(objects.reshape(30, 15)), "step 7, channel 0"),
        ):
            with pytest.raises(ValueError, match=f"NaN: sample 3, {where}. Fill such gaps first"):
                quick().fit(given, y)


def labels_with(missing):
    pd = pytest.importorskip("pandas")
    words = np.array(["no", "yes"], dtype=object)[y]
    words[7] = missing
    return {
        "a list": words.tolist(),
        "an object array": words,
        "a column": words[:, None],
        "numbers": at(7, missing).tolist(),
        "a Series": pd.Series(words),
        "categories": pd.Series(words).astype("category"),
        "nullable": pd.Series(at(7, None), dtype="Int64"),
        "a DataFrame": pd.DataFrame({"label": words}),
    }


@pytest.mark.parametrize("missing", ["None", "NaN", "NaT", "<NA>"])
def test_missing_labels_are_named(missing):
    pd = pytest.importorskip("pandas")
    value = {"None": None, "NaN": np.nan, "NaT": pd.NaT, "<NA>": pd.NA}[missing]
    for name, labels in labels_with(value).items():
        message = "Input y contains .*: sample 7 has no label. Leave such samples out of X and y"
        if name in ("a list", "an object array", "numbers"):
            message = message.replace(".*", missing)
        with pytest.raises(ValueError, match=message):
            quick().fit(X, labels)
        with pytest.raises(ValueError, match="Input y_val contains"):
            quick().fit(X, y, X_val=X, y_val=labels)
        with pytest.raises(ValueError, match="Input y contains"):
            quick().partial_fit(X, labels, classes=[0, 1])


def test_null_labels_of_polars_are_named():
    pl = pytest.importorskip("polars")
    for labels in (at(7, None).tolist(), [None if v is None else str(v) for v in at(7, None)]):
        with pytest.raises(ValueError, match=r"y contains (None|NaN): sample 7 has no label"):
            quick().fit(X, pl.Series(labels))


@pytest.mark.parametrize("missing", [None, np.nan, "NA of pandas"])
def test_missing_targets_are_named(missing):
    value = pytest.importorskip("pandas").NA if missing == "NA of pandas" else missing
    for target in (at(7, value), at(7, value).tolist()):
        with pytest.raises(ValueError, match="y contains NaN: sample 7 has no target"):
            regressor().fit(X, target)
    two = X[:, 0, :2].astype(object)
    two[7, 1] = value
    with pytest.raises(ValueError, match="y contains NaN: sample 7, output 1 has no target"):
        regressor().fit(X, two)
    with pytest.raises(ValueError, match="Input y_val contains NaN: sample 7 has no target"):
        regressor().fit(X, y, X_val=X, y_val=at(7, value))


def test_infinite_targets_are_named():
    with pytest.raises(ValueError, match=r"y contains infinity .*float64'\): sample 7\. Replace"):
        regressor().fit(X, at(7, -np.inf))


def test_missing_weights_are_named():
    with pytest.raises(ValueError, match=r"sample_weight contains NaN: sample 7\. A weight of 0"):
        quick().fit(X, y, sample_weight=at(7, None).astype(float))


# Numbers of NumPy read as numbers


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: quick().fit(X, np.zeros(30, int)), "only one class: 0$"),
        (lambda: quick().fit(X, np.full(30, "a")), "only one class: 'a'$"),
        (lambda: quick().partial_fit(X, y, classes=np.array([1])), r"got \[1\]\.$"),
        (
            lambda: quick(class_weight={np.int64(0): np.float64(-1), np.int64(1): 1}).fit(X, y),
            r"got \{0: -1\.0, 1: 1\}\.$",
        ),
        (lambda: quick(frozen=[np.str_("V")]).fit(X, y), r"frozen names \['V'\]"),
        (lambda: checked_factor(lambda epoch: np.float64(-1), 0, ()), r"returned -1\.0 at epoch 0"),
        (lambda: TemporalFeatures(lags=[np.float64(2)]).fit(X), r"got 2\.0\.$"),
        (
            lambda: SequenceClipper(quantile_range=np.array([9.0, 1.0])).fit(X),
            r"got \[9\.0, 1\.0\]\.$",
        ),
        (lambda: quick().fit([X[0].astype(str), np.full((2, 3), "b")], [0, 1]), "float: 'b'"),
    ],
)
def test_no_type_of_numpy_in_a_sentence(use, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        use()
    assert "np." not in str(error.value)


def test_no_type_of_numpy_in_a_sentence_about_a_display():
    pytest.importorskip("matplotlib")
    model = quick().fit(X, y)
    with pytest.raises(TypeError, match=r"got 1\.0\.$"):
        GateDisplay.from_estimator(model, X, sample=np.float64(1))
