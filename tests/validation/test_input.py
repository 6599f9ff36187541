"""Every form of X and y that is read, and what it is read as."""

import tracemalloc

import numpy as np
import pytest
from helpers.estimators import bits, initial, quick, record_epochs, sequences

X, y = sequences(60, n_timesteps=6, n_channels=2)
rows = X.reshape(60, 12)  # 6 steps of 2 channels, one after the other
series = X[:, :, 0]  # one channel


def as_memmap(X, tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def as_read_only(X, tmp_path):
    X = X.copy()
    X.flags.writeable = False
    return X


def as_misaligned(X, tmp_path):
    """An array that does not begin at a multiple of its item size."""
    shifted = np.frombuffer(b"\0" + X.tobytes(), X.dtype, offset=1).reshape(X.shape)
    assert not shifted.flags.aligned
    return shifted


FORMS = {
    "read-only": as_read_only,
    "memmap": as_memmap,
    "misaligned": as_misaligned,
    "Fortran order": lambda X, tmp_path: np.asfortranarray(X),
    "every other row": lambda X, tmp_path: np.repeat(X, 2, axis=0)[::2],
    "backwards": lambda X, tmp_path: X[..., ::-1].copy()[..., ::-1],
    "other byte order": lambda X, tmp_path: X.astype(X.dtype.newbyteorder()),
    "nested lists": lambda X, tmp_path: X.tolist(),
    "list of arrays": lambda X, tmp_path: list(X),
    "objects": lambda X, tmp_path: X.astype(object),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("X", [X, rows], ids=["3-D", "2-D"])
def test_forms_of_the_same_numbers(X, form, tmp_path):
    expected = quick().fit(X, y)
    same = FORMS[form](X, tmp_path)
    model = quick().fit(same, y)
    assert bits(model) == bits(expected)
    np.testing.assert_array_equal(model.predict_proba(same), expected.predict_proba(X))


@pytest.mark.parametrize(("given", "computed"), [
    ("float32", "float32"),
    ("float64", "float64"),
    (">f4", "float64"),
    ("float16", "float64"),
    ("longdouble", "float64"),
    ("int8", "float64"),
    ("uint64", "float64"),
    ("bool", "float64"),
    ("object", "float64"),
])  # fmt: skip
@pytest.mark.parametrize("shape", [(60, 6, 2), (60, 12)], ids=["3-D", "2-D"])
def test_dtypes(shape, given, computed):
    given_X = np.abs(X * 3).astype(given).reshape(shape)
    model = quick().fit(given_X, y)
    assert bits(model) == bits(quick().fit(given_X.astype(computed), y))
    assert {part.dtype for part in model.params_.values()} == {np.dtype(computed)}
    for answer in (model.predict_proba(given_X), model.hidden_states(given_X)):
        assert answer.dtype == computed


def test_other_dtype_at_predict():
    """What is predicted has the dtype that was fitted."""
    model = quick().fit(X.astype(np.float32), y)
    assert model.predict_proba(X).dtype == np.float32
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X.astype(np.float32)))


def test_float32_learns_what_float64_learns():
    single, double = (quick(max_iter=3).fit(X.astype(dtype), y) for dtype in ("f4", "f8"))
    np.testing.assert_allclose(single.predict_proba(X), double.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize(
    ("flat", "n_timesteps", "shape"),
    [
        (series, None, (60, 6, 1)),
        (series, 6, (60, 6, 1)),
        (rows, 6, (60, 6, 2)),
        (rows, 2, (60, 2, 6)),
        (rows, 1, (60, 1, 12)),
        (rows, None, (60, 12, 1)),
    ],
)
def test_n_timesteps_reads_rows_as_reshape_does(flat, n_timesteps, shape):
    model = quick(n_timesteps=n_timesteps).fit(flat, y)
    expected = quick().fit(flat.reshape(shape), y)
    assert bits(model) == bits(expected)
    np.testing.assert_array_equal(
        model.predict_proba(flat), expected.predict_proba(flat.reshape(shape))
    )
    assert (model.n_features_in_, model.n_channels_) == (flat.shape[1], shape[2])
    assert (expected.n_features_in_, expected.n_channels_) == (shape[2], shape[2])


@pytest.mark.parametrize("n_timesteps", [1, 3, 20])
def test_3d_of_another_length_at_predict(n_timesteps):
    """A network has no length: the states of a sequence's beginning are those of the whole."""
    model = quick().fit(X, y)
    longer = sequences(10, n_timesteps=20)[0]
    part = longer[:, :n_timesteps]
    assert model.predict_proba(part).shape == (10, 2)
    np.testing.assert_allclose(
        model.hidden_states(part), model.hidden_states(longer, all_steps=True)[:, n_timesteps - 1]
    )


def test_one_sample_and_one_step():
    model = quick().fit(X, y)
    all_at_once = model.predict_proba(X)
    one_by_one = np.vstack([model.predict_proba(X[i : i + 1]) for i in range(60)])
    np.testing.assert_allclose(one_by_one, all_at_once, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(60, 6, 2), (60, 12)], ids=["3-D", "2-D"])
