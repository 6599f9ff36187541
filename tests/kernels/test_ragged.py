"""Sequences of their own lengths: lists, object arrays, padding with NaN, views of one series."""

import os
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from helpers.estimators import bits, quick, record_epochs, run_python
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.kernels import active_kernel
from skfastgrnn.network import POOLINGS
from skfastgrnn.preprocessing import SequenceStandardScaler, sliding_windows


def ragged(n_samples=60, longest=12, n_channels=2, *, seed=0, dtype=float):
    """Noise of 1 to `longest` steps in which the mean of channel 0 tells the class, and classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 2
    X = [
        rng.standard_normal((length, n_channels)).astype(dtype)
        for length in rng.integers(1, longest + 1, n_samples)
    ]
    for x, label in zip(X, y, strict=True):
        x[:, 0] += 2 * label - 1
    return X, y


def as_objects(X):
    objects = np.empty(len(X), dtype=object)
    for i, x in enumerate(X):
        objects[i] = x
    return objects


def padded(X, n_timesteps=None):
    """X in three dimensions, with NaN at the ends."""
    longest = n_timesteps or max(map(len, X))
    array = np.full((len(X), longest, X[0].shape[1]), np.nan, X[0].dtype)
    for row, x in zip(array, X, strict=True):
        row[: len(x)] = x
    return array


def mixed_views(X):
    """Sequences that lie alternately in two arrays, at odd distances from each other."""
    first, second = np.concatenate(X), np.concatenate(X[::-1])
    ends = np.cumsum([len(x) for x in X])
    total = ends[-1]
    return [
        first[end - len(x) : end] if i % 2 else second[total - end : total - end + len(x)]
        for i, (x, end) in enumerate(zip(X, ends, strict=True))
    ]


def offset_views(X):
    """Views of one array of which every second begins in the middle of a step of the others."""
    flat = np.zeros(sum(x.size + 1 for x in X))
    views, place = [], 0
    for x in X:
        flat[place : place + x.size] = x.ravel()
        views.append(flat[place : place + x.size].reshape(x.shape))
        place += x.size + 1
    return views


X, y = ragged()

FORMS = {
    "objects": as_objects(X),
    "tuple": tuple(X),
    "nested lists": [x.tolist() for x in X],
    "DataFrames": [pd.DataFrame(x) for x in X],
    "Series of arrays": pd.Series(X),
    "Fortran order": [np.asfortranarray(x) for x in X],
    "padded": padded(X),
    "padded further": padded(X, 20),
    "views of one array": np.split(np.concatenate(X), np.cumsum([len(x) for x in X])[:-1]),
    "views of two arrays": mixed_views(X),
    "backwards": [x[::-1].copy()[::-1] for x in X],
    "columns of a wider array": [np.column_stack([x, x])[:, :2] for x in X],
    "every other step": [np.repeat(x, 2, axis=0)[::2] for x in X],
    "offset by a value": offset_views(X),
    "NA of pandas": [pd.DataFrame(x).convert_dtypes() for x in X],
    "read-only": [np.frombuffer(x.tobytes()).reshape(x.shape) for x in X],
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_same_sequences(form):
    model, same = quick().fit(X, y), quick().fit(FORMS[form], y)
    assert bits(same) == bits(model)
    np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(FORMS[form]))
    assert same.n_features_in_ == same.n_channels_ == 2


@pytest.mark.parametrize("pooling", POOLINGS)
@settings(max_examples=50)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=70), seed=st.integers(0, 99))
def test_padded_listed_and_alone_agree_to_the_last_bit(pooling, lengths, seed):
    rng = np.random.default_rng(seed)
    some = [rng.standard_normal((length, 2)) for length in lengths]
    model = quick(pooling=pooling).fit(X, y)
    listed = model.decision_function(some)
    alone = [model.decision_function([x])[0] for x in some]
    cut = [model.decision_function(x[None])[0] for x in some]
    for other in (model.decision_function(padded(some)), alone, cut):
        if active_kernel().name == "compiled":
            np.testing.assert_array_equal(other, listed)
        else:  # BLAS sums in an order of its own
            np.testing.assert_allclose(other, listed, rtol=1e-12, atol=1e-14)


def test_nothing_that_padding_holds_is_read():
    """Beyond an end there may be anything; here sequences are cut out of larger arrays."""
    model = quick().fit(X, y)
    big = np.full((60, 20, 2), np.inf)
    big[:, :12] = padded(X)
    np.testing.assert_array_equal(model.predict_proba(big[:, :12]), model.predict_proba(X))


def test_one_channel():
    """1-D members are series of one channel, at predict also where they are of equal length."""
    series = [x[:, 0] for x in X]
    model = quick().fit(series, y)
    assert model.n_features_in_ == 1
    assert bits(model) == bits(quick().fit([x[:, None] for x in series], y))
    equal = [np.arange(3.0), np.ones(3)]
    np.testing.assert_array_equal(
        model.predict_proba(equal), model.predict_proba(np.stack(equal)[:, :, None])
    )


def test_equal_lists_of_numbers_are_rows():
    """As everywhere in scikit-learn; an object array of them holds sequences."""
    rows = [[1.0, 2.0, 3.0], [0.0, -1.0, -2.0]] * 4
    model = quick().fit(rows, [0, 1] * 4)
    assert model.n_features_in_ == 3
    sequences = quick().fit(as_objects([np.array(row) for row in rows]), [0, 1] * 4)
    assert sequences.n_features_in_ == 1
    assert bits(model) == bits(sequences)


class Table:
    """What another library might have: it becomes an array in its own way."""

    def __init__(self, values):
        self.values, self.ndim = values, values.ndim

    def to_numpy(self):
        return self.values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)


def test_members_of_other_libraries():
    whole = [np.round(4 * x) for x in X]
    expected = bits(quick().fit(whole, y))
    assert bits(quick().fit([Table(x) for x in whole], y)) == expected
    assert bits(quick().fit([pd.DataFrame(x.astype(int)) for x in whole], y)) == expected


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [(["float32"], "float32"), (["float32", "float64"], "float64"), (["int8"], "float64")],
)
def test_dtype(dtypes, expected):
    members = [(4 * x).astype(dtypes[i % len(dtypes)]) for i, x in enumerate(X)]
    model = quick().fit(members, y)
    assert model.params_["W"].dtype == expected
    assert bits(model) == bits(quick().fit([m.astype(expected) for m in members], y))


def test_hidden_states_have_the_form_of_X():
    model = quick().fit(X, y)
    last, every = model.hidden_states(X), model.hidden_states(X, all_steps=True)
    assert isinstance(every, list)
    assert [states.shape for states in every] == [(len(x), 4) for x in X]
    np.testing.assert_array_equal([states[-1] for states in every], last)
    np.testing.assert_array_equal(model.hidden_states(padded(X), all_steps=True), padded(every))
    objects = model.hidden_states(as_objects(X), all_steps=True)
    assert objects.dtype == object
    np.testing.assert_array_equal(objects[3], every[3])


@pytest.mark.parametrize("form", [padded, as_objects, list], ids=["padded", "objects", "list"])
def test_validation_data_in_another_form(form):
    """Also with refit, which joins the two; the joined sequences are those that were given."""
    settings = {"early_stopping": True, "refit": True, "max_iter": 20}
    expected = quick(**settings).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    model = quick(**settings).fit(X[:40], y[:40], X_val=form(X[40:]), y_val=y[40:])
    assert bits(model) == bits(expected)


def test_refit_reads_the_validation_sequences(monkeypatch):
    epochs = record_epochs(monkeypatch)
    settings = {"early_stopping": True, "refit": True, "max_iter": 20}
    quick(**settings).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    _, sequences, targets = epochs[-1]
    for i in range(60):
        start = sequences.starts[i]
        read = sequences.values[start : start + sequences.lengths[i]]
        np.testing.assert_array_equal(read, X[i])
    np.testing.assert_array_equal(targets.labels, y)


@pytest.mark.skipif(
    active_kernel().name == "reference"
    or not sys.platform.startswith("linux")
    or "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="the limit is on the compiled kernel's memory; Linux keeps it, sanitizers reserve more",
)
def test_one_long_sequence_among_short_ones():
    """Raises no MemoryError: memory is for the steps there are, not for as many of the longest."""
    run_python(
        "import resource, numpy as np\n"
        "from helpers.estimators import quick\n"
        "X = [np.zeros((100_000, 2))] + [np.zeros((5, 2))] * 63\n"
        "model = quick(hidden_size=32, max_iter=1, batch_size=64)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "model.fit(X, [0, 1] * 32)\n"
    )


def test_the_loss_is_the_sum_over_single_sequences():
    """Weights pick sequences: the objective of all is the mean of those of each."""
    model = quick(max_iter=1, learning_rate_init=1e-300, batch_size=60, alpha=0)
    together = model.fit(X, y).loss_
    weights = np.eye(60)
    alone = []
    for weight in weights:
        weight = np.where(weight, 1.0, 1e-9)
        alone.append(model.fit(X, y, sample_weight=weight).loss_)
    assert np.mean(alone) == pytest.approx(together, rel=1e-6)


# Within scikit-learn


def test_cross_validation_and_splits():
    train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    pipeline = make_pipeline(SequenceStandardScaler(), quick(max_iter=60))
    assert pipeline.fit(train, y_train).score(test, y_test) > 0.8
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.8
    listed = cross_val_predict(pipeline, X, y, cv=3, method="predict_proba")
    for form in (as_objects(X), padded(X)):
        np.testing.assert_allclose(
            cross_val_predict(pipeline, form, y, cv=3, method="predict_proba"), listed, rtol=1e-9
        )


@pytest.mark.parametrize("form", ["list", "objects", "padded"])
def test_grid_search_with_two_processes_and_a_cache(form, tmp_path):
    given = {"list": X, "objects": as_objects(X), "padded": padded(X)}[form]
    pipeline = make_pipeline(SequenceStandardScaler(), quick(max_iter=30), memory=str(tmp_path))
    grid = {
        "sequencestandardscaler__with_mean": [True, False],
        "fastgrnnclassifier__hidden_size": [2, 6],
    }
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(given, y)
    assert search.best_score_ > 0.8
    assert any(tmp_path.rglob("*.pkl"))
    plain = make_pipeline(SequenceStandardScaler(), quick(max_iter=30))
    plain.set_params(**search.best_params_).fit(given, y)
    np.testing.assert_array_equal(search.predict_proba(given), plain.predict_proba(given))


@pytest.mark.parametrize("form", ["list", "objects", "padded"])
def test_ensembles(form):
    given = {"list": X, "objects": as_objects(X), "padded": padded(X)}[form]
    models = [(str(size), quick(hidden_size=size, max_iter=40)) for size in (3, 5)]
    voting = VotingClassifier(models, voting="soft").fit(given, y)
    expected = np.mean([model.fit(given, y).predict_proba(given) for _, model in models], axis=0)
    np.testing.assert_allclose(voting.predict_proba(given), expected, rtol=1e-12)
    calibrated = CalibratedClassifierCV(quick(max_iter=40), cv=3).fit(given, y)
    assert calibrated.score(given, y) > 0.8


def test_weights_and_validation():
    """A weight of zero is as good as leaving a sequence out of the validation."""
    train, test = X[:40], X[40:]
    weights = np.r_[np.ones(10), np.zeros(10)]
    settings = {"early_stopping": True, "class_weight": "balanced"}
    whole = quick(**settings).fit(
        train, y[:40], np.ones(40), X_val=test, y_val=y[40:], sample_weight_val=weights
    )
    part = quick(**settings).fit(train, y[:40], X_val=padded(test[:10]), y_val=y[40:50])
    assert bits(whole) == bits(part)
    np.testing.assert_allclose(whole.validation_loss_curve_, part.validation_loss_curve_)


# Without copies


def peak_of(call):
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("in_groups", [False, True], ids=["one series", "two series"])
def test_windows_are_read_where_they_lie(in_groups):
    """Copied, the windows of this series would take 100 times its memory."""
    steps = np.arange(20_000)
    series = np.column_stack([np.sin(steps / 9), np.cos(steps / 7)])
    groups = steps // 10_000 if in_groups else None
    windows, values, _ = sliding_windows(series, steps // 7 % 2, window=100, groups=groups)
    model = quick(max_iter=1, batch_size=100)
    assert peak_of(lambda: model.fit(windows, values)) < 25 * series.nbytes
    some = [*range(0, 3000, 500), len(windows) - 1]
    copied = np.stack([windows[i] for i in some])
    np.testing.assert_allclose(
        model.predict_proba(windows)[some], model.predict_proba(copied), rtol=1e-12
    )


def test_padding_is_not_copied():
    X = np.random.default_rng(0).standard_normal((20_000, 100, 2))
    X[::2, 60:] = np.nan
    model = quick(max_iter=1, batch_size=1000, hidden_size=2)
    assert peak_of(lambda: model.fit(X, np.arange(20_000) // 2 % 2)) < 0.5 * X.nbytes
    shorter = model.predict_proba(X[:200:2, :60])
    np.testing.assert_allclose(model.predict_proba(X[:200])[::2], shorter, rtol=1e-12)


@pytest.mark.parametrize("step", [2, 3, 9])
def test_every_so_manyth_sequence_of_an_array(step):
    """Between them there may be NaN."""
    whole = np.full((60 * step, 6, 2), np.nan)
    whole[::step] = np.random.default_rng(0).standard_normal((60, 6, 2))
    model = quick().fit(whole[::step], y)
    assert bits(model) == bits(quick().fit(whole[::step].copy(), y))


# Bad input at prediction

MODEL = quick().fit(X, y)

REFUSED = {
    "other channels": ([np.ones((4, 3))], "X has 3 channels, but .* is expecting 2"),
    "different channels": ([X[0], X[1][:, :1]], "sample 1 has 1 channel.*, sample 0 has 2"),
    "a gap": ([X[0], np.array([[0, 0], [0, np.nan], [0, 0]])], "sample 1, step 1, channel 1"),
    "a gap in 3-D": (np.array([[[0, 0], [np.nan] * 2, [0, 0]]]), "sample 0, step 1, channel 0"),
    "the imputer is named": ([np.array([[np.nan, 0]])], "preprocessing.SequenceImputer"),
    "half a padding": (np.array([[[0, 0], [0, np.nan]]]), "sample 0, step 1, channel 1"),
    "infinity": ([X[0], X[1] + np.inf], "infinity: sample 1, step 0, channel 0"),
    "infinity after padding": (np.array([[[0, 0], [np.nan] * 2, [0, np.inf]]]), "sample 0, step 1"),
    "NaN throughout": ([X[0], X[1] * np.nan], "sample 1 holds nothing else"),
    "NaN throughout in 3-D": (padded([X[0], X[1] * np.nan]), "sample 1 holds nothing else"),
    "no step": ([X[0], np.ones((0, 2))], "Sample 1 is empty"),
    "rows": (np.ones((3, 4)), "fitted on sequences"),
    "one sequence without a list": (np.ones((3, 2)), "Reshape X to 3 dimensions"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    bad, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        MODEL.predict(bad)


def test_a_model_of_rows_refuses_sequences():
    model = quick().fit(np.ones((8, 4)) * np.arange(8)[:, None], y[:8])
    for other in ([np.ones((3, 1)), np.ones((4, 1))], [np.ones(3), np.ones(4)]):
        with pytest.raises(ValueError, match="fitted on 2-D X with 4 columns"):
            model.predict(other)


@pytest.mark.parametrize("Estimator", [FastGRNNClassifier, FastGRNNRegressor])
def test_nothing_is_lost_when_a_fit_fails(Estimator):
    model = Estimator(4, max_iter=3, n_iter_no_change=float("inf"), random_state=0).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match="sample 7"):
        model.fit([*X[:7], X[7] * np.nan, *X[8:]], y)
    np.testing.assert_array_equal(model.predict(X), before)
