"""Rows <-> sequences, and the tools of scikit-learn that take only rows."""

import hypothesis
import numpy as np
import pytest
from helpers.estimators import bits, quick, snapshot
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsOneClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceReshaper,
    SequenceStandardScaler,
    sliding_windows,
)

rng = np.random.default_rng(0)
y = np.arange(40) % 2
X = rng.normal(size=(40, 6, 2))
X[:, :, 0] += y[:, None] - 0.5
ragged = [X[i, : 2 + i % 5] for i in range(40)]  # 2 to 6 steps
padded = np.where(np.arange(6)[:, None] < [[[len(s)]] for s in ragged], X, np.nan)
rows, padded_rows = X.reshape(40, 12), padded.reshape(40, 12)


def objects(sequences):
    array = np.empty(len(sequences), dtype=object)
    array[:] = sequences
    return array


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("given", "expected"), [(rows, X), (padded_rows, padded)])
def test_rows_become_sequences(given, expected, dtype):
    given, expected = given.astype(dtype), expected.astype(dtype)
    reshaper = SequenceReshaper(n_timesteps=6).fit(given)
    np.testing.assert_array_equal(reshaper.transform(given), expected, strict=True)
    np.testing.assert_array_equal(reshaper.inverse_transform(expected), given, strict=True)
    np.testing.assert_array_equal(reshaper.transform(given[:3]), expected[:3], strict=True)
    assert (reshaper.n_timesteps_, reshaper.n_channels_, reshaper.n_features_in_) == (6, 2, 12)


def test_each_column_is_a_step_without_n_timesteps():
    reshaper = SequenceReshaper()
    np.testing.assert_array_equal(reshaper.fit_transform(rows), rows[:, :, None], strict=True)
    np.testing.assert_array_equal(reshaper.inverse_transform(rows[:, :, None]), rows)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", ["list", "objects", "3-D"])
def test_sequences_become_rows(form, dtype):
    members = [sequence.astype(dtype) for sequence in ragged]
    given = {"list": members, "objects": objects(members), "3-D": padded.astype(dtype)}[form]
    reshaper = SequenceReshaper("2d").fit(given)
    expected = padded_rows.astype(dtype)
    np.testing.assert_array_equal(reshaper.transform(given), expected, strict=True)
    np.testing.assert_array_equal(
        reshaper.inverse_transform(expected), padded.astype(dtype), strict=True
    )
    assert (reshaper.n_timesteps_, reshaper.n_channels_, reshaper.n_features_in_) == (6, 2, 2)
    # Fewer and shorter sequences make rows of the same columns.
    np.testing.assert_array_equal(reshaper.transform(given[:1]), expected[:1], strict=True)


def test_longer_rows():
    reshaper = SequenceReshaper("2d", n_timesteps=8)
    made = reshaper.fit_transform(ragged)
    assert made.shape == (40, 16)
    np.testing.assert_array_equal(made[:, :12], padded_rows)
    assert np.isnan(made[:, 12:]).all()
    np.testing.assert_array_equal(reshaper.transform(X)[:, :12], rows)
    assert reshaper.transform([np.ones((8, 2))]).tolist() == [[1.0] * 16]
    back = reshaper.inverse_transform(made)
    assert back.shape == (40, 8, 2)
    np.testing.assert_array_equal(back[:, :6], padded)


def test_rows_are_as_long_as_3d_x_with_its_padding():
    """So that a fold whose sequences are short makes rows for one whose sequences are not."""
    reshaper = SequenceReshaper("2d").fit(padded[:1])  # of two steps
    assert reshaper.n_timesteps_ == 6
    np.testing.assert_array_equal(reshaper.transform(padded), padded_rows)


@pytest.mark.parametrize("to", ["2d", "3d"])
@pytest.mark.parametrize("n_timesteps", [None, 6])
def test_what_has_the_form_is_returned(to, n_timesteps):
    for given in (rows, padded_rows) if to == "2d" else (X, padded, X[:, :4]):
        reshaper = SequenceReshaper(to, n_timesteps=n_timesteps).fit(given)
        np.testing.assert_array_equal(reshaper.transform(given), given, strict=True)
        np.testing.assert_array_equal(reshaper.inverse_transform(given), given, strict=True)


def test_3d_stays_3d_of_any_length():
    reshaper = SequenceReshaper().fit(X[:, :3])
    np.testing.assert_array_equal(reshaper.transform(X), X)


