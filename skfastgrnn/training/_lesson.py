"""What a teacher adds to a training: its logits, how much they count, and in which order."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import log_expit, log_softmax

from ..schedules import checked_factor, for_training, watches_loss


class Lesson(NamedTuple):
    """Knowledge distillation (Hinton, Vinyals & Dean, arXiv:1503.02531, 2015) of one training.

    classes : (n_classes,) in the order of the logits
    labels : (n_sequences,) int32, the number of the class, -1 where it is unknown
    logits : (n_sequences, n_outputs) of the teacher; with two classes one, of the second class
    validation_logits : the same for a validation set of its own, or None
    alpha : share of the teacher in the loss
    temperature : what divides logits before they become probabilities
    temperature_schedule : callable epoch -> factor, or None; see `temperature_at`
    curriculum : callable epoch -> share of the sequences to train on, the easiest first, or None
    """

    classes: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    validation_logits: np.ndarray | None
    alpha: float
    temperature: float
    temperature_schedule: Callable | None = None
    curriculum: Callable | None = None

    def lasting(self, n_epochs):
        """The same with schedules that are as long as the training, where they ask for that."""
        schedules = {"temperature_schedule": self.temperature_schedule}
        schedules["curriculum"] = self.curriculum
        for name, schedule in schedules.items():
            if schedule is None:
                continue
            if watches_loss(schedule):
                raise ValueError(f"{name} cannot be one that watches losses: {schedule!r}.")
            schedules[name] = for_training(schedule, n_epochs)
        return self._replace(**schedules)

    def temperature_at(self, epoch):
        """T = 1 + (temperature - 1) * factor: factors that fall to 0 anneal it to 1."""
        if self.temperature_schedule is None:
            return self.temperature
        factor = checked_factor(self.temperature_schedule, epoch, ())
        temperature = 1 + (self.temperature - 1) * factor
        if temperature <= 0:
            raise ValueError(
                f"temperature_schedule {self.temperature_schedule!r} answered {factor} at epoch "
                f"{epoch}, which makes the temperature {temperature}; it must be above 0."
            )
        return temperature

    def share_at(self, epoch):
        """Share of the sequences that the curriculum has come to."""
        if self.curriculum is None:
            return 1.0
        share = checked_factor(self.curriculum, epoch, ())
        if not 0 < share <= 1:
            raise ValueError(
                f"The curriculum {self.curriculum!r} answered {share} at epoch {epoch}; it must "
                "answer a share of the sequences, above 0 and up to 1."
            )
        return share

    def of_epoch(self, training, epoch):
        """The DataSet that an epoch trains on."""
        targets, rows = training.targets, training.rows
        share = self.share_at(epoch)
        if share < 1:
            easiest_first = np.argsort(difficulty(targets, rows), kind="stable")
            rows = rows[np.sort(easiest_first[: int(np.ceil(share * len(rows)))])]
        targets = targets._replace(temperature=self.temperature_at(epoch))
        return training._replace(targets=targets, rows=rows)

    def is_settled(self, epoch):
        """Whether the loss of an epoch can be compared with that of the next one."""
        is_whole = self.share_at(epoch) == 1
        return is_whole and self.temperature_at(epoch) == self.temperature_at(epoch + 1)


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
