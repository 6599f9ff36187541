"""What the callbacks of this package share."""

import os

from ..persistence._files import as_path
from ._sklearn import EpochSupport


class Callback:
    """Hooks that do nothing, for subclasses to override: scikit-learn's protocol `FitCallback`.

    It can be set on the networks of this package only; inside of a pipeline or a search, on the
    network itself. Where these make clones of the network, the clones share the callback; where
    they run in other processes, each of these has a copy. So what a callback has to remember of a
    fit is in its dict `_fits`, under the id of the estimator, from `setup` to `teardown`.
    """

    def setup(self, estimator, context):
        """Refuse other estimators."""
        refuse_others(self, estimator)

    def on_fit_task_begin(self, estimator, context):
        """Called before a fit and before each of its epochs."""

    def on_fit_task_end(self, estimator, context):
        """Called after each epoch and after the fit; True ends the training."""

    def teardown(self, estimator, context):
        """Called when a fit is over, or has failed."""

    def __getstate__(self):
        """What copies and pickles get: nothing of the fits that are going on."""
        return {name: {} if name == "_fits" else value for name, value in vars(self).items()}


def refuse_others(callback, estimator):
    """Raise a TypeError if an estimator is no network of this package."""
    name = type(callback).__name__
    if not isinstance(estimator, EpochSupport):
        raise TypeError(
            f"{name} follows the epochs of a network, and {type(estimator).__name__} is none; "
            f"set it on the network inside: network.set_callbacks({name}(...))."
        )


def is_epoch(context):
    """Whether a task is an epoch, not a whole fit."""
    return context.task_name == "epoch"


def numbers_of_fit(context):
    """The numbers of the tasks that lead to a fit from the largest one that it is a part of."""
    task = context.parent if is_epoch(context) else context
    numbers = []
    while task.parent is not None:
        numbers.insert(0, task.task_id)
        task = task.parent
    return numbers


def path_of_fit(path, context):
    """Where a fit writes to: `path` itself, unless it is one of the fits of a larger one.

    There, the numbers of the tasks that lead to it come before the suffix, ``log-0-2-1.jsonl``, so
    that the fits of a grid search do not overwrite each other's files.
    """
    return numbered(path, numbers_of_fit(context))


def numbered(path, numbers):
    """A path with numbers before its suffix."""
    path = as_path(path)
    return path.with_name("-".join([path.stem, *map(str, numbers)]) + path.suffix)


def entries_of_epoch(history, epoch):
    """What a history has of an epoch, counted from 1: a dict of numbers."""
    return {name: values[epoch - 1] for name, values in history.items() if values}


def make_folder(folder):
    """Make a folder, and those above it, where there is none; the error says which it was."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            error.errno, f"{os.strerror(error.errno or 0)}: cannot make the folder", str(folder)
        ) from error