@pytest.mark.parametrize("form", [list, objects])
def test_ragged_becomes_3d(form):
    reshaper = SequenceReshaper().fit(form(ragged))
    np.testing.assert_array_equal(reshaper.transform(form(ragged)), padded, strict=True)
    np.testing.assert_array_equal(reshaper.transform(form(ragged[:2])), padded[:2, :3], strict=True)


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("to", ["2d", "3d"])
def test_gaps_stay(to, n_channels):
    gaps = X[:, :, :n_channels].copy()
    gaps[3, 2] = gaps[4, 0, 0] = gaps[5, 5, 0] = np.nan
    flat = gaps.reshape(40, -1)
    given, expected = (gaps, flat) if to == "2d" else (flat, gaps)
    reshaper = SequenceReshaper(to, n_timesteps=6).fit(given)
    np.testing.assert_array_equal(reshaper.transform(given), expected)
    np.testing.assert_array_equal(reshaper.inverse_transform(expected), given)


@hypothesis.given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(1, 3), st.integers(5, 7)
)
def test_there_and_back(lengths, n_channels, n_timesteps):
    members = [1.0 + np.arange(n * n_channels).reshape(n, n_channels) for n in lengths]
    to_rows = SequenceReshaper("2d", n_timesteps=n_timesteps)
    to_sequences = SequenceReshaper("3d", n_timesteps=n_timesteps)
    made = to_sequences.fit_transform(to_rows.fit_transform(members))
    np.testing.assert_array_equal(made, to_rows.inverse_transform(to_rows.transform(members)))
    np.testing.assert_array_equal(to_sequences.inverse_transform(made), to_rows.transform(members))
    for i, member in enumerate(members):
        np.testing.assert_array_equal(made[i, : len(member)], member)
        assert np.isnan(made[i, len(member) :]).all()


@pytest.mark.parametrize(("to", "given"), [("3d", rows), ("2d", X), ("2d", rows), ("3d", X)])
def test_nothing_is_copied(to, given):
    made = SequenceReshaper(to, n_timesteps=6).fit_transform(given)
    assert np.shares_memory(made, given)


def test_overlapping_windows_become_rows():
    windows = sliding_windows(np.arange(10.0), window=4).X
    np.testing.assert_array_equal(
        SequenceReshaper("2d").fit_transform(windows), windows.reshape(7, 4)
    )


def test_parameters_changed_after_fit():
    reshaper = SequenceReshaper(n_timesteps=6).fit(rows).set_params(n_timesteps=4)
    np.testing.assert_array_equal(reshaper.transform(rows), X)
    reshaper = SequenceReshaper("2d").fit(ragged).set_params(n_timesteps=4)
    np.testing.assert_array_equal(reshaper.transform(ragged), padded_rows)


# Names and containers


@pytest.mark.filterwarnings("error")
def test_names_of_rows():
    pd = pytest.importorskip("pandas")
    reshaper = SequenceReshaper("2d").fit(ragged)
    names = [f"x{channel}_t{step}" for step in range(6) for channel in range(2)]
    assert list(reshaper.get_feature_names_out()) == names
    assert list(reshaper.get_feature_names_out(["a", "b"]))[:4] == ["a_t0", "b_t0", "a_t1", "b_t1"]
    with pytest.raises(ValueError, match="input_features should have length equal"):
        reshaper.get_feature_names_out(["a"])
    table = reshaper.set_output(transform="pandas").transform(ragged)
    assert list(table.columns) == names
    np.testing.assert_array_equal(table, padded_rows)
    np.testing.assert_array_equal(reshaper.inverse_transform(table), padded)
    with config_context(transform_output="pandas"):
        assert list(SequenceReshaper("2d").fit_transform(X).columns) == names

    given = pd.DataFrame(rows, columns=[f"c{i}" for i in range(12)])
    unchanged = SequenceReshaper("2d", n_timesteps=6).set_output(transform="pandas")
    pd.testing.assert_frame_equal(unchanged.fit_transform(given), given)


@pytest.mark.filterwarnings("error")
def test_sequences_have_no_names():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(rows, columns=[f"c{i}" for i in range(12)])
    reshaper = SequenceReshaper(n_timesteps=6).set_output(transform="pandas").fit(table)
    assert list(reshaper.feature_names_in_) == list(table.columns)
    with config_context(transform_output="pandas"):
        np.testing.assert_array_equal(reshaper.transform(table), X, strict=True)
    assert not hasattr(reshaper, "get_feature_names_out")
    with pytest.raises(AttributeError) as error:
        reshaper.get_feature_names_out()
    assert "converts rows to sequences" in str(error.value.__cause__)
    np.testing.assert_array_equal(reshaper.inverse_transform(X), rows, strict=True)
    with pytest.raises(ValueError, match="feature names should match"):
        reshaper.transform(table[table.columns[::-1]])


# Bad input

with_infinity = X.copy()
with_infinity[7, 2, 1] = np.inf
NOTHING = np.full((3, 2), np.nan)

