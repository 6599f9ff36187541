"""What is refused, in which words; and that a refusal leaves an estimator as it was."""

import numpy as np
import pytest
import scipy.sparse
from helpers.estimators import quick, sequences, snapshot
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skfastgrnn.augmentation import Jitter
from skfastgrnn.compression import Compression
from skfastgrnn.schedules import CosineDecay

X, y = sequences(30, n_timesteps=5, n_channels=3)
rows = X.reshape(30, 15)


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


def of_library(name):
    """An array that claims to come from another library."""
    kind = type("Tensor", (), {"__module__": f"{name}.somewhere", "ndim": 3, "shape": X.shape})
    return kind()


def falling(epoch):
    return 1 - epoch


def endless(epoch):
    return np.inf


# name: (parameters, arguments of fit beside X and y, what the error must say)
REFUSED = {
    # X
    "NaN in 3-D": ({}, {"X": changed(X, (7, 3, 2), np.nan)}, "NaN: sample 7, step 3, channel 2"),
    "infinity in 3-D": (
        {},
        {"X": changed(X, (29, 4, 0), -np.inf)},
        "infinity: sample 29, step 4, channel 0",
    ),
    "NaN and infinity: the first is named": (
        {},
        {"X": changed(changed(X, (3, 1, 1), np.inf), (3, 1, 2), np.nan)},
        "infinity: sample 3, step 1, channel 1",
    ),
    "NaN in a series": (
        {},
        {"X": changed(rows, (7, 3), np.nan)},
        "NaN: sample 7, step 3, channel 0",
    ),
    "NaN in rows of steps": (
        {"n_timesteps": 5},
        {"X": changed(rows, (7, 10), np.nan)},
        "NaN: sample 7, step 3, channel 1",
    ),
    "None": ({}, {"X": changed(X.astype(object), (1, 2, 0), None)}, "sample 1, step 2, channel 0"),
    "no samples": ({}, {"X": X[:0], "y": y[:0]}, r"0 sample\(s\)"),
    "no steps": ({}, {"X": X[:, :0]}, r"0 step\(s\)"),
    "no channels": ({}, {"X": X[:, :, :0]}, r"0 channel\(s\)"),
    "no columns": ({}, {"X": rows[:, :0]}, r"0 feature\(s\)"),
    "1-D": ({}, {"X": X[:, 0, 0]}, "Expected 2D array, got 1D array"),
    "4-D": ({}, {"X": X[:, None]}, "Expected 2D or 3D array, got 4D"),
    "a number": ({}, {"X": 3.0}, "Expected 2D array, got scalar"),
    "X is None": ({}, {"X": None}, "Expected 2D array"),
    "columns not divisible": (
        {"n_timesteps": 4},
        {"X": rows},
        "15 columns, which is not a multiple of n_timesteps=4",
    ),
    "words": ({}, {"X": np.full(X.shape, "word")}, "could not convert string to float"),
    "objects": ({}, {"X": np.full(X.shape, {}, object)}, "must be a string or a real number"),
    "complex 3-D": ({}, {"X": X * 1j}, "Complex data not supported"),
    "complex 2-D": ({}, {"X": rows * 1j}, "Complex data not supported"),
    "sparse": ({}, {"X": scipy.sparse.csr_matrix(rows)}, "Sparse data was passed for X"),
    "dask": ({}, {"X": of_library("dask")}, r"X is a dask object .*X.compute\(\)"),
    "torch": ({}, {"X": of_library("torch")}, r"X is a torch object .*X.numpy\("),
    "gap": ({}, {"X": changed(X, (2, 3, 1), np.nan)}, r"step 3, channel 1\. .*SequenceImputer"),
    "gap in a list": (
        {},
        {"X": list(changed(X, (2, 3, 1), np.nan))},
        "sample 2, step 3, channel 1",
    ),
    "NaN throughout": ({}, {"X": changed(X, 4, np.nan)}, "sample 4 holds nothing else"),
    "other channels": (
        {},
        {"X": [*X[:-1], X[-1][:, :1]]},
        r"same channels: sample 29 has 1 channel\(s\), sample 0 has 3",
    ),
    "a sequence without steps": ({}, {"X": [*X[:-1], X[-1][:0]]}, r"Sample 29 is empty: 0 step"),
    "a sequence of numbers": ({}, {"X": [*X[:-1], 3.0]}, "Sample 29 has 0 dimensions"),
    "a sequence of words": (
        {},
        {"X": [*X[:-1], ["a", "b"]]},
        "no number: sample 29, step 0: .*'a'",
    ),
    "complex sequence": ({}, {"X": [*X[:-1], X[-1] * 1j]}, "Complex data not supported"),
    # y
    "no y": ({}, {"y": None}, "requires y to be passed"),
    "one class": ({}, {"y": np.full(30, "only")}, "one class.*'only'"),
    "one label too few": ({}, {"y": y[1:]}, r"y: .*inconsistent numbers of samples: \[30, 29\]"),
    "numbers instead of labels": ({}, {"y": y + 0.5}, "Unknown label type: continuous"),
    "NaN in y": (
        {},
        {"y": changed(y.astype(float), 3, np.nan)},
        "y contains NaN: sample 3 has no label",
    ),
    "words and None": (
        {},
        {"y": np.where(y, None, "word")},
        "y contains None: sample 1 has no label",
    ),
    "two columns of labels": ({}, {"y": np.column_stack([y, 1 - y]) + 3 * y[:, None]}, "1d array"),
    "sparse y": ({}, {"y": scipy.sparse.csr_matrix(y[:, None])}, "Sparse data was passed for y"),
    # sample_weight, class_weight
    "one weight too few": ({}, {"sample_weight": np.ones(29)}, r"sample_weight.shape == \(29,\)"),
    "2-D weights": ({}, {"sample_weight": np.ones((30, 2))}, "Sample weights must be 1D"),
    "negative weight": (
        {},
        {"sample_weight": changed(np.ones(30), 4, -1)},
        "Negative values in data passed to `sample_weight`",
    ),
    "NaN in weights": (
        {},
        {"sample_weight": changed(np.ones(30), 4, np.nan)},
        "sample_weight contains NaN",
    ),
    "all-zero weights": ({}, {"sample_weight": np.zeros(30)}, "at least one non-zero"),
    "infinite sum of weights": ({}, {"sample_weight": np.full(30, 1e308)}, "too large for float64"),
    "a class without weight": (
        {},
        {"sample_weight": y},
        r"class\(es\) \[0\]: all their samples have zero weight",
    ),
    "negative class_weight": ({"class_weight": {0: -1, 1: 9}}, {}, "class_weight .*at least 0"),
    "NaN class_weight": ({"class_weight": {0: np.nan, 1: 1}}, {}, "class_weight .*finite"),
    "class_weight of other classes": ({"class_weight": {"a": 1}}, {}, "not in class_weight"),
    # the validation set
    "X_val without y_val": ({}, {"X_val": X}, "X_val is provided, but y_val was not"),
    "y_val without X_val": ({}, {"y_val": y}, "y_val is provided, but X_val was not"),
    "sample_weight_val alone": (
        {},
        {"sample_weight_val": np.ones(30)},
        "sample_weight_val is provided, but X_val was not",
    ),
    "X_val without early stopping": (
        {"early_stopping": False},
        {"X_val": X, "y_val": y},
        "early_stopping is False",
    ),
    "channels of X_val": ({}, {"X_val": X[..., :2], "y_val": y}, "X_val has 2 channels.*3"),
    "dimensions of X_val": ({}, {"X_val": rows, "y_val": y}, "X_val has 2 dimensions"),
    "NaN in X_val": (
        {},
        {"X_val": changed(X, (1, 2, 0), np.nan), "y_val": y},
        "Input X_val contains NaN: sample 1, step 2, channel 0",
    ),
    "length of y_val": ({}, {"X_val": X, "y_val": y[1:]}, r"y_val: .*\[30, 29\]"),
    "other labels in y_val": ({}, {"X_val": X, "y_val": y + 1}, r"y_val: .*\[2\]"),
    "labels of another type in y_val": (
        {},
        {"X_val": X, "y_val": y.astype(str)},
        "y_val: .*'0', '1'",
    ),
    "all-zero sample_weight_val": (
        {},
        {"X_val": X, "y_val": y, "sample_weight_val": np.zeros(30)},
        "sample_weight_val: .*non-zero",
    ),
    "length of sample_weight_val": (
        {},
        {"X_val": X, "y_val": y, "sample_weight_val": np.ones(29)},
        r"sample_weight_val.shape == \(29,\)",
    ),
    # what is held out
    "class only in the tail": (
        {"early_stopping": True, "shuffle": False},
        {"y": np.arange(30) >= 24},
        r"learned of class\(es\) \[True\]: none of their samples with a weight is left.*held out",
    ),
    "fewer held out than classes": (
        {"early_stopping": True, "validation_fraction": 0.05},
        {"y": np.arange(30) % 3},
        "2 to hold out and 28 to train on; each part must have room for all 3 classes",
    ),
    "fewer samples than twice the classes": (
        {"early_stopping": True},
        {"X": X[:4], "y": np.array(list("abcd"))},
        "none of their classes has more than one sample",
    ),
    "all held out": (
        {"early_stopping": True, "validation_fraction": 0.99},
        {},
        "validation_fraction=0.99 of 30 samples leaves none to train on",
    ),
    "nothing but zero weights held out": (
        {"early_stopping": True, "shuffle": False},
        {"sample_weight": np.arange(30) < 24},
        "6 samples held out .* all have zero weight",
    ),
    # schedules, augmentation, sampling
    "a negative rate": ({"learning_rate": falling}, {}, "epoch 2"),
    "an infinite rate": ({"learning_rate": endless}, {}, "epoch 0"),
    "a class for a schedule": ({"learning_rate": CosineDecay}, {}, r"write CosineDecay\(\.\.\.\)"),
    "no augmentation": ({"augment": [Jitter(), 3]}, {}, "1"),
    "balanced twice": (
        {"sampling": "balanced", "class_weight": "balanced"},
        {},
        "'balanced' and class_weight exclude each other",
    ),
    "balanced in order": (
        {"sampling": "balanced", "shuffle": False},
        {},
        "'balanced' and shuffle=False exclude each other",
    ),
    "n_jobs=0": ({"n_jobs": 0}, {}, "n_jobs == 0"),
}

