"""One epoch: which rows it trains on, in which order, and what is done to them on the way."""

from dataclasses import dataclass

import numpy as np

from ..augmentation import augmented
from ..network import Dropout, EpochTotals
from ._sampling import balanced_rows

#: Values that are augmented at once: bounds the memory of their copy.
CHUNK = 1 << 20


@dataclass(frozen=True)
class EpochConfig:
    """Configuration of an epoch.

    batch_size : sequences of one update
    shuffle : whether rows come in random order
    balanced : whether they are drawn such that all classes come equally often
    dropout : share of states that are dropped
    augment : tuple of augmentations
    """

    batch_size: int
    shuffle: bool = True
    balanced: bool = False
    dropout: float = 0.0
    augment: tuple = ()
    n_threads: int = 1


def run_epoch(
    kernel,
    network,
    parameters,
    training,
    optimizer,
    parametrization,
    config,
    rng,
    soften,
    threshold=None,
):
    """Train parameters and optimizer in place; returns the EpochTotals.

    soften : gives the rows of the DataSet the targets of their gradients, see `Objective`
    threshold : Threshold or None, what is done between minibatches
    """
    rows = rows_of_epoch(training, config, rng)
    training = soften(training)
    mean_weight = training.targets.mean_weight(rows)
    totals = EpochTotals()
    most_rows = len(rows) if threshold is None else threshold.every * config.batch_size
    for sequences, targets, part in parts(training, rows, config, rng, most_rows):
        dropout = None
        if config.dropout > 0:
            dropout = Dropout(config.dropout, int(rng.integers(2**63)))
        done = kernel.train_epoch(
            network,
            parameters,
            sequences,
            targets,
            training.loss,
            part,
            optimizer,
            config.batch_size,
            config.n_threads,
            dropout=dropout,
            mean_weight=mean_weight,
            parametrization=parametrization,
        )
        totals = totals.plus(done)
        if totals.diverged:
            break
        if threshold is not None:
            threshold.apply()
    return totals


def rows_of_epoch(training, config, rng):
    """The rows of the training set in the order in which they are trained on."""
    if config.balanced:
        targets = training.targets
        return balanced_rows(targets.labels, targets.weights, training.rows, rng)
    return rng.permutation(training.rows) if config.shuffle else training.rows


def parts(training, rows, config, rng, most_rows):
    """(sequences, targets, rows) of the whole epoch, or of parts that are whole minibatches.

    Parts have at most `most_rows`, as many as some minibatches, and fewer while augmenting.
    """
    if not config.augment:
        for start in range(0, len(rows), most_rows):
            yield training.sequences, training.targets, rows[start : start + most_rows]
        return
    sequences = training.sequences
    longest_batch = config.batch_size * sequences.longest * sequences.values.shape[1]
    size = min(most_rows, config.batch_size * max(1, CHUNK // longest_batch))
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        changed = augmented(sequences, part, config.augment, rng)
        yield changed, training.targets.of(part), np.arange(len(part))