REFUSED_BY_FIT = {
    "columns": ({"n_timesteps": 5}, rows, "12 columns.*n_timesteps=5"),
    "too long": (
        {"to": "2d", "n_timesteps": 4},
        ragged,
        "Sample 3 has 5 steps, but rows hold n_timesteps_=4",
    ),
    "too long 3-D": ({"to": "2d", "n_timesteps": 4}, padded, "Sample 3 has 5 steps"),
    "all NaN": ({"to": "2d"}, [*ragged[:3], NOTHING], "sample 3 holds nothing else"),
    "all NaN in a row": ({}, np.vstack([rows[:2], np.full(12, np.nan)]), "sample 2 holds nothing"),
    "infinity": ({"to": "2d"}, with_infinity, "infinity: sample 7, step 2, channel 1"),
    "channels": ({"to": "2d"}, [X[0], X[1, :, :1]], r"sample 1 has 1 channel\(s\)"),
    "to": ({"to": "4d"}, X, "The 'to' parameter"),
    "n_timesteps": ({"n_timesteps": 0}, X, "The 'n_timesteps' parameter"),
    "words": ({}, [["a", "b"]], "could not convert string"),
}


@pytest.mark.parametrize("case", REFUSED_BY_FIT)
def test_refused_by_fit(case):
    parameters, given, message = REFUSED_BY_FIT[case]
    for reshaper in (SequenceReshaper(), SequenceReshaper().fit(rows)):
        reshaper.set_params(**parameters)
        before = snapshot(reshaper)
        with pytest.raises(ValueError, match=message):
            reshaper.fit(given)
        assert snapshot(reshaper) == before


@pytest.mark.parametrize(
    ("to", "fitted", "method", "given", "message"),
    [
        ("3d", rows, "transform", rows[:, :6], "X has 6 features, but .* 12 features"),
        ("3d", rows, "transform", X, "X has 3 dimensions"),
        ("3d", rows, "inverse_transform", rows, "X has 2 dimensions"),
        ("3d", rows, "inverse_transform", X[:, :, :1], "X has 1 channels.* 2 channels"),
        ("3d", rows, "inverse_transform", np.ones((1, 7, 2)), "Sample 0 has 7 steps"),
        ("2d", X, "transform", X[:, :, :1], "X has 1 channels.* 2 channels"),
        ("2d", X, "transform", rows, "X has 2 dimensions"),
        ("2d", X, "transform", [X[0], np.ones((7, 2))], "Sample 1 has 7 steps, but rows hold"),
        ("2d", X, "inverse_transform", rows[:, :6], "X has 6 features, but .* 12 features"),
        ("2d", X, "inverse_transform", X, "X has 3 dimensions"),
        ("2d", X, "transform", [X[0], NOTHING], "sample 1 holds nothing else"),
        ("2d", X, "transform", with_infinity, "sample 7, step 2, channel 1"),
    ],
)
def test_other_x_than_fitted(to, fitted, method, given, message):
    reshaper = SequenceReshaper(to, n_timesteps=6).fit(fitted)
    before = snapshot(reshaper)
    with pytest.raises(ValueError, match=message):
        getattr(reshaper, method)(given)
    assert snapshot(reshaper) == before


@pytest.mark.parametrize("to", ["2d", "3d"])
def test_not_fitted(to):
    for method in ("transform", "inverse_transform"):
        with pytest.raises(NotFittedError):
            getattr(SequenceReshaper(to), method)(X)
    with pytest.raises((NotFittedError, AttributeError)):
        SequenceReshaper(to).get_feature_names_out()


# Tools that take only rows


@pytest.mark.parametrize(("given", "same"), [(rows, X), (padded_rows, padded)])
def test_bagging(given, same):
    """Each member learns from its draw of rows what it would learn from these sequences."""
    member = make_pipeline(SequenceReshaper("3d", n_timesteps=6), quick())
    bag = BaggingClassifier(member, n_estimators=3, random_state=0).fit(given, y)
    probabilities = []
    for pipeline, drawn in zip(bag.estimators_, bag.estimators_samples_, strict=True):
        seed = pipeline[-1].random_state
        alone = quick(random_state=seed).fit([s[~np.isnan(s[:, 0])] for s in same[drawn]], y[drawn])
        assert bits(pipeline[-1]) == bits(alone)
        probabilities.append(alone.predict_proba(same))
    np.testing.assert_allclose(bag.predict_proba(given), np.mean(probabilities, axis=0))
    assert bag.score(given, y) > 0.5


def test_bagging_of_what_was_a_list():
    made = SequenceReshaper("2d").fit_transform(ragged)
    member = make_pipeline(SequenceReshaper(n_timesteps=6), SequenceStandardScaler(), quick())
    scores = cross_val_score(
        BaggingClassifier(member, n_estimators=2, random_state=0), made, y, error_score="raise"
    )
    assert scores.mean() > 0.5