def test_x_is_read_in_place(shape, dtype, monkeypatch):
    epochs = record_epochs(monkeypatch)
    given = X.astype(dtype).reshape(shape)
    quick(n_timesteps=6, early_stopping=True).fit(given, y)
    assert len(epochs) == 10
    for _, read, _ in epochs:
        assert np.shares_memory(read.values, given)
        assert read.values.nbytes == given.nbytes


def test_memory_of_a_fit_does_not_grow_with_x(tmp_path):
    large = as_memmap(np.random.default_rng(0).random((1000, 50, 160), np.float32), tmp_path)
    quick().fit(X, y)  # imports what a first fit imports
    tracemalloc.start()
    quick(hidden_size=1, max_iter=1, early_stopping=False).fit(large, np.arange(1000) % 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < large.nbytes / 20


def test_data_frame():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(rows, columns=[f"c{i}" for i in range(12)])
    model = quick(n_timesteps=6).fit(table, pd.Series(y))
    assert list(model.feature_names_in_) == list(table.columns)
    assert bits(model) == bits(quick().fit(X, y))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table[table.columns[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(rows)


def test_data_frame_of_mixed_dtypes():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"a": np.arange(60) % 7, "b": series[:, 0].astype("f4"), "c": y > 0})
    assert bits(quick().fit(table, y)) == bits(quick().fit(table.to_numpy(np.float64), y))


def test_refit_on_another_form():
    pd = pytest.importorskip("pandas")
    model = quick(n_timesteps=6).fit(pd.DataFrame(rows, columns=list("abcdefghijkl")), y)
    model.fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    assert (model.n_features_in_, model.n_channels_) == (2, 2)
    model.predict(X)
    with pytest.raises(ValueError, match="X has 2 dimensions"):
        model.predict(rows)
    model.fit(rows, y)
    assert model.n_features_in_ == 12
    with pytest.raises(ValueError, match="X has 3 dimensions"):
        model.predict(X)


@pytest.mark.parametrize(
    "names",
    [
        np.array(["no", "yes"]),
        np.array(["a", "longer"], dtype=object),
        np.array([False, True]),
        np.array([-1, 1], dtype=np.int8),
        np.array([0.0, 2.0]),
    ],
    ids=str,
)
def test_labels_of_two_classes(names):
    numbered = quick(max_iter=50).fit(X, y)
    model = quick(max_iter=50).fit(X, names[y])
    assert bits(model) == bits(numbered)
    np.testing.assert_array_equal(model.classes_, names)
    assert model.predict(X).dtype == names.dtype
    np.testing.assert_array_equal(model.predict(X), names[numbered.predict(X)])
    assert model.score(X, names[y]) > 0.8


def test_labels_are_sorted_whatever_comes_first():
    X3, y3 = sequences(60, n_classes=3)
    names = np.array(["walk", "run", "sit"])
    model = quick(max_iter=50).fit(X3, names[y3])
    assert list(model.classes_) == ["run", "sit", "walk"]
    columns = [list(model.classes_).index(name) for name in names]
    of_its_class = model.predict_proba(X3)[np.arange(60), np.array(columns)[y3]]
    assert of_its_class.mean() > 0.5
    assert set(model.predict(X3)) == set(names)


def test_pandas_labels():
    pd = pytest.importorskip("pandas")
    labels = pd.Series(np.array(["no", "yes"])[y], index=np.arange(60)[::-1])
    for given in (labels, labels.astype("category"), labels.tolist()):
        assert bits(quick().fit(X, given)) == bits(quick().fit(X, y))


def test_column_of_labels_is_flattened_with_a_warning():
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        model = quick().fit(X, y[:, None])
    assert bits(model) == bits(quick().fit(X, y))


def test_rare_classes_have_an_output_each():
    labels = np.arange(60) // 2
    model = initial(X, labels)
    assert model.predict_proba(X).shape == (60, 30)
    assert model.decision_function(X).shape == (60, 30)


def test_n_timesteps_changed_after_fit_does_not_matter():
    """A fitted network knows its channels."""
    model = quick(n_timesteps=6).fit(rows, y)
    expected = model.predict_proba(rows)
    for n_timesteps in (1, 12, 5, None):
        model.set_params(n_timesteps=n_timesteps, hidden_size=50)
        np.testing.assert_array_equal(model.predict_proba(rows), expected)
