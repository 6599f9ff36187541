"""Checkpoint: a training that survives its process."""

from numbers import Integral
from os import PathLike

from sklearn.utils._param_validation import Interval, validate_params

from ..persistence._files import check_replaceable
from ..persistence._safetensors import write
from ._base import Callback, is_epoch, path_of_fit
from ._sklearn import fit_context


class Checkpoint(Callback):
    """Write a training to a file while it runs, to take it up after the process has died.

    :meth:`~skfastgrnn.FastGRNNClassifier.resume` goes on from the file as if nothing had happened;
    :func:`skfastgrnn.load` reads the model that it holds.

    Parameters
    ----------
    path : str, bytes, path-like or None, default=None
        The file of the last checkpoint; by custom its name ends in ``.safetensors``. It is replaced
        in one step, so that there is a whole one at any moment. None writes none, which makes sense
        with `best_path`. In a search or another meta-estimator, each fit has a file of its own: the
        numbers of its tasks are put before the suffix.
    every : int, default=1
        Epochs between two checkpoints. One more is written when the training ends.
    best_path : str, bytes, path-like or None, default=None
        The file of the best model so far, as :func:`skfastgrnn.save` writes it: by validation loss,
        or by training loss where nothing is held out.

    Raises
    ------
    ValueError
        If neither `path` nor `best_path` is given.
    OSError
        In `fit`, before the training, if a folder does not exist or cannot be written to.

    Notes
    -----
    `cross_validate` and ensembles of scikit-learn 1.9 do not say which of their fits is which:
    there all of them write to the same file, and so do the fits of a teacher's folds in a
    distillation.

    A second training that `refit` asks for is not seen by callbacks. One that is interrupted in it
    is resumed from the end of the first.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.callbacks import Checkpoint, TimeLimit
    >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 10, ["rises", "falls"] * 10
    >>> model = FastGRNNClassifier(2, max_iter=100, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "training.safetensors"
    ...     first = model.set_callbacks(Checkpoint(path), TimeLimit(0.0)).fit(X, y).n_iter_
    ...     resumed = FastGRNNClassifier(**model.get_params()).resume(path, X, y)
    >>> first, resumed.n_iter_
    (1, 100)
    """

    @validate_params(
        {
            "path": [str, bytes, PathLike, None],
            "every": [Interval(Integral, 1, None, closed="left")],
            "best_path": [str, bytes, PathLike, None],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, path=None, *, every=1, best_path=None):
        if path is None and best_path is None:
            raise ValueError("Checkpoint writes nothing without a path or best_path; give one.")
        self.path = path
        self.every = every
        self.best_path = best_path

    def setup(self, estimator, context):
        """Find out whether the files can be written."""
        super().setup(estimator, context)
        for path in filter(None, (self.path, self.best_path)):
            check_replaceable(path_of_fit(path, context))

    def on_fit_task_end(self, estimator, context):
        """Write what is due after an epoch, or at the end of the training."""
        running = fit_context(estimator)
        state = running.state
        is_due = is_epoch(context) == (state.n_iter % self.every == 0)
        if self.path is not None and is_due and not state.mid_epoch:
            write(
                path_of_fit(self.path, context),
                running.current_estimator(),
                running.checkpoint_state(),
            )
        is_better = state.early_stopping.improved or state.n_iter == 1
        if self.best_path is not None and is_epoch(context) and is_better:
            write(path_of_fit(self.best_path, context), running.best_estimator())
