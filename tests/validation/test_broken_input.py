"""Broken input of every kind ends in a clear ValueError or TypeError: no crash, no model of NaN."""

import numpy as np
import pytest
import scipy.sparse
from helpers.estimators import flat, quick, sequences, snapshot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skfastgrnn.network import ACTIVATIONS

DRAWN = settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
)
NOT_FINITE = st.sampled_from([np.nan, np.inf, -np.inf])
NEGATIVE = st.floats(max_value=-1e-30)
WORD = st.text(alphabet="xyz", min_size=1)
WHOLE_NUMBERS = ["hidden_size", "n_timesteps", "lr_decay_step", "batch_size", "max_iter"]
CHOICES = ["pooling", "gate_activation", "update_activation", "solver", "learning_rate"]
POSITIVE_NUMBERS = ["learning_rate_init", "epsilon", "clip_norm", "clip_value", "lr_decay", "alpha"]
FRACTIONS = ["beta_1", "beta_2", "validation_fraction"]


@st.composite
def valid_call(draw):
    """Parameters and the arguments of fit, nothing wrong with them."""
    n, T, D = (draw(st.integers(low, high)) for low, high in [(4, 12), (1, 5), (1, 4)])
    X, y = sequences(n, T, D, seed=draw(st.integers(0, 99)))
    X = X.astype(draw(st.sampled_from([np.float32, np.float64])))
    params = {}
    if draw(st.booleans()):
        X, params["n_timesteps"] = X.reshape(n, T * D), T
    arguments = {"X": X, "y": y}
    if draw(st.booleans()):
        arguments["sample_weight"] = np.ones(n)
    if draw(st.booleans()):
        arguments |= {"X_val": X.copy(), "y_val": y, "sample_weight_val": np.ones(n)}
    return params, arguments


def draw_array(draw, arguments, *names):
    return draw(st.sampled_from([name for name in names if name in arguments]))


def not_finite(draw, params, arguments):
    name = draw_array(draw, arguments, "X", "X_val", "sample_weight", "sample_weight_val")
    broken = arguments[name].copy()
    value = draw(NOT_FINITE)
    if broken.ndim == 3 and broken.shape[2] == 1 and np.isnan(value):
        value = np.inf  # NaN at an end would be padding
    broken.flat[draw(st.integers(0, broken.size - 1))] = value
    arguments[name] = broken


def dimensions(draw, params, arguments):
    name = draw_array(draw, arguments, "X", "X_val")
    X = arguments[name]
    arguments[name] = draw(st.sampled_from([X.flat[0], X.flat[: len(X)], X[..., None, None]]))


def other_form(draw, params, arguments):
    arguments["y_val"] = arguments["y"]
    X = arguments["X"]
    arguments["X_val"] = X.reshape(len(X), -1) if X.ndim == 3 else X[:, :, None]


def empty_dimension(draw, params, arguments):
    name = draw_array(draw, arguments, "X", "X_val")
    shape = list(arguments[name].shape)
    shape[draw(st.integers(0, len(shape) - 1))] = 0
    arguments[name] = np.zeros(shape)


def lengths(draw, params, arguments):
    name = draw_array(draw, arguments, "y", "sample_weight", "y_val", "sample_weight_val")
    array, length = arguments[name], draw(st.integers(0, 30))
    arguments[name] = np.resize(array, length + (length == len(array)))


def whole_number(draw, params, arguments):
    bad = st.integers(max_value=0) | st.floats() | WORD | st.just([1])
    params[draw(st.sampled_from(WHOLE_NUMBERS))] = draw(bad)


def choice(draw, params, arguments):
    bad = WORD | st.integers() | st.none() | NOT_FINITE
    params[draw(st.sampled_from(CHOICES))] = draw(bad)


def positive_number(draw, params, arguments):
    bad = NEGATIVE | NOT_FINITE | WORD | st.just(1j)
    params[draw(st.sampled_from(POSITIVE_NUMBERS))] = draw(bad)


