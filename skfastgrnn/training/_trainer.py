"""The epochs of a fit."""

import time
import warnings
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..cell import SequenceBatch, Targets
from ._report import epoch_line
from ._stopping import Progress


class DataSet(NamedTuple):
    """Which rows of some sequences to look at, and what they should give."""

    sequences: SequenceBatch
    targets: Targets
    rows: np.ndarray


HISTORY = (
    "loss",
    "validation_loss",
    "accuracy",
    "validation_accuracy",
    "learning_rate",
    "gradient_norm",
    "seconds",
)


@dataclass
class TrainingResult:
    """What a fit learned: parameters (P), the history of its epochs, and which of them was best."""

    parameters: np.ndarray
    n_iter: int = 0
    best_iter: int = 0
    loss: float = np.inf
    best_loss: float = np.inf
    history: dict = field(default_factory=lambda: {name: [] for name in HISTORY})


def train(
    kernel,
    network,
    parameters,
    training,
    validation,
    adam,
    *,
    learning_rate,
    batch_size,
    max_iter,
    shuffle,
    tol,
    patience,
    hopeless_loss,
    rng,
    n_threads,
    verbose,
):
    """Train `parameters` in place, epoch by epoch.

    With a validation set, stops `patience` epochs after its weighted loss last improved and answers the parameters of its best
    epoch; without one, watches the training loss and answers the last parameters. Where the training loss is not finite,
    or ends above `hopeless_loss`, it warns and answers the parameters of the epoch with the lowest loss.

    Parameters
    ----------
    kernel, network, parameters, adam
        See `skfastgrnn.cell`.
    training, validation : DataSet
        `validation` may be None.
    learning_rate : callable
        epoch (from 0) -> rate.
    hopeless_loss : float
        A loss that only a diverged fit ends above.
    rng : numpy.random.Generator
        Shuffles the rows.
    """
    result = TrainingResult(parameters)
    watched = Progress(parameters, tol=tol, patience=patience)
    rows = training.rows
    diverged = False
    try:
        for epoch in range(max_iter):
            started = time.perf_counter()
            adam.learning_rate = learning_rate(epoch)
            if shuffle:
                rows = rng.permutation(training.rows)
            totals = kernel.train_epoch(
                network, parameters, training.sequences, training.targets, rows, adam, batch_size, n_threads
            )
            result.n_iter = epoch + 1
            diverged = totals.diverged or not np.isfinite(parameters).all()
            record_training(result, totals, adam)
            watch = totals.objective
            if validation is not None and not diverged:
                watch = record_validation(result, kernel, network, parameters, validation, n_threads)
            result.history["seconds"].append(time.perf_counter() - started)
            if diverged:
                break
            watched.see(epoch + 1, watch, parameters)
            if verbose:
                print(epoch_line(result.history, max_iter))
            if watched.exhausted:
                break
        else:
            if np.isfinite(patience):
                warnings.warn(
                    f"Maximum iterations ({max_iter}) reached and the training has not converged yet. Raise max_iter, or "
                    "set n_iter_no_change=float('inf') to train for exactly max_iter epochs.",
                    ConvergenceWarning,
                    stacklevel=4,
                )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=4)

    if diverged or result.loss > hopeless_loss:
        warnings.warn(
            f"The training diverged (loss {result.loss:g} after epoch {result.n_iter}); the weights of its best epoch are "
            f"kept. Lower learning_rate_init (now {learning_rate(0):g}) or scale the input.",
            ConvergenceWarning,
            stacklevel=4,
        )
        diverged = True
    if diverged or validation is not None:
        result.parameters = watched.best_parameters
        result.best_iter = watched.best_epoch
    else:
        result.best_iter = result.n_iter
    result.best_loss = watched.best_loss
    return result


def record_training(result, totals, adam):
    """Add an epoch's sums to the history."""
    result.loss = totals.objective
    updates, weight = max(totals.n_updates, 1), totals.weight or 1.0
    result.history["loss"].append(totals.objective)
    result.history["accuracy"].append(totals.correct / weight)
    result.history["gradient_norm"].append(totals.gradient_norm / updates)
    result.history["learning_rate"].append(adam.learning_rate)


def record_validation(result, kernel, network, parameters, validation, n_threads):
    """Add the validation score to the history and answer its loss."""
    sequences, targets, rows = validation
    score = kernel.loss(network, parameters, sequences, targets, rows, n_threads)
    result.history["validation_loss"].append(score.mean_loss)
    result.history["validation_accuracy"].append(score.accuracy)
    return score.mean_loss
