"""The epochs of a fit."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..schedules import checked_factor
from ._epoch import EpochPlan, run_epoch
from ._metrics import METRIC_NAMES, metric_of
from ._report import epoch_line
from ._stopping import BestSoFar

#: Frames from a warning here up to the line that called `fit`.
USER = 7


@dataclass(frozen=True)
class Plan:
    """What a training does with its data.

    epoch : what each epoch does
    schedule : callable, epoch (from 0) -> factor of learning_rate_init; see `schedules`
    patience : epochs without an improvement by `tol` before it stops, or inf
    hopeless_loss : a mean loss (without penalty) that only a diverged fit ends above
    """

    epoch: EpochPlan
    schedule: Callable
    learning_rate_init: float
    max_iter: int
    tol: float
    patience: float
    hopeless_loss: float
    verbose: int


@dataclass
class TrainingResult:
    """What a fit learned: parameters (P), the history of its epochs, and which of them was best."""

    parameters: np.ndarray
    completed: bool = True  # neither interrupted nor diverged
    n_iter: int = 0
    best_iter: int = 0
    loss: float = np.inf
    best_loss: float = np.inf
    history: dict = field(default_factory=dict)
    metric: str = ""  # its name in the history

    @property
    def validation_scores(self):
        """The metric of the validation set after every epoch."""
        return self.history[f"validation_{self.metric}"]


def train(kernel, network, parameters, training, validation, optimizer, plan, rng):
    """Train `parameters` in place, epoch by epoch.

    With a validation set, stops `patience` epochs after its weighted loss last improved and answers
    the parameters of its best epoch. Without one, watches the training loss and answers the last
    parameters, or those of the best epoch where these fit the training set better. Where the
    training loss is not finite, or ends above `hopeless_loss`, it warns and answers the parameters
    of the epoch with the lowest loss, or the initial ones where these are better. Ctrl-C ends the
    training with what it has learned so far.

    Parameters
    ----------
    kernel, network, parameters, optimizer
        See `skfastgrnn.cell`.
    training, validation : DataSet
        `validation` may be None.
    plan : Plan
    rng : numpy.random.Generator
        Draws the order of rows, and what else is random.
    """
    metric = METRIC_NAMES[training.targets.loss]
    result = TrainingResult(parameters, metric=metric, history=new_history(metric))
    training_metric = metric_of(training)
    validation_metric = None if validation is None else metric_of(validation)
    watched = BestSoFar(parameters, tol=plan.tol, patience=plan.patience)
    losses = result.history["loss" if validation is None else "validation_loss"]
    n_threads = plan.epoch.n_threads
    initial = parameters.copy()
    diverged = hopeless = False
    try:
        for epoch in range(plan.max_iter):
            started = time.perf_counter()
            factor = checked_factor(plan.schedule, epoch, losses)
            optimizer.learning_rate = plan.learning_rate_init * factor
            before = parameters.copy()
            totals = run_epoch(kernel, network, parameters, training, optimizer, plan.epoch, rng)
            diverged = totals.diverged or not np.isfinite(parameters).all()
            hopeless = totals.loss > plan.hopeless_loss * totals.weight
            score = (
                None
                if validation is None
                else kernel.loss(network, parameters, *validation, n_threads)
            )
            entries = {
                "loss": totals.objective,
                metric: training_metric(totals.mean_metric),
                "learning_rate": optimizer.learning_rate,
                "gradient_norm": totals.gradient_norm / max(totals.n_updates, 1),
            }
            if score is not None:
                entries["validation_loss"] = score.mean_loss
                entries[f"validation_{metric}"] = validation_metric(score.mean_metric)
            record(result, **entries, seconds=time.perf_counter() - started)
            if diverged:
                break
            if score is None:  # the training loss was taken on the way from `before`
                watched.see(epoch, totals.objective, before)
            else:
                watched.see(epoch + 1, score.mean_loss, parameters)
            if plan.verbose:
                print(epoch_line(result.history, plan.max_iter))
            if watched.exhausted:
                break
        else:
            if np.isfinite(plan.patience):
                warnings.warn(
                    f"Maximum iterations ({plan.max_iter}) reached and the training has not "
                    "converged yet. Raise max_iter, or set n_iter_no_change=float('inf') to train "
                    "for exactly max_iter epochs.",
                    ConvergenceWarning,
                    stacklevel=USER,
                )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=USER)
        result.completed = False
        diverged = not np.isfinite(parameters).all()

    last, best = (parameters, result.n_iter), (watched.best_parameters, watched.best_epoch)
    if diverged or hopeless:
        result.completed = False
        warnings.warn(
            f"The training diverged (loss {result.loss:g} after epoch {result.n_iter}); the "
            "weights of its best epoch are kept. Lower learning_rate_init (now "
            f"{plan.learning_rate_init:g}) or scale the input.",
            ConvergenceWarning,
            stacklevel=USER,
        )
        candidates = [best, (initial, 0)]
    elif result.n_iter == 0 or (validation is None and result.loss <= watched.best_loss):
        candidates = [last]
    else:  # without validation the last epoch may be a late spike of the loss
        candidates = [best] if validation is not None else [last, best]
    judge = training if validation is None else validation
    result.parameters, result.best_iter = lowest_loss(candidates, kernel, network, judge, n_threads)
    result.best_loss = watched.best_loss
    return result


def lowest_loss(candidates, kernel, network, judge, n_threads):
    """The (parameters, epoch) whose mean loss over a DataSet is lowest; NaN is worse than all."""
    if len(candidates) == 1:
        return candidates[0]
    losses = [kernel.loss(network, p, *judge, n_threads).mean_loss for p, _ in candidates]
    return candidates[int(np.argmin(np.nan_to_num(losses, nan=np.inf)))]


def new_history(metric):
    """No epoch yet, in the order in which people read of one."""
    both = ("loss", "validation_loss", metric, f"validation_{metric}")
    return {name: [] for name in (*both, "learning_rate", "gradient_norm", "seconds")}


def record(result, **entries):
    """Add an epoch to the history."""
    result.n_iter += 1
    result.loss = entries["loss"]
    for name, value in entries.items():
        result.history[name].append(float(value))