def fraction(draw, params, arguments):
    outside = st.floats(min_value=1) | NEGATIVE
    params[draw(st.sampled_from(FRACTIONS))] = draw(outside | st.none() | WORD)


def garbage(draw, params, arguments):
    name = draw_array(draw, arguments, "X", "X_val")
    X = arguments[name]
    by_form = {
        "words": np.full(X.shape, "word"),
        "dicts": np.full(X.shape, {}, object),
        "missing": np.full(X.shape, None, object),
        "complex": X * 1j,
        "sparse": scipy.sparse.coo_array(X.reshape(len(X), -1)),
        "torch": type("Tensor", (), {"__module__": "torch", "ndim": X.ndim, "shape": X.shape})(),
        "dask": type("Array", (), {"__module__": "dask.array.core", "ndim": X.ndim})(),
        "record": np.zeros(X.shape, "f8,f8"),
        "generator": (x for x in X),
        "set": set(X.flat),
        "dict": {"X": X},
        "object": object(),
        "function": len,
        "text": "X",
        "bytes": b"X",
        "empty list": [],
        "empty lists": [[[]]],
    }
    arguments[name] = by_form[draw(st.sampled_from(sorted(by_form)))]


def ragged(draw, params, arguments):
    """Sequences of their own lengths, one of which has nothing, or too much, or other channels."""
    n = len(arguments["X"])
    steps = draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    X = [np.zeros((T, 2)) for T in steps]
    bad = {
        "no steps": np.zeros((0, 2)),
        "no channels": np.zeros((3, 0)),
        "other channels": np.zeros((3, 5)),
        "four dimensions": np.zeros((3, 2, 1)),
        "no dimension": 1.0,
        "NaN": np.array([[0.0, 0.0], [0.0, np.nan], [0.0, 0.0]]),
        "infinity": np.array([[0.0, np.inf]]),
        "NaN only": np.full((4, 2), np.nan),
        "words": np.full((3, 2), "word"),
        "missing": None,
        "complex": np.zeros((3, 2), complex),
    }
    X[draw(st.integers(0, n - 1))] = bad[draw(st.sampled_from(sorted(bad)))]
    as_list = draw(st.booleans())
    if not as_list:
        objects = np.empty(n, dtype=object)
        objects[:] = X
        X = objects
    params["n_timesteps"] = None
    arguments["X"] = X


def steps_that_do_not_divide(draw, params, arguments):
    n_columns = arguments["X"][0].size
    arguments["X"] = arguments["X"].reshape(-1, n_columns)
    arguments |= dict.fromkeys(["X_val", "y_val", "sample_weight_val"])
    params["n_timesteps"] = draw(st.integers(2, 10**20).filter(lambda T: n_columns % T))


def labels(draw, params, arguments):
    name = draw_array(draw, arguments, "y", "y_val")
    y = arguments[name]
    by_kind = {
        "continuous": y + 0.5,
        "NaN": np.where(y, np.nan, 1.0),
        "columns": np.column_stack([y, y]),
        "complex": y * 1j,
        "mixed": np.where(y, None, "word"),
        "objects": np.full(len(y), {}, object),
        "scalar": 1,
        "word": "word",
        "sparse": scipy.sparse.coo_array(y[:, None]),
        "unknown": y + 7 if name == "y_val" else np.zeros_like(y),
    }
    arguments[name] = by_kind[draw(st.sampled_from(sorted(by_kind)))]


def weights(draw, params, arguments):
    n = len(arguments["X"])
    one_negative = np.ones(n)
    one_negative[draw(st.integers(0, n - 1))] = draw(NEGATIVE)
    bad = [
        np.zeros(n),
        0,
        -1.0,
        one_negative,
        arguments["y"],
        np.full(n, 1e308),
        np.ones((n, 1)),
        "word",
    ]
    arguments["sample_weight"] = bad[draw(st.integers(0, len(bad) - 1))]


def class_weights(draw, params, arguments):
    params["class_weight"] = {draw(st.integers(0, 1)): draw(NEGATIVE | NOT_FINITE | WORD)}