BAD_PARAMETERS = {
    "hidden_size": [0, -1, 2.5, "32", None, np.nan],
    "pooling": ["first", None, 1],
    "compression": [{"rank_w": 2}, 8, "low rank", Compression],
    "gate_activation": ["softplus", None, np.tanh],
    "update_activation": ["identity", 3],
    "n_timesteps": [0, -3, 1.5, "all"],
    "solver": ["lbfgs", None],
    "n_layers": [0, 17, 1.5, None],
    "bidirectional": ["yes", None, 2],
    "bounded_state": ["yes", None, 2],
    "gradient_accumulation_steps": [0, -1, 1.5, None],
    "momentum": [-0.1, 1, None],
    "nesterovs_momentum": ["yes", None],
    "dropout": [-0.1, 1, None],
    "augment": ["jitter", 1],
    "sampling": ["uniform", True],
    "loss": ["hinge", None],
    "label_smoothing": [-0.1, 1, 1.5, np.nan, "0.1", None],
    "focal_gamma": [-1, np.nan, "2", None],
    "learning_rate": ["adaptive", 0.1, None],
    "learning_rate_init": [0, -0.1, np.inf, np.nan, "0.1"],
    "lr_decay": [0, 1.5, -1],
    "lr_decay_step": [0, 2.5],
    "batch_size": [0, -1, 1.5, "all"],
    "max_iter": [0, -1, 10.5, np.inf],
    "shuffle": ["yes", None, 2],
    "alpha": [-1e-9, np.nan, None, np.inf],
    "beta_1": [-0.1, 1, 2],
    "beta_2": [-0.1, 1, "auto"],
    "epsilon": [0, -1e-8, None],
    "clip_norm": [0, -5, "none"],
    "ema": [0, 1, -0.5, np.nan, "0.9", True],
    "clip_value": [0, -5, np.nan],
    "early_stopping": ["yes", None, 2],
    "validation_fraction": [0, 1, 1.0, -0.2, 20, None],
    "validation_split": ["last", None, True, 0.2],
    "n_iter_no_change": [0, -1, 2.5, "auto"],
    "tol": [-1e-9, np.nan, None],
    "refit": ["yes", None],
    "n_init": [0, -1, 2.5, None, "auto"],
    "warm_start": ["yes", None],
    "frozen": [True, {"W": True}, 1],
    "class_weight": ["auto", [1, 2], 2],
    "n_jobs": [1.5, "all"],
    "random_state": [-1, "seed", 1.5, np.random.default_rng(0)],
    "verbose": [-1, "loud", None],
}


