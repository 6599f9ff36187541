"""Data, one callback of each kind of ours, and callbacks of a user, who knows the protocol."""

import pickle

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.callbacks import (
    Checkpoint,
    EarlyStoppingOnMetric,
    GradientMonitor,
    JSONLinesLogger,
    LearningRateMonitor,
    TimeLimit,
)
from skfastgrnn.preprocessing import SequenceStandardScaler

X, y = sequences(60)
NUMBERS = 100 + 7 * X[:, -1, 0]
N_FITS = 5  # of `in_search`
UNSUPPORTED = "ignore:The estimator SequenceStandardScaler does not support callbacks"


class Hooks:
    """What the protocol asks for, and a list of what was called: (hook, task, live estimator)."""

    def __init__(self):
        self.calls = []

    def note(self, hook, estimator, context):
        self.calls.append((hook, context.task_name, estimator))

    def setup(self, estimator, context):
        self.note("setup", estimator, context)

    def on_fit_task_begin(self, estimator, context):
        self.note("begin", estimator, context)

    def on_fit_task_end(self, estimator, context):
        self.note("end", estimator, context)

    def teardown(self, estimator, context):
        self.note("teardown", estimator, context)

    @property
    def names(self):
        return [(hook, task) for hook, task, _ in self.calls]


class Raising(Hooks):
    """Raises in one hook of a task."""

    def __init__(self, hook, task="fit"):
        super().__init__()
        self.where = (hook, task)

    def note(self, hook, estimator, context):
        super().note(hook, estimator, context)
        if (hook, context.task_name) == self.where:
            raise RuntimeError("of the user's callback")


class AfterEpochs(Hooks):
    """Calls a function of (estimator, context, fitted_estimator) after every epoch."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.answers = []

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch":
            self.answers.append(self.function(estimator, context, fitted_estimator))


class Pickles(Hooks):
    """Pickles the estimator that trains, with all of its callbacks, after an epoch."""

    def __init__(self, at):
        super().__init__()
        self.at = at
        self.pickle = None

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.at:
            self.calls = []
            self.pickle = pickle.dumps(estimator)


class StopsAt(Hooks):
    """Ends the training when the accuracy on training data is good enough."""

    def __init__(self, accuracy):
        super().__init__()
        self.accuracy = accuracy
        self.seen = []

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.seen.append((context.task_name, fitted_estimator.score(X, y), fitted_estimator))
        return context.task_name == "epoch" and self.seen[-1][1] >= self.accuracy


def own_score(estimator, X, y, sample_weight=None):
    """Accuracy or R², for scikit-learn's monitor."""
    return {"score": estimator.score(X, y, sample_weight)}


def in_pipeline(network):
    return Pipeline([("scale", SequenceStandardScaler()), ("network", network)])


def in_search(network, *, n_jobs=2, hidden_sizes=(2, 3), **params):
    """Two candidates, two folds and the refit: five fits."""
    return GridSearchCV(
        in_pipeline(network),
        {"network__hidden_size": list(hidden_sizes)},
        cv=2,
        n_jobs=n_jobs,
        error_score="raise",
        **params,
    )


def quick_regressor(**params):
    params = {"hidden_size": 4, "max_iter": 10, "n_iter_no_change": np.inf, **params}
    return FastGRNNRegressor(random_state=0, **params)


BOTH = pytest.mark.parametrize(
    ("model", "target"), [(quick, y), (quick_regressor, NUMBERS)], ids=["classifier", "regressor"]
)


def every_kind(folder):
    """One of each that needs nothing beyond scikit-learn and ends no training."""
    from sklearn.callback import ScoringMonitor  # of scikit-learn 1.9

    return [
        Checkpoint(folder / "training.safetensors", every=2, best_path=folder / "best.safetensors"),
        EarlyStoppingOnMetric(patience=1000),
        GradientMonitor(),
        JSONLinesLogger(folder / "log.jsonl"),
        LearningRateMonitor(),
        TimeLimit(1000),
        ScoringMonitor(scoring=own_score),
        AfterEpochs(lambda estimator, context, fitted: fitted.predict(X)),
    ]