def half_a_validation_set(draw, params, arguments):
    for name in ("X_val", "y_val", "sample_weight_val"):
        arguments.pop(name, None)
    name, like = draw(st.sampled_from([("X_val", "X"), ("y_val", "y"), ("sample_weight_val", "y")]))
    arguments[name] = arguments[like]


BREAKAGES = [
    not_finite,
    dimensions,
    other_form,
    empty_dimension,
    lengths,
    whole_number,
    choice,
    positive_number,
    fraction,
    garbage,
    ragged,
    steps_that_do_not_divide,
    labels,
    weights,
    class_weights,
    half_a_validation_set,
]

OF_X_ALONE = [not_finite, dimensions, empty_dimension, garbage]
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function", "hidden_states"]


def fitted(X, y, **params):
    return quick(max_iter=1, **params).fit(X, y)


def refuses(use, model, **arguments):
    """It says why, and the model stays what it was."""
    before = snapshot(model)
    with pytest.raises((ValueError, TypeError)) as error:
        use(**arguments)
    assert len(str(error.value)) > 10
    assert snapshot(model) == before


@DRAWN
@given(valid_call(), st.sampled_from(BREAKAGES), st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_broken_fit(call, breakage, data):
    params, arguments = call
    quick(max_iter=1, **params).fit(**arguments)  # nothing wrong so far
    breakage(data.draw, params, arguments)
    model = fitted(*sequences(8)).set_params(**params)
    refuses(model.fit, model, **arguments)


@DRAWN
@given(valid_call(), st.sampled_from(OF_X_ALONE), st.sampled_from(METHODS), st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_broken_prediction(call, breakage, method, data):
    params, arguments = call
    X, y = arguments["X"], arguments["y"]
    model = fitted(X, y, **params)
    use = getattr(model, method)
    use(X)
    broken = {"X": X}
    breakage(data.draw, params, broken)
    refuses(use, model, **broken)


@DRAWN
@given(
    valid_call(),
    st.floats(0, 30),
    st.fixed_dictionaries(
        {},
        optional={
            "learning_rate_init": st.floats(1e-300, 1e300),
            "alpha": st.floats(0, 1e300),
            "epsilon": st.floats(1e-300, 1e300),
            "beta_1": st.floats(0, 1, exclude_max=True),
            "beta_2": st.floats(0, 1, exclude_max=True),
            "clip_norm": st.none() | st.floats(1e-300, 1e300),
            "clip_value": st.none() | st.floats(1e-300, 1e300),
            "ema": st.floats(0, 1, exclude_min=True, exclude_max=True),
            "label_smoothing": st.floats(0, 1, exclude_max=True),
            "n_init": st.integers(1, 3),
            "gate_activation": st.sampled_from(ACTIVATIONS),
            "update_activation": st.sampled_from(ACTIVATIONS),
        },
    ),
)
@pytest.mark.filterwarnings("ignore")
def test_extreme_but_legal_fits_have_finite_weights(call, magnitude, extremes):
    params, arguments = call
    for name in ("X", "X_val"):
        if name in arguments:
            arguments[name] = arguments[name] * arguments[name].dtype.type(10**magnitude)
    model = quick(max_iter=3, **params, **extremes).fit(**arguments)
    assert np.isfinite(flat(model)).all()


@DRAWN
@given(
    valid_call(),
    st.floats(0, 1),
    st.floats(1e-4, 0.1),
    st.sampled_from(ACTIVATIONS),
    st.sampled_from(ACTIVATIONS),
)
@pytest.mark.filterwarnings("ignore")
def test_ordinary_fits_predict_no_constant(call, magnitude, rate, gate, update):
    """Where numbers are extreme, all units may be saturated or, of relu, never active."""
    params, arguments = call
    for name in ("X", "X_val"):
        if name in arguments:
            arguments[name] = arguments[name] * arguments[name].dtype.type(10**magnitude)
    settings = {"gate_activation": gate, "update_activation": update, "learning_rate_init": rate}
    model = quick(max_iter=3, **params, **settings).fit(**arguments)
    assert np.ptp(model.predict_proba(arguments["X"])[:, 0]) > 0
