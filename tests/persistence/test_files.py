"""Models on disk: pickle and joblib, read here and by a process that only has the NumPy kernel."""

import pickle

import joblib
import numpy as np
import pytest
from helpers.estimators import bits, quick, run_python, sequences

READ_AND_PREDICT = """
import sys, joblib, numpy as np
from skfastgrnn.kernels import active_kernel
model, X, y, out = sys.argv[1:]
assert active_kernel().name == "reference"
model, X, y = joblib.load(model), np.load(X), np.load(y)
probabilities, states = model.predict_proba(X), model.hidden_states(X)
refitted = model.fit(X, y).predict_proba(X)
np.savez(out, probabilities=probabilities, states=states, refitted=refitted)
"""


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def fitted(request):
    X, y = sequences(60, n_classes=3)
    X = X.astype(request.param)
    return quick(pooling="mean").fit(X, y), X, y


def by_pickle(model, path):
    path.write_bytes(pickle.dumps(model))
    return pickle.loads(path.read_bytes())


def by_joblib(model, path):
    joblib.dump(model, path)
    return joblib.load(path)


def by_memory_map(model, path):
    joblib.dump(model, path)
    return joblib.load(path, mmap_mode="r")


@pytest.mark.parametrize("through", [by_pickle, by_joblib, by_memory_map])
def test_round_trip(fitted, through, tmp_path):
    model, X, y = fitted
    copy = through(model, tmp_path / "model")
    assert bits(copy) == bits(model)
    assert copy.history_ == model.history_
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(copy.hidden_states(X), model.hidden_states(X))
    assert bits(copy.fit(X, y)) == bits(model)


def test_read_by_a_process_with_the_reference_kernel(fitted, tmp_path):
    model, X, y = fitted
    files = [tmp_path / name for name in ("model", "X.npy", "y.npy", "out.npz")]
    joblib.dump(model, files[0])
    np.save(files[1], X)
    np.save(files[2], y)
    run_python(READ_AND_PREDICT, *files, SKFASTGRNN_KERNEL="reference")
    there = np.load(files[3])
    rounding = 1e-11 if X.dtype == np.float64 else 1e-4
    here = {
        "probabilities": model.predict_proba(X),
        "states": model.hidden_states(X),
        "refitted": model.fit(X, y).predict_proba(X),
    }
    for name, expected in here.items():
        assert there[name].dtype == X.dtype
        np.testing.assert_allclose(there[name], expected, rtol=rounding, atol=rounding)
