"""CModel: the C of a model, and the program that a compiler makes of it."""

from typing import Any

import numpy as np

from .._validation._sequences import to_sequences
from ..estimators._class_outputs import decision, labels, probabilities
from ..network import SequenceBatch
from ._program import Program


class CModel:
    """A model in C, as :func:`to_c` returns it.

    Its predictions are those of the program that a C compiler on this machine makes of the source,
    in a temporary folder, when the first one is asked for.

    Attributes
    ----------
    name : str
        What the names of functions begin with.

    source : str
        Text of the file ``<name>.c``.

    header : str
        Text of the file ``<name>.h``.

    See Also
    --------
    to_c : Translates a fitted model.
    """

    def __init__(self, carried, name, source, header):
        self._carried = carried
        self.name = name
        self.source = source
        self.header = header
        self._program = None

    def __getstate__(self):
        return {**vars(self), "_program": None}

    def _outputs(self, X):
        """Outputs (n_samples, n_outputs) of the compiled program: int32, or float32."""
        carried = self._carried
        sequences, _ = to_sequences(carried.estimator, X, reset=False)
        largest = np.finfo(np.float32).max
        values = np.clip(sequences.values, -largest, largest).astype(np.float32)
        sequences = SequenceBatch(values, sequences.starts, sequences.lengths)
        kind, dtype = ("int32_t", np.int32) if carried.is_integer else ("float", np.float32)
        if self._program is None:
            self._program = Program(self.name, self.source, self.header, kind)
        found = np.frombuffer(self._program.run(sequences), dtype)
        return found.reshape(len(sequences), carried.n_outputs).copy()

    def _real_outputs(self, X):
        outputs = self._outputs(X)
        return self._carried.network.real_outputs(outputs) if self._carried.is_integer else outputs

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the classes.

        Parameters
        ----------
        X : array-like
            Sequences in every form that the model takes.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            For two classes the logit of the second one. In integers float64, the same as Python's
            to the bit.
        """
        return decision(self._real_outputs(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like
            Sequences in every form that the model takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of the classes.
        """
        return probabilities(
            self._real_outputs(X), is_multilabel=self._carried.kind == "multilabel"
        )

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sequence, labels, or predicted values.

        Parameters
        ----------
        X : array-like
            Sequences in every form that the model takes.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As the model's `predict` returns them.
        """
        carried = self._carried
        if carried.kind == "regressor":
            outputs = self._real_outputs(X)
            return outputs[:, 0] if carried.is_1d else outputs
        return labels(self._outputs(X), carried.classes, is_multilabel=carried.kind == "multilabel")
