"""What the callbacks of this package share."""

import os
import tempfile
from pathlib import Path

from ..training import CallbackSupport


class Callback:
    """Hooks that do nothing, for subclasses to override: scikit-learn's protocol `FitCallback`.

    It can be set on the networks of this package only; inside of a pipeline or a search, on the
    network itself. Where these make clones of the network, the clones share the callback; where
    they run in other processes, each of these has a copy.
    """

    def setup(self, estimator, context):
        """Refuse other estimators."""
        name = type(self).__name__
        if not isinstance(estimator, CallbackSupport):
            raise TypeError(
                f"{name} follows the epochs of a network, and {type(estimator).__name__} is none; "
                f"set it on the network inside: network.set_callbacks({name}(...))."
            )

    def on_fit_task_begin(self, estimator, context):
        """Called before a fit and before each of its epochs."""

    def on_fit_task_end(self, estimator, context):
        """Called after each epoch and after the fit; True ends the training."""

    def teardown(self, estimator, context):
        """Called when a fit is over, or has failed."""


def is_epoch(context):
    """Whether a task is an epoch, not a whole fit."""
    return context.task_name == "epoch"


def path_of_fit(path, context):
    """Where a fit writes to: `path` itself, unless it is one of the fits of a larger one.

    There, the numbers of the tasks that lead to it come before the suffix, ``log-0-2-1.jsonl``, so
    that the fits of a grid search do not overwrite each other's files.
    """
    task = context.parent if is_epoch(context) else context
    numbers = []
    while task.parent is not None:
        numbers.insert(0, str(task.task_id))
        task = task.parent
    path = Path(path)
    return path.with_name("-".join([path.stem, *numbers]) + path.suffix)


def check_writable(path):
    """Raise the error of writing to a path before there is anything to lose."""
    folder = Path(path).parent
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} is a folder; give it the name of a file.")
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder} to write {Path(path).name} to.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(
            error.errno, f"{os.strerror(error.errno or 0)}: cannot write to the folder", str(folder)
        ) from error
