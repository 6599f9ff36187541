"""Multilabel classification: any number of labels for each sequence."""

import numpy as np

from .._validation._errors import error_context
from .._validation._sample_weight import checked_weights
from .._validation._targets import checked_indicators
from ..network import Loss, Targets
from ._data import DataSet
from ._objective import Objective


class Multilabel(Objective):
    """Objective of multilabel classification: the summed binary cross-entropies of all labels.

    Parameters
    ----------
    owner : str
        Name of the estimator, for errors.
    """

    metric = "accuracy"

    def __init__(self, owner):
        self.owner = owner
        self.classes = None

    def attributes(self):
        return {"classes_": self.classes, "_class_weights": None, "_is_multilabel": True}

    def restore(self, attributes):
        self.classes = attributes["classes_"]

    @property
    def n_outputs(self):
        return len(self.classes)

    def encode(self, y, sequences, sample_weight, earlier=None):
        if y is None:
            raise ValueError(f"{self.owner} requires y to be passed, but the target y is None.")
        with error_context("y"):
            indicators = checked_indicators(y, sequences)
        self.classes = np.arange(indicators.shape[1])
        return self.data_set(sequences, indicators, checked_weights(sample_weight, sequences))

    def encode_validation(self, y, sequences, sample_weight):
        return self.encode_known(y, sequences, sample_weight, "_val")

    def encode_piece(self, y, sequences, sample_weight, earlier):
        return self.encode_known(y, sequences, sample_weight)

    def encode_known(self, y, sequences, sample_weight, suffix=""):
        """The DataSet of sequences with the labels that there are."""
        with error_context(f"y{suffix}"):
            indicators = checked_indicators(y, sequences)
            if indicators.shape[1] != self.n_outputs:
                raise ValueError(
                    f"It has {indicators.shape[1]} label(s), the network has {self.n_outputs}."
                )
        with error_context(f"sample_weight{suffix}"):
            weights = checked_weights(sample_weight, sequences)
        return self.data_set(sequences, indicators, weights)

    def data_set(self, sequences, indicators, weights):
        """All sequences, with a 1 for each label that they have (n_sequences, n_labels)."""
        values = np.ascontiguousarray(indicators, dtype=sequences.values.dtype)
        targets = Targets(values=values, weights=weights)
        return DataSet.of_all(sequences, targets, Loss("multilabel"))

    def divergence_threshold(self, training):
        """Twice the loss of guessing."""
        return 2 * self.n_outputs * np.log(2)

    def converged_loss(self, tol):
        return 30 * tol

    def init_head(self, parts, earlier_params, earlier):
        """Copy the head of the same labels; another one stays as drawn."""
        if self.has_head_of(earlier):
            for name in parts.keys() & {"head_weight", "head_bias", "head_weight_log_step"}:
                parts[name][...] = earlier_params[name]

    def has_head_of(self, earlier):
        return isinstance(earlier, Multilabel) and self.n_outputs == earlier.n_outputs
