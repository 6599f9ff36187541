"""Data passed to and returned by kernels: sequences, targets, sums, optimizer state."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ._spec import SOLVERS


class SequenceBatch:
    """Sequences in a buffer: sequence i is ``values[starts[i] : starts[i] + lengths[i]]``.

    They may overlap, as windows of one series do, and leave steps out, as padding.

    Attributes
    ----------
    values : ndarray of shape (n_values, n_channels), float32 or float64, C-contiguous
        Steps; usually a view of the user's array.
    starts, lengths : ndarray of shape (n_sequences,), intp
        Where each sequence begins, and its number of steps, at least one.
    """

    def __init__(self, values, starts, lengths):
        self.values = values
        self.starts = starts
        self.lengths = lengths

    @classmethod
    def of_lengths(cls, values, lengths):
        """Sequences of these lengths, one after the other."""
        lengths = np.asarray(lengths, dtype=np.intp)
        return cls(values, np.cumsum(lengths) - lengths, lengths)

    @classmethod
    def of_equal_length(cls, values, n_timesteps, n_sequences, stride=None):
        """Sequences of n_timesteps steps, each beginning `stride` (n_timesteps) after the last."""
        starts = np.arange(n_sequences, dtype=np.intp)
        starts *= n_timesteps if stride is None else stride
        batch = cls(values, starts, np.full(n_sequences, n_timesteps, dtype=np.intp))
        # What is known need not be computed, which takes longer than a step through the cell.
        known = {"n_steps": n_sequences * n_timesteps, "longest": n_timesteps, "is_ragged": False}
        vars(batch).update(known)
        return batch

    def __len__(self):
        return len(self.starts)

    @cached_property
    def n_steps(self):
        """Steps of all sequences together."""
        return int(self.lengths.sum())

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
        # Minibatches in their order, and in each of them first what lacks the fewest steps.
        key = np.arange(len(rows), dtype=np.int64)
        key //= batch_size or len(rows)
        key *= self.longest + 1
        key -= self.lengths[rows]
        return rows[key.argsort(kind="stable")]

    def stacked(self):
        """The same sequences one after the other, without overlap or padding.

        Itself where they lie so already; otherwise the values are copied.
        """
        first = np.cumsum(self.lengths) - self.lengths
        if self.n_steps == len(self.values) and np.array_equal(first, self.starts):
            return self
        steps = np.arange(self.n_steps) + np.repeat(self.starts - first, self.lengths)
        return SequenceBatch(self.values[steps], first, self.lengths)


class Targets(NamedTuple):
    """Targets of sequences; the fields that a `Loss` needs depend on its kind.

    labels : (n_sequences,) int32, or None; for "distillation" beside values, -1 (None: everywhere)
        where a sequence has no label
    values : (n_sequences, n_outputs) of the network's dtype, or None; for "cross_entropy"
        probabilities (with one output that of the second class), for "huber" numbers, for
        "distillation" the finite logits of a teacher, for "multilabel" 1 where a sequence has the
        label of an output and 0 where it has not; "focal" and "info_nce" take labels only, the
        latter any from 0 on, the same for sequences that belong together
    weights : (n_sequences,) of the network's dtype, or None for ones
    """

    labels: np.ndarray | None = None
    values: np.ndarray | None = None
    weights: np.ndarray | None = None

    def of(self, rows):
        """Those of some sequences."""
        return Targets(*(None if part is None else part[rows] for part in self))

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
    """Sums over sequences: of weight x loss, of weights, and of a metric.

    The metric is weight x squared error for "huber", otherwise weight x (1 where the prediction is
    correct or, without a label, that of the teacher). A "multilabel" prediction is correct where
    that of every label is, an "info_nce" one where the most similar sequence has the same label.
    """

    loss: float
    weight: float
    metric: float

    @property
    def mean_loss(self):
        """Weighted mean of the losses."""
        return self.loss / self.weight

    @property
    def mean_metric(self):
        """Accuracy or mean squared error."""
        return self.metric / self.weight


class Dropout(NamedTuple):
    """Share of states that are dropped in training, and the seed that says which: `_dropout`."""

    rate: float = 0.0
    seed: int = 0


@dataclass
class Optimizer:
    """Settings and state of the optimizer.

    first, second : (P,) moment estimates
    average : (P,) exponential moving average of what it moves, after every update; or None
    ema : decay of the average, in [0, 1)
    step, n_averaged : updates made so far, and those since the average began
    """

    first: np.ndarray
    second: np.ndarray
    solver: str = "adam"
    learning_rate: float = 1e-2
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    momentum: float = 0.9
    nesterov: bool = True
    alpha: float = 0.0
    clip_value: float = float("inf")
    clip_norm: float = float("inf")
    step: int = 0
    average: np.ndarray | None = None
    ema: float = 0.0
    n_averaged: int = 0

    def begin_average(self, parameters, ema):
        """Begin an average of this decay, from these parameters: earlier updates do not count."""
        self.average, self.ema, self.n_averaged = parameters.copy(), ema, 0

    @property
    def code(self):
        """The solver's number in the compiled kernel."""
        return SOLVERS.index(self.solver)


class EpochTotals(NamedTuple):
    """Sums over the minibatches of an epoch, each taken before its update.

    `penalty` and `gradient_norm` (before clipping) are summed over updates. `diverged` says that a
    loss or gradient was not finite; the parameters are then those before that minibatch.
    """

    loss: float = 0.0
    weight: float = 0.0
    metric: float = 0.0
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

    @property
    def mean_metric(self):
        """Accuracy or mean squared error; 0 where nothing was computed."""
        return self.metric / (self.weight or 1.0)

    def plus(self, other):
        """The totals of two parts of an epoch."""
        return EpochTotals(
            self.loss + other.loss,
            self.weight + other.weight,
            self.metric + other.metric,
            self.penalty + other.penalty,
            self.gradient_norm + other.gradient_norm,
            self.n_updates + other.n_updates,
            other.diverged,
        )
