"""Small data sets, quick estimators and subprocesses for the estimator tests."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.kernels import active_kernel

TESTS = Path(__file__).resolve().parents[1]


def sequences(n_samples=60, n_timesteps=6, n_channels=2, *, n_classes=2, seed=0):
    """Noise of that shape, in which the mean of channel 0 grows with the class, and the classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_classes
    X = rng.standard_normal((n_samples, n_timesteps, n_channels))
    X[:, :, 0] += y[:, None] - (n_classes - 1) / 2
    return X, y


def quick(**params):
    """A small classifier that trains for exactly ten epochs at one rate, unless told otherwise."""
    defaults = {
        "hidden_size": 4,
        "batch_size": 8,
        "learning_rate": "constant",
        "learning_rate_init": 0.03,
        "max_iter": 10,
        "n_iter_no_change": float("inf"),
        "random_state": 0,
    }
    return FastGRNNClassifier(**{**defaults, **params})


def initial(X, y, **params):
    """A classifier of `quick` with its initial weights, which so slow a fit cannot change."""
    return quick(**{**params, "max_iter": 1, "learning_rate_init": 1e-300}).fit(X, y)


def flat(model):
    """All learned parameters as one vector, in the order of their names."""
    return np.concatenate([model.params_[name].ravel() for name in sorted(model.params_)])


def bits(model):
    """The learned parameters, for comparisons to the last bit."""
    return flat(model).tobytes()


def snapshot(model):
    """Everything a model is, byte for byte."""
    return pickle.dumps(vars(model))


def record_epochs(monkeypatch):
    """A list to which every epoch of the fits to come adds (rows, sequences, targets)."""
    kernel, epochs = active_kernel(), []
    train_epoch = kernel.train_epoch

    def recorded(network, parameters, sequences, targets, loss, rows, *args, **kwargs):
        epochs.append((np.array(rows), sequences, targets))
        return train_epoch(network, parameters, sequences, targets, loss, rows, *args, **kwargs)

    monkeypatch.setattr(kernel, "train_epoch", recorded)
    return epochs


def environment(**variables):
    """This process's environment, with variables set or, where None, removed."""
    merged = {**os.environ, **variables}
    return {name: value for name, value in merged.items() if value is not None}


def run_python(code, *arguments, timeout=120, **variables):
    """What code prints in a fresh interpreter, which has the modules of the tests too."""
    path = [TESTS, *TESTS.iterdir(), os.environ.get("PYTHONPATH", "")]
    variables["PYTHONPATH"] = os.pathsep.join(map(str, filter(None, path)))
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