def test_one_vs_one():
    labels = np.arange(40) % 3
    member = make_pipeline(SequenceReshaper(n_timesteps=6), quick())
    model = OneVsOneClassifier(member).fit(padded_rows, labels)
    chosen = labels != 2
    alone = quick().fit(padded[chosen], labels[chosen])
    assert bits(model.estimators_[0][-1]) == bits(alone)


def scaled_rows(scaler):
    return make_pipeline(SequenceReshaper(n_timesteps=6), scaler, SequenceReshaper("2d"))


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_column_transformer(output):
    """Two groups of columns, each of which is sequences of its own for a while."""
    pd = pytest.importorskip("pandas")
    sound = rng.normal(5, 2, size=(40, 6))
    names = [f"motion{i}_{t}" for t in range(6) for i in range(2)] + [
        f"sound_{t}" for t in range(6)
    ]
    table = pd.DataFrame(np.hstack([padded_rows, sound]), columns=names)
    columns = ColumnTransformer(
        [
            ("motion", scaled_rows(SequenceStandardScaler()), names[:12]),
            ("sound", scaled_rows(SequenceMinMaxScaler()), names[12:]),
        ]
    ).set_output(transform=output)
    made = columns.fit_transform(table)
    motion = SequenceStandardScaler().fit_transform(padded)
    sound = SequenceMinMaxScaler().fit_transform(sound)
    np.testing.assert_array_equal(made, np.hstack([motion.reshape(40, 12), sound]))
    assert hasattr(made, "columns") == (output == "pandas")


def test_column_transformer_before_a_network():
    """Each group becomes channels: those of the first, then that of the second."""

    def as_channels(made):
        return np.concatenate([made[:, :12].reshape(-1, 6, 2), made[:, 12:, None]], axis=2)

    columns = ColumnTransformer(
        [
            ("motion", scaled_rows(SequenceStandardScaler()), slice(0, 12)),
            ("again", scaled_rows(SequenceMinMaxScaler()), slice(0, 12, 2)),
        ]
    )
    model = make_pipeline(columns, FunctionTransformer(as_channels), quick()).fit(padded_rows, y)
    motion = SequenceStandardScaler().fit_transform(padded)
    again = SequenceMinMaxScaler().fit_transform(padded[:, :, :1])
    alone = quick().fit(np.concatenate([motion, again], axis=2), y)
    assert bits(model[-1]) == bits(alone)


def test_feature_union():
    """Rows of the raw sequences beside what else is known of them."""
    features = FeatureUnion(
        [
            ("raw", SequenceReshaper("2d")),
            ("scaled", make_pipeline(SequenceStandardScaler(), SequenceReshaper("2d"))),
            ("length", FunctionTransformer(lambda X: [[len(sequence)] for sequence in X])),
        ]
    )
    made = features.fit_transform(ragged)
    scaled = SequenceStandardScaler().fit_transform(padded).reshape(40, 12)
    lengths = [[len(sequence)] for sequence in ragged]
    np.testing.assert_array_equal(made, np.hstack([padded_rows, scaled, lengths]))
    forest = make_pipeline(features, RandomForestClassifier(random_state=0)).fit(ragged, y)
    assert forest.score(ragged, y) > 0.5


def test_feature_union_of_named_columns():
    pd = pytest.importorskip("pandas")
    length = FunctionTransformer(
        lambda X: pd.DataFrame({"length": [len(sequence) for sequence in X]}),
        feature_names_out=lambda transformer, names: ["length"],
    )
    union = FeatureUnion([("raw", SequenceReshaper("2d")), ("known", length)])
    made = union.set_output(transform="pandas").fit_transform(ragged)
    assert list(made.columns[:3]) == ["raw__x0_t0", "raw__x1_t0", "raw__x0_t1"]
    assert made["known__length"].tolist() == [len(sequence) for sequence in ragged]
    np.testing.assert_array_equal(made.iloc[:, :12], padded_rows)


def test_one_pipeline_for_rows_and_sequences():
    model = make_pipeline(SequenceReshaper(n_timesteps=6), quick())
    probabilities = [model.fit(form, y).predict_proba(form) for form in (padded_rows, padded)]
    probabilities.append(model.fit(ragged, y).predict_proba(ragged))
    np.testing.assert_array_equal(probabilities[0], probabilities[1])
    np.testing.assert_array_equal(probabilities[0], probabilities[2])


def test_grid_search_with_memory(tmp_path):
    pipeline = Pipeline(
        [("reshape", SequenceReshaper()), ("net", quick(max_iter=2))], memory=str(tmp_path)
    )
    grid = {"reshape__n_timesteps": [3, 6]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(rows, y)
    n_timesteps = search.best_params_["reshape__n_timesteps"]
    assert search.best_estimator_[-1].n_channels_ == 12 // n_timesteps
