"""CModel: the C of a model, and the program that a compiler makes of it."""

import os
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if

from .._validation._sequences import to_sequences
from ..estimators._class_outputs import decision
from ..network import SequenceBatch
from ._layouts import LAYOUTS, files_of
from ._program import Program
from ._save import replace_files


def _has_classes(model):
    """Whether there are labels; a regressor has no probabilities."""
    if model._carried.classes is None:
        raise AttributeError("A regressor has predict alone.")
    return True


class CModel:
    """A model in C, as :func:`to_c` returns it.

    Its predictions are those of the program that a C compiler on this machine makes of the source,
    in a temporary folder, when the first one is asked for: the one that the environment variable
    ``CC`` names, or cc, gcc or clang.

    Parameters
    ----------
    carried : object
        What of the fitted model is carried to a device; :func:`to_c` makes it.

    name : str
        What the names of functions and files begin with.

    source : str
        Text of the file ``<name>.c``.

    header : str
        Text of the file ``<name>.h``, which says how the model is called.

    See Also
    --------
    to_c : Translates a fitted model.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import quantize
    >>> from skfastgrnn.export import to_c
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8)  # 8 steps of 8 pixels
    >>> model = quantize(FastGRNNClassifier(16, max_iter=5, random_state=0).fit(X, y), X)
    >>> exported = to_c(model, name="digits")
    >>> with TemporaryDirectory() as folder:
    ...     print(*exported.save(folder, layout="platformio"))
    library.json src/digits.c src/digits.h
    """

    def __init__(self, carried, name, source, header):
        self._carried = carried
        self.name = name
        self.source = source
        self.header = header
        self._program = None

    def __getstate__(self):
        return {**vars(self), "_program": None}

    def __repr__(self):
        return f"CModel(name={self.name!r})"

    def save(self, folder: Any, layout: str | None = None) -> list[str]:
        """Write header and source into a folder, which is made if there is none.

        All files are written beside those that there are, and then put in their places: if writing
        fails, nothing has changed.

        Parameters
        ----------
        folder : str or path-like
            Where to write.

        layout : {"arduino", "zephyr", "platformio"} or None, default=None
            What the folder becomes: a library for Arduino, with an example; a Zephyr module; a
            library for PlatformIO. None writes nothing but header and source.

        Returns
        -------
        list of str
            Paths of the files in the folder, sorted.

        Raises
        ------
        ValueError
            If there is no such layout.
        OSError
            If the folder cannot be written.
        """
        if layout not in (None, *LAYOUTS):
            raise ValueError(f"layout must be None or one of {list(LAYOUTS)}, not {layout!r}.")
        files = files_of(self, layout)
        replace_files(os.fsdecode(folder), files)
        return sorted(files)

    def _results(self, X):
        """What the compiled program says of sequences: see `_program.results_of`."""
        carried = self._carried
        sequences, _ = to_sequences(carried.estimator, X, reset=False)
        largest = np.finfo(np.float32).max
        values = np.clip(sequences.values, -largest, largest).astype(np.float32)
        sequences = SequenceBatch(values, sequences.starts, sequences.lengths)
        if self._program is None:
            self._program = Program(carried, self.name, self.source, self.header)
        return self._program.run(sequences)

    def _real_outputs(self, X):
        """Outputs (n_samples, n_outputs) in floating point."""
        outputs = self._results(X)["logits"].copy()
        return self._carried.network.real_outputs(outputs) if self._carried.is_integer else outputs

    @available_if(_has_classes)
    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Sequences in every form that the model takes.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            For two classes the logit of the second one. In integers float64, the same as Python's
            to the bit; otherwise float32.

        Raises
        ------
        ValueError
            If X is not what the model takes.
        RuntimeError
            If there is no C compiler.
        """
        return decision(self._real_outputs(X))

    @available_if(_has_classes)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like
            As in `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float32
            In the order of the classes, within a millionth of Python's.
        """
        return self._results(X)["proba"].copy()

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sequence, labels, or predicted values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Sequences in every form that the model takes.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_labels) or (n_samples, n_outputs)
            As the model's `predict` returns them: classes, an indicator matrix of labels, or
            numbers. In integers the same as Python's to the bit; on a device numbers are float32.

        Raises
        ------
        ValueError
            If X is not what the model takes.
        RuntimeError
            If there is no C compiler.
        """
        carried = self._carried
        if carried.kind == "regressor":
            outputs = self._real_outputs(X)
            return outputs[:, 0] if carried.is_1d else outputs
        results = self._results(X)
        if carried.kind == "multilabel":
            return results["labels"].astype(np.intp)
        return carried.classes[results["label"][:, 0]]
