"""The epochs of a fit."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

from ..schedules import checked_factor
from ._epoch import EpochConfig, run_epoch
from ._lesson import Lesson
from ._metrics import METRIC_NAMES, metric_of
from ._report import epoch_line, stop_line, warn


@dataclass(frozen=True)
class TrainingConfig:
    """What a training does with its data.

    epoch : what each epoch does
    schedule : callable, epoch (from 0) -> factor of learning_rate_init; see `schedules`
    max_iter : the epoch, counted from 1, that is the last one
    divergence_threshold : a mean loss (without penalty) that only a diverged fit ends above
    should_converge : whether to warn where the last epoch comes before early stopping
    learned_loss : below this training loss nothing more can be learned
    lesson : what a teacher adds, or None
    """

    epoch: EpochConfig
    schedule: Callable
    learning_rate_init: float
    max_iter: int
    divergence_threshold: float
    should_converge: bool
    learned_loss: float
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

    Stops where the training loss is below `plan.learned_loss`. With a validation set, stops also
    `state.early_stopping.patience` epochs after its weighted loss last improved, and returns the
    parameters of its best epoch. Without one, watches the training loss and returns the last
    parameters, or those of the best epoch where these fit the training set better. Where the
    training loss is not finite, or ends above `divergence_threshold`, it warns and returns the
    parameters of the epoch with the lowest loss, or the initial ones where these are better. Ctrl-C
    ends the training with what it has learned so far.

    Parameters
    ----------
    kernel, network
        See `skfastgrnn.kernels` and `skfastgrnn.network`.
    training, validation : DataSet
        `validation` may be None.
    state : TrainingState
    plan : TrainingConfig
    calls : FitNotifier or None
        Is told of every epoch, and may end the training.

    Returns
    -------
    TrainingResult
    """
    epochs = Epochs(kernel, network, training, validation, state, plan)
    stopping = state.early_stopping
    diverged = interrupted = stopped = False
    try:
        if state.is_warm_start and state.n_iter == 0 and validation is not None:
            # What it begins with may be better than all that follows.
            stopping.update(0, epochs.mean_loss(state.initial), state.initial)
        while not (
            state.n_iter >= plan.max_iter or stopping.should_stop or epochs.learned_all or stopped
        ):
            if calls is not None:
                calls.epoch_begins()
            epochs.advance()
            if state.mid_epoch:
                diverged = True
                break
            if plan.verbose:
                print(epoch_line(state.history, state.n_iter, plan.max_iter))
            stopped = calls is not None and calls.epoch_ends()
        else:
            if plan.should_converge and not (stopping.should_stop or stopped):
                warn(
                    f"Maximum iterations ({plan.max_iter}) reached and the training has not "
                    "converged yet. Raise max_iter, or set n_iter_no_change=float('inf') to train "
                    "for exactly max_iter epochs.",
                    ConvergenceWarning,
                )
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
        interrupted = state.mid_epoch = True
        diverged = not np.isfinite(state.parameters).all()
    if (
        plan.verbose
        and state.n_iter < plan.max_iter
        and (stopping.should_stop or epochs.learned_all)
    ):
        print(stop_line(state.n_iter, validated=validation is not None, done=epochs.learned_all))
    has_diverged = diverged or state.diverged
    candidates = candidate_weights(
        state, has_diverged=has_diverged, validated=validation is not None
    )
    if len(candidates) > 1:
        losses = [epochs.mean_loss(parameters) for parameters, _ in candidates]
        candidates = [candidates[np.argmin(np.nan_to_num(losses, nan=np.inf))]]
    parameters, best_iter = candidates[0]
    if has_diverged:
        warn_of_divergence(state, best_iter, plan.learning_rate_init)
    return TrainingResult(parameters, best_iter, completed=not (interrupted or has_diverged))


def warn_of_divergence(state, best_iter, learning_rate_init):
    """Warn that a training diverged, and say which weights are kept."""
    if best_iter:
        kept = f"the weights of its best epoch ({best_iter})"
    elif state.is_warm_start:
        kept = "the weights that it began with"
    else:
        kept = "the initial weights"
    warn(
        f"The training diverged (loss {state.loss:g} after epoch {state.n_iter}); {kept} are kept. "
        f"Lower learning_rate_init (now {learning_rate_init:g}) or scale the input.",
        ConvergenceWarning,
    )


