"""Lists of DataFrames: names of channels are remembered, checked, and handed on."""

import io
import pickle
import warnings

import numpy as np
import pytest
from helpers.estimators import bits, quick, sequences, snapshot
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from skfastgrnn import load, save
from skfastgrnn.preprocessing import (
    SequenceImputer,
    SequenceReshaper,
    SequenceStandardScaler,
    TemporalFeatures,
)

pd = pytest.importorskip("pandas")

X, y = sequences(30, n_timesteps=6, n_channels=3)
ragged = [x[: 3 + i % 4] for i, x in enumerate(X)]
NAMES = ["a", "b", "c"]
WITHOUT = "X does not have valid feature names, but {} was fitted with feature names"
FITTED_WITHOUT = "X has feature names, but {} was fitted without feature names"


def pandas_frames(members):
    return [pd.DataFrame(x, columns=NAMES) for x in members]


def polars_frames(members):
    pl = pytest.importorskip("polars")
    return [pl.DataFrame(x, schema=NAMES) for x in members]


frames = pandas_frames(ragged)
each_library = pytest.mark.parametrize("framed", [pandas_frames, polars_frames])
each_reader = pytest.mark.parametrize(
    "reader",
    [quick(), SequenceStandardScaler(), SequenceReshaper("2d"), TemporalFeatures()],
    ids=str,
)


def changed(members, place, columns):
    """The same with one of the frames replaced by some of its columns, which may be renamed."""
    renamed = members[place].rename(columns=dict(zip(NAMES, columns, strict=False)))
    return [*members[:place], renamed[sorted(columns)], *members[place + 1 :]]


def swapped(members, place):
    return [*members[:place], members[place][["b", "a", "c"]], *members[place + 1 :]]


def use(reader):
    return reader.predict if hasattr(reader, "predict") else reader.transform


# What is learned


@each_library
@each_reader
def test_names_are_remembered(reader, framed):
    given = framed(ragged)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader.fit(given, y)
        use(reader)(given)
    assert reader.feature_names_in_.tolist() == NAMES
    assert reader.n_features_in_ == 3


@each_library
def test_frames_hold_the_same_numbers(framed):
    expected = quick().fit(ragged, y)
    model = quick().fit(framed(ragged), y)
    assert bits(model) == bits(expected)
    np.testing.assert_array_equal(
        model.predict_proba(framed(ragged)), expected.predict_proba(ragged)
    )


def test_one_library_may_follow_another():
    model = quick().fit(frames, y)
    np.testing.assert_array_equal(model.predict(polars_frames(ragged)), model.predict(frames))


def test_containers_of_frames():
    expected = bits(quick().fit(frames, y))
    objects = np.empty(30, dtype=object)
    objects[:] = frames
    for given in (tuple(frames), objects, pd.Series(frames)):
        model = quick().fit(given, y)
        assert bits(model) == expected
        assert model.feature_names_in_.tolist() == NAMES


def test_other_names_are_ignored_or_refused_as_in_scikit_learn():
    numbered = [pd.DataFrame(x) for x in ragged]
    assert not hasattr(quick().fit(numbered, y), "feature_names_in_")
    mixed = [*frames[:3], frames[3].rename(columns={"b": 1}), *frames[4:]]
    with pytest.raises(TypeError, match=r"Sample 3: Feature names are only supported if all"):
        quick().fit(mixed, y)


def test_a_refit_forgets_names():
    model = quick().fit(frames, y)
    for given in (X, ragged, X.reshape(30, 18)):
        assert not hasattr(model.fit(frames, y).fit(given, y), "feature_names_in_")


# What is refused


@each_reader
@pytest.mark.parametrize("place", [0, 11])
def test_another_order_is_refused(reader, place):
    reader.fit(frames, y)
    before = snapshot(reader)
    with pytest.raises(ValueError, match="feature names") as error:
        use(reader)(swapped(frames, place))
    assert str(error.value) == (
        f"The feature names of sample {place} should match those that were passed during fit.\n"
        "Feature names must be in the same order as they were in fit.\n"
    )
    assert snapshot(reader) == before


