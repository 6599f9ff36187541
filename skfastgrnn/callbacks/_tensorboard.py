"""TensorBoardLogger: metrics and histograms for TensorBoard."""

import os
from numbers import Integral
from os import PathLike

from sklearn.utils._param_validation import Interval, validate_params

from ..persistence._files import as_path, check_folder
from ._base import Callback, entries_of_epoch, is_epoch, make_folder, numbers_of_fit
from ._sklearn import fit_context


class TensorBoardLogger(Callback):
    """Write metrics to a folder for TensorBoard during training.

    Parameters
    ----------
    folder : str, bytes or path-like
        The folder, created if missing. In a search or another meta-estimator each fit has its own
        folder in it (a run of TensorBoard): ``fit-`` and the numbers of its tasks.
    histograms_every : int or None, default=None
        Number of epochs between two histograms of each parameter and its gradient. None writes
        none.
    n_sequences : int, default=32
        Number of training sequences whose mean loss is differentiated, see `GradientMonitor`.

    Raises
    ------
    ImportError
        If the package tensorboard is not installed. TensorFlow is not needed.
    OSError
        In `fit`, before training, if the folder cannot be created or written to.

    See Also
    --------
    JSONLinesLogger : Writes the same as JSON lines.
    GradientMonitor : Warns if gradients vanish or explode.

    Notes
    -----
    ``tensorboard --logdir folder`` shows the folder. Scalars have the names of `history_`, weights
    and gradients those of `params_`; the step is the epoch, counted from 1. A further fit with the
    same folder replaces the entries of the same and later epochs.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.callbacks import TensorBoardLogger
    >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 10, ["rises", "falls"] * 10
    >>> model = FastGRNNClassifier(2, max_iter=3, n_iter_no_change=float("inf"), random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = model.set_callbacks(TensorBoardLogger(folder, histograms_every=1)).fit(X, y)
    ...     print(*(path.name.split(".")[2] for path in Path(folder).iterdir()))
    tfevents
    """

    @validate_params(
        {
            "folder": [str, bytes, PathLike],
            "histograms_every": [Interval(Integral, 1, None, closed="left"), None],
            "n_sequences": [Interval(Integral, 1, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        folder: str | bytes | os.PathLike,
        *,
        histograms_every: int | None = None,
        n_sequences: int = 32,
    ) -> None:
        event_file_class()
        self.folder = folder
        self.histograms_every = histograms_every
        self.n_sequences = n_sequences
        self._fits = {}  # the RunOfFit of each

    def setup(self, estimator, context):
        """Make the folder."""
        super().setup(estimator, context)
        numbers = numbers_of_fit(context)
        folder = as_path(self.folder)
        if numbers:
            folder /= "-".join(["fit", *map(str, numbers)])
        make_folder(folder)
        check_folder(folder, "writing events")
        self._fits[id(estimator)] = RunOfFit(folder)

    def on_fit_task_end(self, estimator, context):
        """Write new epochs, including one that diverged, for which no epoch task ends."""
        running, run = fit_context(estimator), self._fits[id(estimator)]
        epoch = running.state.n_iter
        run.add_scalars(running.state)
        if is_epoch(context) and self.histograms_every and epoch % self.histograms_every == 0:
            run.add_histograms(epoch, "weights", running.current_estimator().params_)
            run.add_histograms(epoch, "gradients", running.gradients(self.n_sequences))
        run.flush()

    def teardown(self, estimator, context):
        """Close the file."""
        if id(estimator) in self._fits:
            self._fits.pop(id(estimator)).close()


def event_file_class():
    """`EventFile`, which needs the package tensorboard."""
    try:
        from ._event_file import EventFile
    except ImportError as error:
        raise ImportError(
            f"TensorBoardLogger writes with the package tensorboard, which cannot be imported "
            f"({error}): pip install tensorboard"
        ) from error
    return EventFile


class RunOfFit:
    """The events of one fit, in a file that is opened at the first write."""

    def __init__(self, folder):
        self._folder = folder
        self._file = None
        self._n_written = 0

    def add_scalars(self, state):
        """Write the metrics of the epochs that are not written yet."""
        for epoch in range(self._n_written + 1, state.n_iter + 1):
            if self._file is None:
                self._file = event_file_class()(self._folder, first_step=epoch)
            self._file.add_scalars(epoch, entries_of_epoch(state.history, epoch))
        self._n_written = state.n_iter

    def add_histograms(self, epoch, group, arrays):
        """Write histograms of arrays, by name."""
        self._file.add_histograms(epoch, {f"{group}/{name}": a for name, a in arrays.items()})

    def flush(self):
        """Make written events visible to readers."""
        if self._file is not None:
            self._file.flush()

    def close(self):
        """Close the file."""
        if self._file is not None:
            self._file.close()
