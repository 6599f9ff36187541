"""Labels, targets and values that are missing, in every form; classes keep their type."""

import numpy as np
import pandas as pd
import pytest
from helpers.distillation import (
    BINARY,
    NUMBERS,
    X,
    numbers_student,
    student,
    taught_by,
    weights_of,
    y,
)
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfastgrnn import DistilledFastGRNN, DistilledFastGRNNRegressor, FastGRNNClassifier


def hidden_labels():
    """The same labels with the same third missing, in many forms."""
    known = np.arange(120) % 3 > 0
    names = np.array(["a", "b", "c"], dtype=object)[y]
    polars = pytest.importorskip("polars")
    none = [int(label) if k else None for label, k in zip(y, known, strict=True)]
    yield "None", none, [0, 1, 2]
    yield "None and -1", [-1 if i < 60 and v is None else v for i, v in enumerate(none)], [0, 1, 2]
    yield "NaN", np.where(known, y, np.nan), [0.0, 1.0, 2.0]
    yield "NA", np.where(known, y.astype(object), pd.NA), [0, 1, 2]
    yield "Int64", pd.Series(none, dtype="Int64"), [0, 1, 2]
    yield "polars", polars.Series(none), [0, 1, 2]
    yield "strings and None", np.where(known, names, None), ["a", "b", "c"]
    yield "a list with NaN", np.where(known, names, float("nan")).tolist(), ["a", "b", "c"]
    yield "pandas strings", pd.Series(np.where(known, names, None), dtype="string"), ["a", "b", "c"]
    yield "categories", pd.Categorical(np.where(known, names, None)), ["a", "b", "c"]


def test_missing_labels_are_unknown_ones():
    expected = taught_by(LogisticRegression()).fit(X, np.where(np.arange(120) % 3, y, -1))
    for name, labels, classes in hidden_labels():
        model = taught_by(LogisticRegression()).fit(X, labels)
        assert model.classes_.tolist() == classes, name
        assert [type(label) for label in model.classes_.tolist()] == [
            type(label) for label in classes
        ], name
        np.testing.assert_array_equal(weights_of(model), weights_of(expected), err_msg=name)


BIG = 2**60  # float64 cannot tell it from its neighbours


@pytest.mark.parametrize("with_missing", [False, True])
@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.array([BIG, BIG + 1] * 60, dtype="Int64"), int),
        (pd.array([1, 0] * 60, dtype="UInt8"), int),
        (pd.array([True, False] * 60, dtype="boolean"), bool),
        (pd.Categorical([5, 3] * 60), int),
        (np.ma.array(["a", "b"] * 60), str),
        (np.ma.array([True, False] * 60), bool),
        (np.ma.array([1, 0] * 60, dtype=np.uint8), int),
        (np.ma.array([BIG, BIG + 1] * 60), int),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_classes_are_of_the_kind_of_the_labels(column, kind, with_missing):
    expected = sorted(set(column.tolist()))
    labels = column.copy()
    if isinstance(labels, np.ma.MaskedArray):
        labels[:20] = np.ma.masked if with_missing else labels[:20]
    else:
        labels = pd.Series(labels)
        labels[:20] = None if with_missing else labels[:20]
    plain = np.array(column.tolist(), dtype=object)
    plain[:20] = -1 if with_missing else plain[:20]
    model = taught_by(LogisticRegression()).fit(X, labels)
    assert model.classes_.tolist() == expected
    assert {type(label) for label in model.classes_.tolist()} == {kind}
    if not with_missing:
        plain = np.array(plain.tolist())
        ours = student().fit(X, labels).classes_
        assert (ours.dtype, ours.tolist()) == (model.classes_.dtype, expected)
    np.testing.assert_array_equal(
        weights_of(model), weights_of(taught_by(LogisticRegression()).fit(X, plain))
    )


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_a_frame_of_one_column_keeps_its_integers(frame):
    values = [None, *[BIG, BIG + 1] * 59, BIG]
    library = pytest.importorskip(frame)
    if frame == "pandas":
        values = pd.array(values, dtype="Int64")
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = taught_by(LogisticRegression()).fit(X, library.DataFrame({"label": values}))
    assert model.classes_.tolist() == [BIG, BIG + 1]


@pytest.mark.parametrize("model", [DistilledFastGRNN, DistilledFastGRNNRegressor])
@pytest.mark.parametrize("kind", [iter, set, dict.fromkeys, lambda y: (label for label in y)])
def test_labels_that_have_no_order_or_can_be_read_once_are_refused(model, kind):
    labels = kind(y.tolist())
    with pytest.raises(TypeError, match=f"y is a {type(labels).__name__}"):
        model(Ridge()).fit(X, labels)


