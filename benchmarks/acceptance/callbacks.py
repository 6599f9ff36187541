"""What callbacks cost: time of a fit on digits with each of them over that of one without."""

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from sklearn.datasets import load_digits

from skfastgrnn import FastGRNNClassifier, callbacks

from .promises import less_than

N_ROUNDS = 15
MOST = 1.05
#: A file is written, flushed to the disk and renamed every ten epochs.
MOST_OF_CHECKPOINT = 1.25


class Empty:
    """A user's own, which asks for a fitted estimator in every epoch and does nothing with it."""

    def setup(self, estimator, context):
        """Nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Nothing."""

    def teardown(self, estimator, context):
        """Nothing."""


def run(data):
    """Nothing but digits is needed."""
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8) / 16
    with tempfile.TemporaryDirectory() as folder:
        makers = contenders(Path(folder))
        seconds = {name: [] for name in makers}
        for _ in range(N_ROUNDS):  # in turn, so that a busy machine slows all of them
            for name, make in makers.items():
                seconds[name].append(time_of_fit(X, y, make()))
    plain = median(seconds.pop("none"))
    kept = [
        less_than(
            f"Fit with {name} over one without:",
            median(times) / plain,
            MOST_OF_CHECKPOINT if name.startswith("Checkpoint") else MOST,
        )
        for name, times in seconds.items()
    ]
    return all(kept)


def contenders(folder):
    """What makes the callbacks of each fit."""
    makers = {
        "none": lambda: [],
        "an empty callback": lambda: [Empty()],
        "TimeLimit": lambda: [callbacks.TimeLimit(3600)],
        "LearningRateMonitor": lambda: [callbacks.LearningRateMonitor()],
        "GradientMonitor": lambda: [callbacks.GradientMonitor()],
        "JSONLinesLogger": lambda: [callbacks.JSONLinesLogger(folder / "history.jsonl")],
        "Checkpoint(every=10)": lambda: [
            callbacks.Checkpoint(folder / "training.safetensors", every=10)
        ],
    }
    try:
        callbacks.TensorBoardLogger(folder / "logs")
    except ImportError:
        print("TensorBoardLogger is left out: tensorboard is not installed.")
    else:
        makers["TensorBoardLogger"] = lambda: [callbacks.TensorBoardLogger(folder / "logs")]
    return makers


def time_of_fit(X, y, chosen):
    """Seconds of a hundred epochs with the default settings."""
    model = FastGRNNClassifier(n_iter_no_change=np.inf, random_state=0)
    if chosen:
        model.set_callbacks(*chosen)
    started = time.perf_counter()
    model.fit(X, y)
    return time.perf_counter() - started
