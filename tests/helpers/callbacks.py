"""Callbacks of a user, which know scikit-learn's protocol only, and a search to set them in."""

import pickle

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skfastgrnn.preprocessing import SequenceStandardScaler


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
