"""JSONLinesLogger: the metrics of every epoch, appended to a file during training."""

import glob
import json
import math
import os
import re
from os import PathLike
from typing import Any

from sklearn.utils._param_validation import validate_params

from ..persistence._files import as_path, check_writable
from ._base import Callback, entries_of_epoch, numbers_of_fit, path_of_fit, with_numbers
from ._sklearn import fit_context


class JSONLinesLogger(Callback):
    """Write the metrics of every epoch to a file of JSON lines during training.

    Parameters
    ----------
    path : str, bytes or path-like
        The file, usually with the suffix ``.jsonl``. It is overwritten after the first epoch, and a
        line is appended after each further one; the file can be read at any time. In a search or
        another meta-estimator each fit has its own file: the numbers of its tasks are put before
        the suffix.

    Raises
    ------
    OSError
        In `fit`, before training, if the folder does not exist or is not writable.

    See Also
    --------
    TensorBoardLogger : Writes the same for TensorBoard.

    Notes
    -----
    A line is an object with ``epoch`` (counted from 1) and the metrics of that epoch under their
    names in `history_`; values that are not finite are ``null``. Before them are ``run``, a name
    shared by all fits of a search, ``begun``, the UTC time at which that run began, and ``fit``,
    the numbers of the fit's tasks, which are empty if it is not nested. pandas reads such a file
    with ``pandas.read_json(path, lines=True)``.

    After `resume` the file starts with the epochs before the interruption.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.callbacks import JSONLinesLogger
    >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 10, ["rises", "falls"] * 10
    >>> model = FastGRNNClassifier(2, max_iter=3, n_iter_no_change=float("inf"), random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     writer = JSONLinesLogger(Path(folder) / "training.jsonl")
    ...     model = model.set_callbacks(writer).fit(X, y)
    ...     logs = writer.get_logs()
    >>> [line["epoch"] for line in logs]
    [1, 2, 3]
    >>> [line["loss"] for line in logs] == model.history_["loss"]
    True
    """

    @validate_params({"path": [str, bytes, PathLike]}, prefer_skip_nested_validation=True)
    def __init__(self, path: str | bytes | os.PathLike) -> None:
        self.path = path
        self._fits = {}  # the file of each

    def setup(self, estimator, context):
        """Check that the file can be written."""
        super().setup(estimator, context)
        file = LinesOfFit(path_of_fit(self.path, context), context)
        check_writable(file.path)
        self._fits[id(estimator)] = file

    def on_fit_task_end(self, estimator, context):
        """Write new epochs, including one that diverged, for which no epoch task ends."""
        self._fits[id(estimator)].add_from(fit_context(estimator).state)

    def teardown(self, estimator, context):
        """Close the file."""
        if id(estimator) in self._fits:
            self._fits.pop(id(estimator)).close()

    def get_logs(self) -> list[dict[str, Any]]:
        """Read the lines of all fits of the latest run back.

        A run is a fit of the network, or of the search or other meta-estimator around it. Files of
        earlier runs are not read. During a fit, also in another process, the lines are its epochs
        so far.

        Returns
        -------
        logs : list of dict
            One for each epoch, ordered by fit and by epoch; empty if there is no file. ``null``
            becomes None.

        Raises
        ------
        ValueError
            If a file of such a name has other contents.
        """
        path = as_path(self.path)
        name = re.compile(rf"{re.escape(path.stem)}((?:-\d+)*){re.escape(path.suffix)}")
        fits = []
        for file in path.parent.glob(glob.escape(path.stem) + "*"):
            match = name.fullmatch(file.name)
            lines = read_lines(file) if match else []
            # "log-2.jsonl" may also be the file of JSONLinesLogger("log-2.jsonl"), fitted alone.
            if lines and with_numbers(path, lines[0]["fit"]).name == file.name:
                fits.append(lines)
        latest = max(((lines[0]["begun"], lines[0]["run"]) for lines in fits), default=None)
        fits = [lines for lines in fits if (lines[0]["begun"], lines[0]["run"]) == latest]
        return [line for lines in sorted(fits, key=lambda it: it[0]["fit"]) for line in lines]


class LinesOfFit:
    """The file of one fit, opened at the first write."""

    def __init__(self, path, context):
        self.path = path
        root = context
        while root.parent is not None:
            root = root.parent
        self._head = {
            "run": root.root_uuid.hex,
            "begun": root.init_time.isoformat(),
            "fit": numbers_of_fit(context),
        }
        self._file = None
        self._n_written = 0

    def add_from(self, state):
        """Write the epochs that are not in the file yet."""
        if self._n_written == state.n_iter:
            return
        if self._file is None:
            self._file = open(self.path, "wb")  # noqa: SIM115
        for epoch in range(self._n_written + 1, state.n_iter + 1):
            line = {**self._head, "epoch": epoch}
            for name, value in entries_of_epoch(state.history, epoch).items():
                line[name] = value if math.isfinite(value) else None
            self._file.write((json.dumps(line) + "\n").encode())
        self._file.flush()
        self._n_written = state.n_iter

    def close(self):
        """Close it."""
        if self._file is not None:
            self._file.close()


def read_lines(path):
    """The objects in a file, without an incomplete last line."""
    try:
        *complete, _ = path.read_text("utf-8").split("\n")
        lines = [json.loads(line) for line in complete]
        for line in lines:
            check_line(line)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} was not written by JSONLinesLogger: {error!r}") from error
    return lines


def check_line(line):
    """Raise unless a line has the entries that `LinesOfFit` writes and `get_logs` compares."""
    for name, kind in {"run": str, "begun": str, "fit": list, "epoch": int}.items():
        if not isinstance(line[name], kind):
            raise TypeError(f"{name} is {line[name]!r}")