class Epochs:
    """The epochs of a training, which take its state along; see `train` for what they are given."""

    def __init__(self, kernel, network, training, validation, state, plan):
        self._kernel, self._network = kernel, network
        self._training, self._validation = training, validation
        self._state, self._plan = state, plan
        self._metric = METRIC_NAMES[training.loss.kind]
        self._training_metric = metric_of(training)
        self._validation_metric = None
        if validation is not None:
            self._validation_metric = metric_of(validation)
            if self._metric == "r2" and len(validation.rows) < 2:
                warn(
                    "R² is not defined for a validation set of one sample: validation_scores_ are "
                    "nan. The validation loss is watched all the same.",
                    UndefinedMetricWarning,
                )

    def advance(self):
        """Train for one epoch, write it into the history, and watch its loss.

        The state is `mid_epoch` where something was not finite.
        """
        state, plan, validation = self._state, self._plan, self._validation
        epoch, started = state.n_iter, time.perf_counter()
        losses = state.history["loss" if validation is None else "validation_loss"]
        factor = checked_factor(plan.schedule, epoch, losses)
        state.optimizer.learning_rate = plan.learning_rate_init * factor
        before = state.parameters.copy()
        data = (
            self._training if plan.lesson is None else plan.lesson.of_epoch(self._training, epoch)
        )
        totals = run_epoch(
            self._kernel,
            self._network,
            state.parameters,
            data,
            state.optimizer,
            plan.epoch,
            state.rng,
        )
        state.mid_epoch = totals.diverged or not np.isfinite(state.parameters).all()
        state.diverged = totals.loss > plan.divergence_threshold * totals.weight
        entries = {
            "loss": totals.objective,
            self._metric: self._training_metric(totals.mean_metric),
            "learning_rate": state.optimizer.learning_rate,
            "gradient_norm": totals.gradient_norm / max(totals.n_updates, 1),
        }
        if validation is not None:
            score = self._score(state.parameters, validation)
            entries["validation_loss"] = score.mean_loss
            entries[f"validation_{self._metric}"] = self._validation_metric(score.mean_metric)
        state.record(**entries, seconds=time.perf_counter() - started)
        if not state.mid_epoch:
            self._watch(epoch, before)

    def _watch(self, epoch, before):
        """Let the loss of an epoch count, if it can be compared with those of others."""
        state, lesson = self._state, self._plan.lesson
        if self._validation is not None:
            state.early_stopping.update(
                epoch + 1, state.history["validation_loss"][-1], state.parameters
            )
            may_end = lesson is None or lesson.is_whole(epoch)
        else:  # the training loss was taken on the way from `before`
            may_end = lesson is None or lesson.is_settled(epoch)
            if may_end:
                state.early_stopping.update(epoch, state.loss, before)
        if not may_end:
            state.early_stopping.n_bad_epochs = 0

    @property
    def learned_all(self):
        """Whether the training loss of the last epoch says that nothing more can be learned."""
        state, lesson = self._state, self._plan.lesson
        if not state.loss < self._plan.learned_loss:
            return False
        return lesson is None or lesson.is_settled(state.n_iter - 1)

    def mean_loss(self, parameters):
        """That of the validation set, or without one of the training set."""
        data = self._training if self._validation is None else self._validation
        return self._score(parameters, data).mean_loss

    def _score(self, parameters, data):
        n_threads = self._plan.epoch.n_threads
        return self._kernel.loss(self._network, parameters, *data, n_threads)


def candidate_weights(state, *, has_diverged, validated):
    """The (parameters, epoch) of which a training keeps those that fit best."""
    stopping = state.early_stopping
    last, best = (state.parameters, state.n_iter), (stopping.best_parameters, stopping.best_epoch)
    if has_diverged:
        return [best, (state.initial, 0)]
    if state.n_iter == 0 or (not validated and state.loss <= stopping.best_loss):
        return [last]
    # Without validation the last epoch may be a late spike of the loss.
    return [best] if validated else [last, best]
