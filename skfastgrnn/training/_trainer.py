"""The epochs of a fit."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

from ..schedules import checked_factor
from ._epoch import EpochConfig, run_epoch
from ._phases import Phases, take_counts
from ._report import epoch_line, stop_line, warn

INTERRUPTED = "Training interrupted by user."


@dataclass(frozen=True)
class TrainingConfig:
    """Configuration of training.

    epoch : what each epoch does
    schedule : callable, epoch (from 0) -> factor of learning_rate_init; see `schedules`
    max_iter : the epoch, counted from 1, that is the last one
    divergence_threshold : a mean loss (without penalty) that only a diverged fit ends above
    should_converge : whether to warn where the last epoch comes before early stopping
    converged_loss : below this training loss nothing is left to learn
    phases : what is compressed in which epochs
    label : what lines of `verbose` begin with
    """

    epoch: EpochConfig
    schedule: Callable
    learning_rate_init: float
    max_iter: int
    divergence_threshold: float
    should_converge: bool
    converged_loss: float
    verbose: int
    phases: Phases
    label: str = ""


@dataclass
class TrainingResult:
    """What a training ends with.

    parameters : (P,) to keep
    best_iter : the epoch that they are from
    diverged : whether it ended since something was not finite, or with a loss far too high
    interrupted : whether Ctrl-C ended it
    stopped : whether what it notified ended it
    """

    parameters: np.ndarray
    best_iter: int
    diverged: bool = False
    interrupted: bool = False
    stopped: bool = False

    @property
    def completed(self):
        """Whether it was neither interrupted nor diverged."""
        return not (self.interrupted or self.diverged)


def train(kernel, network, training, validation, objective, state, config, notifier=None):
    """Train epoch by epoch from `state`, which is changed in place.

    What is validated and kept is the moving average of the parameters, if the optimizer has one.
    Stops where the training loss is below `config.converged_loss`. With a validation set, stops
    also `state.early_stopping.patience` epochs after its weighted loss last improved, and returns
    the parameters of its best epoch. Without one, watches the training loss and returns the last
    parameters, or those of the best epoch where these fit the training set better. Where the
    training loss is not finite, or ends above `divergence_threshold`, it warns and returns the
    parameters of the epoch with the lowest loss, or the initial ones where these are better. Ctrl-C
    ends the training with what it has learned so far.

    Where weights are to be compressed (`config.phases`), only epochs after which their support and
    rounding are final are compared and can end the training; earlier ones can end a phase. What is
    returned always has both.

    Parameters
    ----------
    kernel, network
        See `skfastgrnn.kernels` and `skfastgrnn.network`.
    training, validation : DataSet
        `validation` may be None.
    objective : Objective
    state : TrainingState
    config : TrainingConfig
    notifier : FitNotifier or None
        Called before and after every epoch; may stop training.

    Returns
    -------
    TrainingResult
    """
    epochs = Epochs(kernel, network, training, validation, objective, state, config)
    stopping, phases = state.early_stopping, config.phases
    diverged = interrupted = stopped = False
    try:
        is_comparable = state.is_warm_start and state.n_iter == 0 and phases.is_final(state)
        if is_comparable and validation is not None:
            # What it begins with may be better than all that follows.
            stopping.update(0, epochs.mean_loss(state.initial), state.initial)
        while not (
            state.n_iter >= config.max_iter
            or stopping.should_stop
            or epochs.has_converged
            or stopped
        ):
            if notifier is not None:
                notifier.epoch_begins()
            epochs.advance()
            if state.mid_epoch:
                diverged = True
                break
            if config.verbose:
                line = epoch_line(state.history, state.n_iter, config.max_iter)
                print(f"{config.label}{line}")
            stopped = notifier is not None and notifier.epoch_ends()
        else:
            if config.should_converge and not (stopping.should_stop or stopped):
                warn(
                    f"Maximum iterations ({config.max_iter}) reached and the training has not "
                    "converged yet. Raise max_iter, or set n_iter_no_change=float('inf') to train "
                    "for exactly max_iter epochs.",
                    ConvergenceWarning,
                )
    except KeyboardInterrupt:
        warn(INTERRUPTED)
        interrupted = state.mid_epoch = True
        diverged = not state.is_finite
    if (
        config.verbose
        and state.n_iter < config.max_iter
        and (stopping.should_stop or epochs.has_converged)
    ):
        line = stop_line(state.n_iter, validated=validation is not None, done=epochs.has_converged)
        print(f"{config.label}{line}")
    has_diverged = diverged or state.diverged
    candidates = candidate_weights(
        state, phases, has_diverged=has_diverged, validated=validation is not None
    )
    if len(candidates) > 1:
        losses = [epochs.mean_loss(parameters) for parameters, _ in candidates]
        candidates = [candidates[np.argmin(np.nan_to_num(losses, nan=np.inf))]]
    parameters, best_iter = candidates[0]
    if has_diverged:
        warn_of_divergence(state, network, best_iter, config.learning_rate_init)
    return TrainingResult(parameters, best_iter, has_diverged, interrupted, stopped)


def warn_of_divergence(state, network, best_iter, learning_rate_init):
    """Warn that a training diverged, and say which weights are kept and what helps."""
    if np.isfinite(state.loss):
        reason = f"loss {state.loss:g} after epoch {state.n_iter}"
    else:
        reason = f"a loss or gradient of epoch {state.n_iter} was not finite"
    if best_iter:
        kept = f"the weights of its best epoch ({best_iter})"
    elif state.is_warm_start:
        kept = "the weights that it began with"
    else:
        kept = "the initial weights"
    advice = f"Lower learning_rate_init (now {learning_rate_init:g}) or scale the input."
    if network.gate_activation == "relu":
        advice += (
            " Or set gate_activation='sigmoid': gates of 'relu' can be above 1 and then let states "
            "grow at every step."
        )
    warn(f"The training diverged ({reason}); {kept} are kept. {advice}", ConvergenceWarning)


class Epochs:
    """The epochs of a training, which take its state along; see `train` for what they are given."""

    def __init__(self, kernel, network, training, validation, objective, state, config):
        self._kernel, self._network = kernel, network
        self._training, self._validation = training, validation
        self._objective, self._state, self._config = objective, state, config
        self._training_score = objective.score_of(training)
        self._validation_score = None
        if validation is not None:
            self._validation_score = objective.score_of(validation)
            if objective.metric == "r2" and len(validation.rows) < 2:
                warn(
                    "R² is not defined for a validation set of one sample: validation_scores_ are "
                    "nan. The validation loss is watched all the same.",
                    UndefinedMetricWarning,
                )

    def advance(self):
        """Train for one epoch, add it to the history, and monitor its loss.

        The state is `mid_epoch` where something was not finite.
        """
        state, config, validation = self._state, self._config, self._validation
        epoch, metric, started = state.n_iter, self._objective.metric, time.perf_counter()
        losses = state.history["loss" if validation is None else "validation_loss"]
        factor = checked_factor(config.schedule, epoch, losses)
        state.optimizer.learning_rate = config.learning_rate_init * factor
        if not config.phases.is_final(state):
            config.phases.begin_epoch(state, nothing_left=self._nothing_left)
        before = state.averaged.copy()
        network, parameters, optimizer, parametrization = config.phases.current(state)
        totals = run_epoch(
            self._kernel,
            network,
            parameters,
            self._objective.at_epoch(self._training, epoch),
            optimizer,
            parametrization,
            config.epoch,
            state.rng,
            self._objective.soften,
            config.phases.threshold_of(state),
        )
        if optimizer is not state.optimizer:
            take_counts(state.optimizer, optimizer)
        state.mid_epoch = totals.diverged or not state.is_finite
        state.diverged = totals.loss > config.divergence_threshold * totals.weight
        entries = {
            "loss": totals.objective,
            metric: self._training_score(totals.mean_metric),
            "learning_rate": state.optimizer.learning_rate,
            "gradient_norm": totals.gradient_norm / max(totals.n_updates, 1),
        }
        if validation is not None:
            averaged = parameters if optimizer.average is None else optimizer.average
            score = self._score(network, averaged, validation)
            entries["validation_loss"] = score.mean_loss
            entries[f"validation_{metric}"] = self._validation_score(score.mean_metric)
        state.record(**entries, seconds=time.perf_counter() - started)
        if not state.mid_epoch:
            self._watch(epoch, before)
            if self._nothing_left and config.phases.only_rounding_is_left(state):
                self._try_to_end_rounded(network, len(parameters))

    def _watch(self, epoch, before):
        """Let the loss of an epoch count, if it can be compared with those of others."""
        state, objective = self._state, self._objective
        if not self._config.phases.is_final(state):
            return
        if self._validation is not None:
            state.early_stopping.update(
                epoch + 1, state.history["validation_loss"][-1], state.averaged
            )
            may_end = objective.uses_all_samples(epoch)
        else:  # the training loss was taken on the way from `before`
            may_end = objective.is_comparable_to_next(epoch)
            if may_end:
                state.early_stopping.update(epoch, state.loss, before)
        if not may_end:
            state.early_stopping.n_bad_epochs = 0

    def _try_to_end_rounded(self, unrounded_network, n_parameters):
        """Round weights that have nothing left to learn, if that leaves nothing to learn, either.

        If it does, they stay as they are, and the next epoch begins to train rounded ones.
        """
        state, phases, objective = self._state, self._config.phases, self._objective
        data = objective.soften(objective.at_epoch(self._training, state.n_iter - 1))
        rounded = phases.completed(state.averaged, has_steps=False)
        unrounded = state.averaged[:n_parameters]
        before = self._score(unrounded_network, unrounded, data).mean_loss
        after = self._score(self._network, rounded, data).mean_loss
        if state.loss + after - before < self._config.converged_loss:
            phases.round(state)
            state.early_stopping.update(state.n_iter, self.mean_loss(rounded), rounded)

    @property
    def has_converged(self):
        """Whether nothing more can be learned in the last phase."""
        return self._nothing_left and self._config.phases.is_final(self._state)

    @property
    def _nothing_left(self):
        """Whether the training loss of the last epoch says that nothing more can be learned."""
        state = self._state
        is_low = state.loss < self._config.converged_loss
        return is_low and self._objective.is_comparable_to_next(state.n_iter - 1)

    def mean_loss(self, parameters):
        """That of the validation set, or without one of the training set."""
        data = self._training if self._validation is None else self._validation
        return self._score(self._network, parameters, data).mean_loss

    def _score(self, network, parameters, data):
        n_threads = self._config.epoch.n_threads
        return self._kernel.loss(network, parameters, *data, n_threads)


def candidate_weights(state, phases, *, has_diverged, validated):
    """The (parameters, epoch) of which a training keeps those that fit best."""
    stopping = state.early_stopping
    best = phases.completed(stopping.best_parameters, has_steps=True), stopping.best_epoch
    if has_diverged:
        return [best, (phases.completed(state.initial, has_steps=True), 0)]
    last = phases.completed(state.averaged, has_steps=state.is_rounded), state.n_iter
    nothing_was_judged = state.n_iter == 0 or not phases.is_final(state)
    if nothing_was_judged or (not validated and state.loss <= stopping.best_loss):
        return [last]
    # Without validation the last epoch may be a late spike of the loss.
    return [best] if validated else [last, best]
