"""Checkpoint: save the state of training, to resume from it."""

import os
from numbers import Integral
from os import PathLike

from sklearn.utils._param_validation import Interval, validate_params

from ..persistence._files import check_replaceable
from ..persistence._safetensors import write
from ._base import Callback, is_epoch, path_of_fit
from ._sklearn import fit_context


class Checkpoint(Callback):
    """Save the state of training to a file, to resume after an interruption.

    :meth:`~skfastgrnn.FastGRNNClassifier.resume` continues from the file with the same result as an
    uninterrupted run; :func:`skfastgrnn.load` reads the model in it.

    Parameters
    ----------
    path : str, bytes, path-like or None, default=None
        The file of the last checkpoint, usually with the suffix ``.safetensors``. It is replaced
        atomically, so that it is complete at any moment. None writes none, to be used with
        `best_path`. In a search or another meta-estimator, each fit has its own file: the numbers
        of its tasks are put before the suffix.
    every : int, default=1
        Number of epochs between two checkpoints. A final one is written when training ends.
    best_path : str, bytes, path-like or None, default=None
        The file of the best model so far, in the format of :func:`skfastgrnn.save`: by validation
        loss, or by training loss if nothing is held out.

    Raises
    ------
    ValueError
        If neither `path` nor `best_path` is given.
    OSError
        In `fit`, before training, if a folder does not exist or is not writable.

    Notes
    -----
    `cross_validate` and ensembles of scikit-learn 1.9 do not distinguish their fits: all of them
    write to the same file, and so do the fits of a teacher's folds in distillation.

    The second training run of `refit=True` does not call callbacks. If it is interrupted, `resume`
    starts from the end of the first.

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
    def __init__(
        self,
        path: str | bytes | os.PathLike | None = None,
        *,
        every: int = 1,
        best_path: str | bytes | os.PathLike | None = None,
    ) -> None:
        if path is None and best_path is None:
            raise ValueError("Checkpoint needs a path or a best_path to write to; pass one.")
        self.path = path
        self.every = every
        self.best_path = best_path

    def setup(self, estimator, context):
        """Check that the files can be written."""
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
