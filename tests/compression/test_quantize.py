"""Estimators in integers: what they predict, and how they behave."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers.estimators import run_python
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline

import skfastgrnn
from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import (
    Compression,
    QuantizedFastGRNNClassifier,
    QuantizedFastGRNNRegressor,
    fold_scaler,
    quantize,
    size_report,
)
from skfastgrnn.network import MOST_OF_ROW
from skfastgrnn.preprocessing import SequenceImputer, SequenceStandardScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 6, 3)) * [1.0, 1e-3, 500.0] + [0.0, 5.0, -300.0]
y = (X[:, :, 0].sum(axis=1) > 0).astype(int)
QUICK = {"hidden_size": 5, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}


def fitted(cls=FastGRNNClassifier, X=X, y=y, **settings):
    return make_pipeline(SequenceStandardScaler(), cls(**{**QUICK, **settings})).fit(X, y)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X.reshape(-1, 8, 8), y, random_state=0, stratify=y)


@pytest.mark.parametrize("bits", [8, 4])
def test_accuracy_on_digits(digits, bits):
    X_train, X_test, y_train, y_test = digits
    scores = []
    for seed in range(3):
        model = FastGRNNClassifier(max_iter=25, random_state=seed)
        model = make_pipeline(SequenceStandardScaler(), model).fit(X_train, y_train)
        quantized = quantize(model, X_train, bits=bits)
        scores.append((model.score(X_test, y_test), quantized.score(X_test, y_test)))
        assert quantized.n_bytes_ < model[-1].n_bytes_ / (3 if bits == 8 else 5)
    before, after = np.mean(scores, axis=0)
    assert after >= before - (0.003 if bits == 8 else 0.02)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize(
    ("gate", "update"),
    [
        ("sigmoid", "tanh"),
        ("hard_sigmoid", "hard_tanh"),
        ("sigmoid", "relu"),
        ("hard_sigmoid", "sigmoid"),
        ("sigmoid", "hard_sigmoid"),
    ],
)
@pytest.mark.parametrize("n_layers", [1, 2])
def test_outputs_are_near_those_of_the_float_model(pooling, gate, update, n_layers):
    model = fitted(
        hidden_size=10,
        max_iter=30,
        pooling=pooling,
        gate_activation=gate,
        update_activation=update,
        n_layers=n_layers,
    )
    exact = model.decision_function(X)
    errors = {
        bits: np.abs(quantize(model, X, bits=bits).decision_function(X) - exact).mean()
        for bits in (8, 4)
    }
    assert errors[8] < 0.03 * exact.std() + 0.005
    assert errors[8] < errors[4] / 3


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("ranks", [{}, {"rank_w": 2, "rank_u": 3}])
def test_weights_that_were_trained_with_few_bits_lose_nothing(bits, ranks):
    """Then only inputs, states, biases and tables are rounded, to 12 bits and more."""
    compression = Compression(bits=bits, density_u=0.5, **ranks)
    model = fitted(hidden_size=12, max_iter=20, compression=compression)
    quantized = quantize(model, X)
    assert quantized._integers.head.bits == bits
    error = quantized.decision_function(X) - model.decision_function(X)
    assert np.abs(error).max() < 0.02
    report = size_report(quantized)
    assert report.masks > 0
    assert report.total == quantized.n_bytes_ == sum(quantized.bytes_by_part_.values())


def test_bytes_are_those_of_the_arrays():
    quantized = quantize(fitted(hidden_size=5), X)
    assert quantized.bytes_by_part_ == {
        "weights": 5 * 3 + 5 * 5,
        "masks": 0,
        "scales": 2 * (2 * 5 + 1),
        "biases": 2 * 2 * 5 + 1 + 2 * 2 + 1,
        "layers": 0,
        "tables": 2 * 33,
        "normaliser": 3 * (4 + 4),
        "head": 5 + 2 + 1 + 4 + 1,
    }
    assert quantized.n_operations_per_step_ == 5 * 3 + 5 * 5 + 3 * 5
    half = quantize(fitted(hidden_size=5), X, bits=4)
    assert half.bytes_by_part_["weights"] == 8 + 13


def test_a_bounded_state_has_all_of_its_bits():
    model = fitted(bounded_state=True, hidden_size=10, max_iter=30)
    quantized = quantize(model, X)
    (cell,) = quantized._integers.cells
    assert (cell.nu, cell.state_bits) == (0, 15)
    exact = model.decision_function(X)
    assert np.abs(quantized.decision_function(X) - exact).mean() < 0.03 * exact.std() + 0.005


def test_units_of_channels_do_not_matter():
    """Without a scaler, channels of very different size are measured by themselves."""
    model = fitted()
    exact = model.decision_function(X)
    folded = quantize(fold_scaler(model), X).decision_function(X)
    assert np.abs(folded - exact).mean() < 0.1 * exact.std()


@pytest.mark.parametrize(
    "y",
    [X[:, :, 0].sum(axis=1), 1e6 + X[:, 0], np.c_[X[:, :, 0].sum(axis=1), 1e-5 * X[:, -1, 1]]],
    ids=["one", "three far from 0", "of different size"],
)
def test_regressors(y):
    model = fitted(FastGRNNRegressor, y=y, hidden_size=8, max_iter=40)
    quantized = quantize(model, X)
    assert isinstance(quantized, QuantizedFastGRNNRegressor)
    assert quantized.predict(X).shape == y.shape
    error = np.abs(quantized.predict(X) - model.predict(X)).mean(axis=0)
    assert (error < 0.03 * y.std(axis=0)).all()
    assert quantized.score(X, y) > model.score(X, y) - 0.02


def test_probabilities_and_labels():
    three = np.array(["a", "b", "c"])[np.arange(80) % 3]
    quantized = quantize(fitted(y=three), X)
    np.testing.assert_array_equal(quantized.classes_, ["a", "b", "c"])
    p = quantized.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(np.log(p), quantized.predict_log_proba(X))
    np.testing.assert_array_equal(quantized.predict(X), quantized.classes_[p.argmax(axis=1)])
    scores = quantized.decision_function(X)
    np.testing.assert_array_equal(scores * 2.0**16, np.rint(scores * 2.0**16))
    two = quantize(fitted(), X)
    assert two.decision_function(X).shape == (80,)
    np.testing.assert_allclose(two.predict_proba(X).sum(axis=1), 1)
    np.testing.assert_array_equal(two.predict(X), two.decision_function(X) > 0)


def test_several_labels():
    labels = np.c_[y, 1 - y, X[:, 0, 0] > 0].astype(int)
    quantized = quantize(fitted(y=labels), X)
    np.testing.assert_array_equal(quantized.predict(X), quantized.predict_proba(X) > 0.5)
    np.testing.assert_allclose(quantized.predict_log_proba(X), np.log(quantized.predict_proba(X)))


def test_forms_of_x():
    rows = X.reshape(80, -1)
    flat = make_pipeline(
        SequenceStandardScaler(n_timesteps=6), FastGRNNClassifier(**QUICK, n_timesteps=6)
    )
    names = [f"c{i}" for i in range(18)]
    quantized = quantize(
        flat.fit(pd.DataFrame(rows, columns=names), y), pd.DataFrame(rows, columns=names)
    )
    assert quantized.n_features_in_ == 18
    np.testing.assert_array_equal(quantized.feature_names_in_, names)
    expected = quantize(fitted(), X).decision_function(X)
    np.testing.assert_array_equal(
        quantized.decision_function(pd.DataFrame(rows, columns=names)), expected
    )
    with pytest.raises(ValueError, match="feature names should match"):
        quantized.predict(pd.DataFrame(rows[:, :6], columns=names[:6]))
    ragged = [x[: 1 + i % 6] for i, x in enumerate(X)]
    padded = np.full_like(X, np.nan)
    for i, x in enumerate(ragged):
        padded[i, : len(x)] = x
    of_sequences = quantize(fitted(), X)
    scores = of_sequences.decision_function(ragged)
    np.testing.assert_array_equal(of_sequences.decision_function(padded), scores)
    for i in (0, 3, 79):
        assert of_sequences.decision_function([ragged[i]])[0] == scores[i]
    np.testing.assert_array_equal(
        of_sequences.decision_function(X.astype(np.float32)), of_sequences.decision_function(X)
    )


def test_values_beyond_the_calibration_saturate():
    model = quantize(fitted(), X)
    center, factor = model._integers.input_center, model._integers.input_factor
    ends = center + 32767 / factor
    far = np.broadcast_to(ends, (2, 6, 3)).copy()
    far[1] = center + 1e30
    assert model.decision_function(far)[0] == model.decision_function(far)[1]
    assert np.abs(X - center).max() * factor.min() < 32767  # and not within it


def test_a_step_that_cannot_be_folded_stays_in_front():
    gaps = X.copy()
    gaps[0, 1] = [np.nan, 5.0, 1.0]
    model = make_pipeline(
        SequenceImputer(), SequenceStandardScaler(), FastGRNNClassifier(**QUICK)
    ).fit(gaps, y)
    quantized = quantize(model, gaps)
    assert [type(step).__name__ for _, step in quantized.steps] == [
        "SequenceImputer",
        "QuantizedFastGRNNClassifier",
    ]
    assert (quantized.predict(gaps) == model.predict(gaps)).mean() > 0.95
    by_step = make_pipeline(
        SequenceStandardScaler(per="timestep"), FastGRNNClassifier(**QUICK)
    ).fit(X, y)
    assert isinstance(quantize(by_step, X), Pipeline)
    alone = quantize(FastGRNNClassifier(**QUICK).fit(X, y), X)
    assert isinstance(alone, QuantizedFastGRNNClassifier)


def test_fit_trains_and_converts():
    inner = make_pipeline(SequenceStandardScaler(), FastGRNNClassifier(**QUICK))
    model = QuantizedFastGRNNClassifier(inner, bits=4).fit(X, y)
    expected = quantize(fitted(), X, bits=4)
    np.testing.assert_array_equal(model.decision_function(X), expected.decision_function(X))
    again = clone(expected).fit(X, y)
    np.testing.assert_array_equal(again.decision_function(X), expected.decision_function(X))
    weighted = QuantizedFastGRNNClassifier(inner).fit(
        X, y, sample_weight=np.r_[np.ones(40), np.zeros(40)]
    )
    assert (weighted.decision_function(X) != expected.decision_function(X)).any()
    regressor = QuantizedFastGRNNRegressor(FastGRNNRegressor(**QUICK)).fit(X, X[:, 0, 0])
    assert regressor.predict(X).shape == (80,)


def test_in_a_search():
    inner = Pipeline([("scaler", SequenceStandardScaler()), ("net", FastGRNNClassifier(**QUICK))])
    search = GridSearchCV(
        QuantizedFastGRNNClassifier(inner),
        {"bits": [4, 8], "estimator__net__hidden_size": [3, 4]},
        cv=2,
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert set(search.predict(X)) <= {0, 1}


MODELS = {
    "classifier": lambda: quantize(fitted(n_layers=2, pooling="attention"), X),
    "strings": lambda: quantize(fitted(y=np.where(y, "up", "down")), X, bits=4),
    "labels": lambda: quantize(fitted(y=np.c_[y, 1 - y]), X),
    "low rank": lambda: quantize(fitted(compression=Compression(rank_w=2, rank_u=2)), X),
    "regressor": lambda: quantize(fitted(FastGRNNRegressor, y=X[:, 0, 0]), X),
    "regressors": lambda: quantize(fitted(FastGRNNRegressor, y=X[:, 0]), X),
}


@pytest.mark.parametrize("made", MODELS)
def test_files_and_pickles(made, tmp_path):
    model = MODELS[made]()
    skfastgrnn.save(model, tmp_path / "model.safetensors")
    for restored in (
        skfastgrnn.load(tmp_path / "model.safetensors"),
        pickle.loads(pickle.dumps(model)),
    ):
        np.testing.assert_array_equal(restored.predict(X), model.predict(X))
        assert restored.bytes_by_part_ == model.bytes_by_part_
    assert len(pickle.dumps(model)) < 12_000


def test_a_file_is_read_before_anything_has_imported_the_class(tmp_path):
    skfastgrnn.save(quantize(fitted(), X), tmp_path / "model.safetensors")
    printed = run_python(
        f"import skfastgrnn\nprint(skfastgrnn.load({str(tmp_path / 'model.safetensors')!r}))"
    )
    assert printed.strip().startswith("QuantizedFastGRNNClassifier")


CHANGES = {
    "weights beyond their bits": lambda c, t: t["cells/0/w/weights"].__setitem__((0, 0), -128),
    "negative multiplier": lambda c, t: t["head/multiplier"].__setitem__(0, -1),
    "bias of the head": lambda c, t: t["head_bias"].__setitem__(0, 2**30),
    "factor": lambda c, t: t["input_factor"].__setitem__(0, -1.0),
    "shape": lambda c, t: t.update({"cells/0/u/weights": t["cells/0/u/weights"][:, :-1].copy()}),
    "missing": lambda c, t: t.pop("cells/0/bias_gate"),
    "shift": lambda c, t: settings_in(c)["shifts"]["dict"].__setitem__("head", 31),
    "zeta": lambda c, t: settings_in(c)["cells"][0]["dict"].__setitem__("zeta", 2**15),
    "state": lambda c, t: settings_in(c)["cells"][0]["dict"].__setitem__("state_bits", 16),
    "pooling": lambda c, t: settings_in(c).__setitem__("pooling", "attention"),
    "no cell": lambda c, t: settings_in(c).__setitem__("cells", []),
    "bits": lambda c, t: settings_in(c).__setitem__("bits", 5),
}


def settings_in(content):
    return content["attributes"]["_settings"]["dict"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_of_numbers_that_do_not_fit_is_refused(change, tmp_path):
    """Those that a network in integers could overflow by, or read beyond its arrays."""
    from skfastgrnn.persistence._safetensors import as_bytes, content_of

    content, tensors = content_of(quantize(fitted(), X))
    tensors = {name: array.copy() for name, array in tensors.items()}
    CHANGES[change](content, tensors)
    path = tmp_path / "model.safetensors"
    path.write_bytes(as_bytes(content, tensors))
    with pytest.raises(ValueError, match="cannot be read"):
        skfastgrnn.load(path)


def test_rows_of_many_weights_fit_their_sums():
    """Beyond 516 columns of 127, steps grow so that an int32 holds the sum."""
    from skfastgrnn.compression._integers import Part, integer_matrix

    weights = np.ones((2, 2000))
    matrix = integer_matrix(Part(weights, None), 8, 1e-6, "W")
    totals = np.abs(matrix.weights.astype(int)).sum(axis=1)
    assert (totals <= MOST_OF_ROW).all()
    value = matrix.multiplier / 2.0 ** (16 + matrix.shift) * totals
    np.testing.assert_allclose(value, 2000 * 1e-6, rtol=0.02)
