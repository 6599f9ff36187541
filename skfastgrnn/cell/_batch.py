"""What a kernel reads and answers: sequences, targets, sums, and the optimizer's state."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np


class SequenceBatch:
    """Sequences side by side: sequence i is ``values[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    values : ndarray of shape (n_steps, n_channels), float32 or float64, C-contiguous
        The steps of all sequences, one after the other; usually a view of the user's array.
    offsets : ndarray of shape (n_sequences + 1,), intp
        Where each sequence begins; every sequence has at least one step.
    """

    def __init__(self, values, offsets):
        self.values = values
        self.offsets = offsets

    def __len__(self):
        return len(self.offsets) - 1

    @cached_property
    def lengths(self):
        """Steps of each sequence, (n_sequences,) intp."""
        return np.diff(self.offsets)

    @cached_property
    def longest(self):
        """Steps of the longest sequence."""
        return int(self.lengths.max())

    @cached_property
    def is_ragged(self):
        """Whether the lengths differ."""
        return bool(self.lengths.min() != self.longest)

    def longest_first(self, rows, batch_size=None):
        """Sort rows by decreasing length, within each minibatch where `batch_size` is given.

        Kernels compute sequences of a minibatch side by side and drop those that have ended.
        """
        if not self.is_ragged:
            return rows
        minibatch = np.arange(len(rows)) // (batch_size or len(rows))
        return rows[np.lexsort((-self.lengths[rows], minibatch))]


class Targets(NamedTuple):
    """What the outputs should be, by sequence: class labels or probabilities.

    labels : (n_sequences,) int32, or None
    soft : (n_sequences, n_outputs) of the network's dtype, or None; with one output the probability
        of the second class
    weights : (n_sequences,) of the network's dtype, or None for ones
    """

    labels: np.ndarray | None = None
    soft: np.ndarray | None = None
    weights: np.ndarray | None = None

    def mean_weight(self, rows):
        """Mean of the non-zero weights of some sequences.

        A minibatch is divided by so much for each of its sequences. Dividing by its own weights
        would undo them, the more the smaller it is.
        """
        if self.weights is None:
            return 1.0
        weights = self.weights[rows]
        return float(weights.sum(dtype=np.float64)) / max(1, np.count_nonzero(weights))


class Score(NamedTuple):
    """Sums over sequences: of weight x loss, of weights, and of weights of correct predictions."""

    loss: float
    weight: float
    correct: float

    @property
    def mean_loss(self):
        """Weighted mean of the losses."""
        return self.loss / self.weight

    @property
    def accuracy(self):
        """Weighted share of correct predictions."""
        return self.correct / self.weight


@dataclass
class Adam:
    """Settings and state of the optimizer; `first` and `second` are its moment estimates (P,)."""

    first: np.ndarray
    second: np.ndarray
    learning_rate: float = 1e-2
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    alpha: float = 0.0
    clip_value: float = float("inf")
    clip_norm: float = float("inf")
    step: int = 0


class EpochTotals(NamedTuple):
    """Sums over the minibatches of an epoch, each taken before its update.

    `penalty` and `gradient_norm` (before clipping) are summed over updates. `diverged` says that a
    loss or gradient was not finite; the parameters are then those before that minibatch.
    """

    loss: float = 0.0
    weight: float = 0.0
    correct: float = 0.0
    penalty: float = 0.0
    gradient_norm: float = 0.0
    n_updates: int = 0
    diverged: bool = False

    @property
    def objective(self):
        """Mean loss plus mean penalty, or infinity where nothing finite was computed."""
        if self.diverged or self.n_updates == 0:
            return float("inf")
        return (self.loss + self.penalty) / self.weight

    def plus(self, other):
        """The totals of two parts of an epoch."""
        return EpochTotals(*(a + b for a, b in zip(self[:-1], other[:-1], strict=True)), other[-1])