def test_the_words_are_those_of_scikit_learn():
    table = pd.DataFrame(X[:, 0], columns=NAMES)
    rows = LogisticRegression().fit(table, y)
    model = quick().fit(frames, y)
    other = changed(frames, 4, ["a", "b", "d"])
    for of_rows, of_sequences in (
        (table[["b", "a", "c"]], swapped(frames, 4)),
        (table.rename(columns={"c": "d"}), other),
        (table.rename(columns={name: f"{name}{name}" for name in NAMES}), None),
        (table[["a", "b"]], changed(frames, 4, ["a", "b"])),
    ):
        if of_sequences is None:
            of_sequences = [f.rename(columns=lambda name: 2 * name) for f in frames]
        with pytest.raises(ValueError, match="feature names") as expected:
            rows.predict(of_rows)
        with pytest.raises(ValueError, match="feature names") as error:
            model.predict(of_sequences)
        place = 4 if of_sequences[0].columns.tolist() == NAMES else 0
        words = str(error.value).replace(f"of sample {place} ", "")
        assert words == str(expected.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a", "b", "d"], "sample 0 has not:\n- d\n.*of sample 0 that are missing:\n- c\n"),
        (["a", "b"], "of sample 0 that are missing:\n- c\n"),
    ],
)
@each_reader
def test_names_that_differ_within_fit_are_refused(reader, columns, message):
    fresh = pickle.loads(pickle.dumps(reader))
    with pytest.raises(ValueError, match=f"(?s)sample 7 should match those of sample 0.*{message}"):
        fresh.fit(changed(frames, 7, columns), y)
    with pytest.raises(ValueError, match=r"sample 7 .*\n.*same order as they were in sample 0"):
        fresh.fit(swapped(frames, 7), y)


def test_validation_sets_have_the_same_names():
    with pytest.raises(ValueError, match=r"X_val: The feature names of sample 5 should match"):
        quick().fit(frames, y, X_val=swapped(frames, 5), y_val=y)
    model = quick().partial_fit(frames, y, classes=[0, 1])
    with pytest.raises(ValueError, match="The feature names of sample 5 should match"):
        model.partial_fit(swapped(frames, 5), y)


# What is warned about


@each_reader
def test_names_on_one_side_only_are_warned_about(reader):
    name = type(reader).__name__
    reader.fit(frames, y)
    for given in (ragged, [*frames[:3], *ragged[3:]], X):
        with pytest.warns(UserWarning, match="feature names") as caught:
            use(reader)(given)
        assert [str(w.message) for w in caught] == [WITHOUT.format(name)]
    reader.fit(ragged, y)
    with pytest.warns(UserWarning, match="feature names") as caught:
        use(reader)(frames)
    assert [str(w.message) for w in caught] == [FITTED_WITHOUT.format(name)]


def test_names_of_some_are_warned_about():
    with pytest.warns(UserWarning, match="Sample 3 does not have .* names, but sample 0 has"):
        model = quick().fit([*frames[:3], *ragged[3:]], y)
    assert model.feature_names_in_.tolist() == NAMES


# In pipelines, tools and files


@pytest.mark.filterwarnings("error")
@each_library
def test_pipelines_check_names_at_their_beginning(framed):
    given = framed(ragged)
    model = make_pipeline(SequenceStandardScaler(), quick(early_stopping=True)).fit(given, y)
    assert model.feature_names_in_.tolist() == NAMES
    assert not hasattr(model[-1], "feature_names_in_")
    scaled = model[0].transform(given)
    assert all(type(x) is np.ndarray for x in scaled)
    np.testing.assert_array_equal(model.predict(given), model[-1].predict(scaled))
    np.testing.assert_allclose(model[0].inverse_transform(scaled)[3], ragged[3])
    np.testing.assert_allclose(
        model[0].inverse_transform(framed(scaled))[3], ragged[3]
    )  # names do not matter there, as in scikit-learn


def test_swapped_channels_are_noticed_in_a_pipeline():
    model = make_pipeline(SequenceStandardScaler(), quick()).fit(frames, y)
    with pytest.raises(ValueError, match="same order"):
        model.predict([f[["c", "b", "a"]] for f in frames])


@pytest.mark.filterwarnings("error")
def test_tools_pass_names_on():
    assert cross_val_score(quick(), frames, y, cv=2).shape == (2,)
    search = GridSearchCV(quick(), {"hidden_size": [2, 3]}, cv=2).fit(frames, y)
    assert search.feature_names_in_.tolist() == NAMES
    with pytest.raises(ValueError, match="same order"):
        search.predict(swapped(frames, 2))


