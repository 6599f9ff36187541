"""Base class and helpers of the callbacks."""

import os
from numbers import Integral

from ..persistence._files import as_path
from ._sklearn import EpochSupport


class Callback:
    """Base class with empty hooks, after scikit-learn's protocol `FitCallback`.

    It can only be set on the networks of this package; in a pipeline or a search, on the network
    itself. Clones of the network share the callback; each further process has a copy. So the state
    of a fit is in the dict `_fits`, under the id of the estimator, from `setup` to `teardown`.
    """

    def setup(self, estimator, context):
        """Refuse other estimators."""
        refuse_others(self, estimator)

    def on_fit_task_begin(self, estimator, context):
        """Called before a fit and before each of its epochs."""

    def on_fit_task_end(self, estimator, context):
        """Called after each epoch and after the fit; returning True stops training."""

    def teardown(self, estimator, context):
        """Called when a fit is over, or has failed."""

    def __getstate__(self):
        """State for copies and pickles: without running fits."""
        return {name: {} if name == "_fits" else value for name, value in vars(self).items()}


def refuse_others(callback, estimator):
    """Raise an error unless an estimator is a network of this package, for one training."""
    name = type(callback).__name__
    if not isinstance(estimator, EpochSupport):
        raise TypeError(
            f"{name} needs the epochs of a network, and {type(estimator).__name__} has none; "
            f"set it on the network inside: network.set_callbacks({name}(...))."
        )
    if isinstance(estimator.n_init, Integral) and estimator.n_init > 1:
        raise ValueError(
            f"{name} follows one training, and n_init={estimator.n_init} asks for several. Set "
            "n_init=1."
        )


def is_epoch(context):
    """Whether a task is an epoch, not a whole fit."""
    return context.task_name == "epoch"


def numbers_of_fit(context):
    """The numbers of the tasks that lead from the outermost fit to this one."""
    task = context.parent if is_epoch(context) else context
    numbers = []
    while task.parent is not None:
        numbers.insert(0, task.task_id)
        task = task.parent
    return numbers


def path_of_fit(path, context):
    """The path that a fit writes to: `path` itself, unless it is nested in another fit.

    Then the numbers of its tasks are put before the suffix, ``log-0-2-1.jsonl``, so that the fits
    of a grid search do not overwrite each other's files.
    """
    return with_numbers(path, numbers_of_fit(context))


def with_numbers(path, numbers):
    """A path with numbers before its suffix."""
    path = as_path(path)
    return path.with_name("-".join([path.stem, *map(str, numbers)]) + path.suffix)


def entries_of_epoch(history, epoch):
    """The entries of a history for an epoch, counted from 1: a dict of numbers."""
    return {name: values[epoch - 1] for name, values in history.items() if values}


def make_folder(folder):
    """Create a folder and its parents, if missing; the error names the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            error.errno, f"{os.strerror(error.errno or 0)}: cannot create the folder", str(folder)
        ) from error
