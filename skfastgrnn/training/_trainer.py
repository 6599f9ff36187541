"""The epochs of a fit."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..schedules import checked_factor
from ._epoch import EpochPlan, run_epoch
from ._lesson import Lesson
from ._metrics import METRIC_NAMES, metric_of
from ._report import epoch_line, warn


@dataclass(frozen=True)
class Plan:
    """What a training does with its data.

    epoch : what each epoch does
    schedule : callable, epoch (from 0) -> factor of learning_rate_init; see `schedules`
    max_iter : the epoch, counted from 1, that is the last one
    hopeless_loss : a mean loss (without penalty) that only a diverged fit ends above
    lesson : what a teacher adds, or None
    """

    epoch: EpochPlan
    schedule: Callable
    learning_rate_init: float
    max_iter: int
    hopeless_loss: float
    verbose: int
    lesson: Lesson | None = None


@dataclass
class TrainingResult:
    """What a training ends with: the parameters to keep (P), and the epoch that they are from."""

    parameters: np.ndarray
    best_iter: int
    completed: bool = True  # neither interrupted nor diverged


def train(kernel, network, training, validation, state, plan, calls=None):
    """Train from `state` on, which is changed in place, epoch by epoch.

    With a validation set, stops `state.watched.patience` epochs after its weighted loss last
    improved and answers the parameters of its best epoch. Without one, watches the training loss
    and answers the last parameters, or those of the best epoch where these fit the training set
    better. Where the training loss is not finite, or ends above `hopeless_loss`, it warns and
    answers the parameters of the epoch with the lowest loss, or the initial ones where these are
    better. Ctrl-C ends the training with what it has learned so far.

    Parameters
    ----------
    kernel, network
        See `skfastgrnn.cell`.
    training, validation : DataSet
        `validation` may be None.
    state : TrainingState
    plan : Plan
    calls : FitCalls or None
        Is told of every epoch, and may end the training.

    Returns
    -------
    TrainingResult
    """
    n_threads = plan.epoch.n_threads
    watched, optimizer = state.watched, state.optimizer
    metric = METRIC_NAMES[training.targets.loss]
    training_metric = metric_of(training)
    validation_metric = None if validation is None else metric_of(validation)
    diverged = interrupted = stopped = False
    if state.begins_learned and state.n_iter == 0 and validation is not None:
        score = kernel.loss(network, state.initial, *validation, n_threads)
        watched.see(0, score.mean_loss, state.initial)  # they may be better than all that follow
    try:
        while not (state.n_iter >= plan.max_iter or watched.exhausted or stopped):
            epoch, started = state.n_iter, time.perf_counter()
            losses = state.history["loss" if validation is None else "validation_loss"]
            factor = checked_factor(plan.schedule, epoch, losses)
            optimizer.learning_rate = plan.learning_rate_init * factor
            if calls is not None:
                calls.epoch_begins()
            before = state.parameters.copy()
            data = training if plan.lesson is None else plan.lesson.of_epoch(training, epoch)
            totals = run_epoch(
                kernel, network, state.parameters, data, optimizer, plan.epoch, state.rng
            )
            diverged = totals.diverged or not np.isfinite(state.parameters).all()
            state.hopeless = totals.loss > plan.hopeless_loss * totals.weight
            score = (
                None
                if validation is None
                else kernel.loss(network, state.parameters, *validation, n_threads)
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
            state.record(**entries, seconds=time.perf_counter() - started)
            if diverged:
                state.broken = True
                break
            if score is not None:
                watched.see(epoch + 1, score.mean_loss, state.parameters)
                may_end = plan.lesson is None or plan.lesson.is_whole(epoch)
            else:  # the training loss was taken on the way from `before`
                may_end = plan.lesson is None or plan.lesson.is_settled(epoch)
                if may_end:
                    watched.see(epoch, totals.objective, before)
            if not may_end:
                watched.waited = 0
            if plan.verbose:
                print(epoch_line(state.history, plan.max_iter))
            stopped = calls is not None and calls.epoch_ends()
        if (
            np.isfinite(watched.patience)
            and state.n_iter >= plan.max_iter
            and not (watched.exhausted or stopped or diverged)
        ):
            warn(
                f"Maximum iterations ({plan.max_iter}) reached and the training has not "
                "converged yet. Raise max_iter, or set n_iter_no_change=float('inf') to train "
                "for exactly max_iter epochs.",
                ConvergenceWarning,
            )
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
        interrupted = state.broken = True
        diverged = not np.isfinite(state.parameters).all()
    if diverged or state.hopeless:
        warn(
            f"The training diverged (loss {state.loss:g} after epoch {state.n_iter}); the "
            "weights of its best epoch are kept. Lower learning_rate_init (now "
            f"{plan.learning_rate_init:g}) or scale the input.",
            ConvergenceWarning,
        )
    hopeless = diverged or state.hopeless
    candidates = worth_keeping(state, hopeless=hopeless, validated=validation is not None)
    judge = training if validation is None else validation
    parameters, best_iter = lowest_loss(candidates, kernel, network, judge, n_threads)
    return TrainingResult(parameters, best_iter, completed=not (interrupted or hopeless))


def worth_keeping(state, *, hopeless, validated):
    """The (parameters, epoch) of which a training keeps those that fit best."""
    watched = state.watched
    last, best = (state.parameters, state.n_iter), (watched.best_parameters, watched.best_epoch)
    if hopeless:
        return [best, (state.initial, 0)]
    if state.n_iter == 0 or (not validated and state.loss <= watched.best_loss):
        return [last]
    # Without validation the last epoch may be a late spike of the loss.
    return [best] if validated else [last, best]


def lowest_loss(candidates, kernel, network, judge, n_threads):
    """The (parameters, epoch) whose mean loss over a DataSet is lowest; NaN is worse than all."""
    if len(candidates) == 1:
        return candidates[0]
    losses = [kernel.loss(network, p, *judge, n_threads).mean_loss for p, _ in candidates]
    return candidates[int(np.argmin(np.nan_to_num(losses, nan=np.inf)))]