def test_names_are_saved(tmp_path):
    model = quick().fit(frames, y)
    save(model, tmp_path / "model.safetensors")
    buffer = io.BytesIO()
    pickle.dump(model, buffer)
    for copy in (load(tmp_path / "model.safetensors"), pickle.loads(buffer.getvalue())):
        assert copy.feature_names_in_.tolist() == NAMES
        with pytest.raises(ValueError, match="same order"):
            copy.predict(swapped(frames, 2))


# Names of what transformers return


def test_names_of_channels_out():
    assert list(SequenceStandardScaler().fit(frames).get_feature_names_out()) == NAMES
    rows = SequenceReshaper("2d", n_timesteps=6).fit(frames)
    assert list(rows.get_feature_names_out()) == [f"{n}_t{t}" for t in range(6) for n in NAMES]
    features = TemporalFeatures(lags=(1,), differences=()).fit(frames)
    assert list(features.get_feature_names_out()) == [*NAMES, "a_lag1", "b_lag1", "c_lag1"]
    with_gap = [f.copy() for f in frames]
    with_gap[2].loc[1, "b"] = np.nan
    imputer = SequenceImputer(add_indicator=True).fit(with_gap)
    assert list(imputer.get_feature_names_out()) == [*NAMES, "missingindicator_b"]
    pipeline = make_pipeline(SequenceImputer(), TemporalFeatures(lags=(2,), differences=()))
    assert list(pipeline.fit(frames).get_feature_names_out())[3:] == ["a_lag2", "b_lag2", "c_lag2"]
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        imputer.get_feature_names_out(["c", "b", "a"])


@pytest.mark.filterwarnings("error")
def test_rows_of_frames_are_data_frames_if_asked_for():
    reshaper = SequenceReshaper("2d", n_timesteps=6).set_output(transform="pandas").fit(frames)
    table = reshaper.transform(frames)
    assert table.columns.tolist() == list(reshaper.get_feature_names_out())
    scaler = SequenceStandardScaler().set_output(transform="pandas")
    assert all(type(x) is np.ndarray for x in scaler.fit_transform(frames))
    assert type(scaler.fit_transform(X.reshape(30, 18))).__name__ == "DataFrame"


# Missing values and other dtypes of frames


def test_dtypes_of_columns():
    whole = [pd.DataFrame(np.round(4 * x), columns=NAMES) for x in ragged]
    expected = bits(quick().fit(whole, y))
    for columns in (
        {"a": "int64", "b": "int8"},
        {"a": "Int64"},
        {"c": "Float64", "b": "object"},
        {"a": "str", "b": "category"},
    ):
        assert bits(quick().fit([f.astype(columns) for f in whole], y)) == expected
    booleans = [f.assign(c=f["c"] > 0) for f in frames]
    numbers = [f.assign(c=f["c"].astype(float)) for f in booleans]
    assert bits(quick().fit(booleans, y)) == bits(quick().fit(numbers, y))


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "object"])
def test_missing_values_are_gaps(dtype):
    given = [f.round().abs().clip(0, 1) for f in frames]
    given[5]["b"] = given[5]["b"].astype(dtype)
    given[5].loc[2, "b"] = pd.NA
    with pytest.raises(ValueError, match="NaN: sample 5, step 2, channel 1"):
        quick().fit(given, y)
    assert np.isfinite(np.concatenate(SequenceImputer().fit_transform(given))).all()


def test_null_of_polars_is_a_gap():
    pl = pytest.importorskip("polars")
    given = polars_frames(ragged)
    given[5] = given[5].with_columns(b=pl.Series([1, None, 3, 4][: len(ragged[5])]))
    with pytest.raises(ValueError, match="NaN: sample 5, step 1, channel 1"):
        quick().fit(given, y)
    series = [pl.Series(x[:, 0]) for x in ragged]
    assert bits(quick().fit(series, y)) == bits(quick().fit([x[:, 0] for x in ragged], y))
    with pytest.raises(ValueError, match="NaN: sample 1, step 0, channel 0"):
        quick().fit([series[0], pl.Series([None, True, False, True]), *series[2:]], y)
    equal = [pl.Series(x[:, 0]) for x in X]  # rows, as of other equally long series
    assert bits(quick().fit(equal, y)) == bits(quick().fit(X[:, :, 0], y))