def refuses_to_fit(params, arguments, message):
    """A fresh estimator, and one that was fitted before and keeps what it had, bit for bit."""
    arguments = {"X": X, "y": y, **arguments}
    fresh = quick(**params)
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        fresh.fit(**arguments)
    assert vars(fresh).keys() == fresh.get_params().keys()

    fitted = quick().fit(X, y).set_params(**params)
    before = snapshot(fitted)
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        fitted.fit(**arguments)
    assert snapshot(fitted) == before


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, on the way to the error
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    refuses_to_fit(*REFUSED[case])


def test_every_parameter_has_bad_values():
    assert BAD_PARAMETERS.keys() == quick().get_params().keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD_PARAMETERS.items() for value in values],
)
def test_refused_parameter(name, value):
    refuses_to_fit({name: value}, {}, f"The '{name}' parameter of FastGRNNClassifier must be")


METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function", "hidden_states"]


@pytest.mark.parametrize("method", METHODS)
def test_before_fit(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(quick(), method)(X)


def test_attributes_before_fit():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        _ = quick().params_


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("fitted_on", "given", "message"),
    [
        (X, X[..., :2], "X has 2 channels, but FastGRNNClassifier is expecting 3 channels"),
        (X, rows, "X has 2 dimensions, but FastGRNNClassifier was fitted on sequences"),
        (rows, rows[:, :14], "X has 14 features, but FastGRNNClassifier is expecting 15 features"),
        (rows, X, "X has 3 dimensions, but FastGRNNClassifier was fitted on 2-D X with 15 columns"),
        (X, X[:0], r"0 sample\(s\)"),
        (X, X[:, :0], r"0 step\(s\)"),
        (X, changed(X, (2, 1, 0), np.nan), "NaN: sample 2, step 1, channel 0"),
        (rows, changed(rows, (2, 1), np.inf), "infinity: sample 2, step 1, channel 0"),
        (X, of_library("torch"), "X is a torch object"),
    ],
    ids=["channels", "2-D", "columns", "3-D", "none", "no steps", "NaN", "infinity", "torch"],
)
def test_refused_by_predictions(method, fitted_on, given, message):
    model = quick().fit(fitted_on, y)
    before = snapshot(model)
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(model, method)(given)
    assert snapshot(model) == before


def test_number_too_large_for_the_fitted_dtype():
    model = quick().fit(X.astype(np.float32), y)
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="sample 3, step 2, channel 1"):
        model.predict(changed(X, (3, 2, 1), 1e300))


def test_numbers_whose_sum_overflows_are_finite():
    large = np.where(X > 0, 1e38, 0).astype(np.float32)
    model = quick().fit(X.astype(np.float32), y)
    with np.errstate(over="ignore"):
        assert np.isinf(large.sum())
    assert np.isfinite(model.predict_proba(large)).all()


def test_nan_far_behind():
    """The search for NaN goes through large arrays in parts."""
    long = np.zeros((3, 1_000_000, 1), np.float32)
    long[2, 999_998] = np.nan
    with pytest.raises(ValueError, match="NaN: sample 2, step 999998, channel 0"):
        quick().fit(long, [0, 1, 1])


def test_clone_of_a_refused_estimator_is_refused_too():
    """Parameters are checked when they are used, not when they are set."""
    with pytest.raises(ValueError, match="'hidden_size'"):
        clone(quick(hidden_size=0)).fit(X, y)
