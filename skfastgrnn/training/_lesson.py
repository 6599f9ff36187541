"""What a teacher adds to a training: its logits, how much they count, and in which order."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import log_expit, log_softmax

from .._validation._errors import error_context
from ..schedules import checked_factor, for_training, watches_loss


class Lesson(NamedTuple):
    """Knowledge distillation (Hinton, Vinyals & Dean, arXiv:1503.02531, 2015) of one training.

    classes : (n_classes,) in the order of the logits
    labels : (n_sequences,) int32, the number of the class, -1 where it is unknown
    logits : (n_sequences, n_outputs) of the teacher; with two classes one, of the second class
    validation_logits : the same for a validation set of its own, or None
    alpha : share of the teacher in the loss
    temperature : what divides logits before they become probabilities
    temperature_schedule : callable epoch -> factor, or None; see `annealed`
    curriculum : callable epoch -> share of the sequences to train on, the easiest first, or None
    temperatures, shares : what these two answer for each epoch, see `lasting`
    """

    classes: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    validation_logits: np.ndarray | None
    alpha: float
    temperature: float
    temperature_schedule: Callable | None = None
    curriculum: Callable | None = None
    temperatures: list | None = None
    shares: list | None = None

    def lasting(self, n_epochs):
        """The same for a training of so many epochs, at most: each asks its schedules once."""
        temperatures = [
            annealed(self.temperature, factor, epoch)
            for epoch, factor in enumerate(
                answers(self.temperature_schedule, n_epochs, "temperature_schedule")
            )
        ]
        shares = answers(self.curriculum, n_epochs, "curriculum")
        for epoch, share in enumerate(shares):
            if not 0 < share <= 1:
                raise ValueError(
                    f"curriculum {self.curriculum!r} answered {share} at epoch {epoch}; it must "
                    "answer a share of the sequences, above 0 and up to 1."
                )
        return self._replace(temperatures=temperatures, shares=shares)

    def of_epoch(self, training, epoch):
        """The DataSet that an epoch trains on."""
        targets, rows, share = training.targets, training.rows, self.shares[epoch]
        if share < 1:
            easiest_first = np.argsort(difficulty(targets, rows), kind="stable")
            rows = rows[np.sort(easiest_first[: int(np.ceil(share * len(rows)))])]
        loss = replace(training.loss, temperature=self.temperatures[epoch])
        return training._replace(loss=loss, rows=rows)

    def is_whole(self, epoch):
        """Whether an epoch trains on all sequences."""
        return self.shares[epoch] == 1

    def is_settled(self, epoch):
        """Whether the training loss of an epoch can be compared with that of the next one."""
        following = min(epoch + 1, len(self.temperatures) - 1)
        return self.is_whole(epoch) and self.temperatures[epoch] == self.temperatures[following]


def answers(schedule, n_epochs, name):
    """The factor of each epoch; 1 without a schedule."""
    if schedule is None:
        return [1.0] * n_epochs
    with error_context(name):
        if watches_loss(schedule):
            raise ValueError(f"It cannot be one that watches losses: {schedule!r}.")
        schedule = for_training(schedule, n_epochs)
        return [checked_factor(schedule, epoch, ()) for epoch in range(n_epochs)]


def annealed(temperature, factor, epoch):
    """T = 1 + (temperature - 1) * factor: factors that fall to 0 anneal it to 1."""
    annealed = 1 + (temperature - 1) * factor
    if annealed <= 0:
        raise ValueError(
            f"temperature_schedule answered {factor} at epoch {epoch}, which makes the temperature "
            f"{annealed}; it must be above 0."
        )
    return annealed


def difficulty(targets, rows):
    """What the teacher would pay for the label, or without one for its own opinion (n_rows,)."""
    logits = targets.values[rows].astype(np.float64)
    if logits.shape[1] == 1:
        costs = -log_expit(np.hstack([-logits, logits]))
    else:
        costs = -log_softmax(logits, axis=1)
    labels = targets.labels[rows]
    labels = np.where(labels < 0, costs.argmin(axis=1), labels)
    return costs[np.arange(len(rows)), labels]