def test_missing_labels_beside_two_classes_one_of_which_is_minus_one():
    signs = np.where(np.arange(120) % 3, np.where(BINARY, 1, -1).astype(object), None)
    model = taught_by(LogisticRegression()).fit(X, signs)
    assert model.classes_.tolist() == [-1, 1]
    booleans = pd.Series(np.where(np.arange(120) % 3, BINARY == 1, None), dtype="boolean")
    assert taught_by(LogisticRegression()).fit(X, booleans).classes_.tolist() == [False, True]


def test_labels_of_several_types_are_refused():
    with pytest.raises(ValueError, match=r"several types \(int, str\)"):
        taught_by(LogisticRegression()).fit(X, np.where(y > 0, "a", y.astype(object)))


def test_missing_numbers_are_unknown_ones():
    known = np.arange(120) % 3 > 0
    expected = DistilledFastGRNNRegressor(Ridge(), numbers_student()).fit(
        X, np.where(known, NUMBERS, np.nan)
    )
    for target in (
        np.where(known, NUMBERS.astype(object), None),
        np.where(known, NUMBERS.astype(object), None).tolist(),
        np.where(known, NUMBERS.astype(object), pd.NA),
        pd.Series(np.where(known, NUMBERS, None), dtype="Float64"),
    ):
        model = DistilledFastGRNNRegressor(Ridge(), numbers_student()).fit(X, target)
        np.testing.assert_array_equal(weights_of(model), weights_of(expected))


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
@pytest.mark.parametrize("masked", ["X", "X_unlabeled", "both"])
@pytest.mark.parametrize("model", [DistilledFastGRNN, DistilledFastGRNNRegressor])
def test_what_a_mask_hides_in_more_samples_is_missing(model, masked, dtype):
    data = np.round(10 * X).astype(dtype)
    hidden = np.zeros(X.shape, dtype=bool)
    hidden[5 if masked == "X" else 100, 2] = True
    hidden[5, 3] |= masked == "both"
    garbage = np.where(hidden, 10_000, data).astype(dtype)
    with_nan = np.where(hidden, np.nan, data)
    is_classifier = model is DistilledFastGRNN
    network = student() if is_classifier else numbers_student()
    target = y[:80] if is_classifier else NUMBERS[:80]
    teacher = LogisticRegression() if is_classifier else Ridge()
    parts = [make_pipeline(SimpleImputer(), StandardScaler(), part) for part in (teacher, network)]
    ours, expected = model(*parts), model(*parts)
    collection = np.ma.array(garbage, mask=hidden)
    first = collection[:80] if masked != "X_unlabeled" else garbage[:80]
    more = collection[80:] if masked != "X" else garbage[80:]
    ours.fit(first, target, X_unlabeled=more)
    expected.fit(with_nan[:80], target, X_unlabeled=with_nan[80:])
    np.testing.assert_array_equal(ours.student_[-1]._parameters, expected.student_[-1]._parameters)


@pytest.mark.parametrize("more", [{}, {"X_unlabeled": X}])
@pytest.mark.parametrize("model", [taught_by, DistilledFastGRNNRegressor])
def test_a_masked_weight_is_refused(model, more):
    weights = np.ma.array(np.ones(120), mask=np.arange(120) == 7)
    with pytest.raises(ValueError, match="sample_weight contains NaN: sample 7"):
        model(Ridge()).fit(X, y, sample_weight=weights, **more)


def test_more_samples_in_frames_of_polars():
    pl = pytest.importorskip("polars")
    rows = np.random.default_rng(0).normal(size=(30, 8))
    labels = np.arange(30) % 2
    names = [f"c{i}" for i in range(8)]
    student = FastGRNNClassifier(3, n_timesteps=4, max_iter=2, random_state=0)
    fits = [
        clone(DistilledFastGRNN(LogisticRegression(), student)).fit(known, labels, X_unlabeled=more)
        for known, more in (
            (rows, rows + 1),
            (pl.DataFrame(rows, schema=names), pl.DataFrame(rows + 1, schema=names)),
        )
    ]
    probabilities = fits[0].predict_proba(rows)
    np.testing.assert_allclose(  # LogisticRegression rounds by the order of memory
        fits[1].predict_proba(pl.DataFrame(rows, schema=names)), probabilities, rtol=1e-9
    )
