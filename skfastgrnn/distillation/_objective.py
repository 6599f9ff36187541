"""What a student learns from: labels and a teacher, in a curriculum."""

from dataclasses import replace

import numpy as np
from scipy.special import log_expit, log_softmax
from sklearn.utils import check_consistent_length

from .._validation._errors import error_context
from .._validation._sample_weight import checked_weights
from ..network import Loss
from ..schedules import checked_factor, for_training, watches_loss
from ..training import Classification, Regression


class Distillation(Classification):
    """Knowledge distillation (Hinton, Vinyals & Dean, arXiv:1503.02531, 2015) of one training.

    Parameters
    ----------
    owner, class_weight
        As of `Classification`.
    classes : ndarray of shape (n_classes,)
        In the order of the logits.
    labels : ndarray of shape (n_sequences,), int32
        Numbers of the classes; -1 where the label is unknown.
    logits : ndarray of shape (n_sequences, n_outputs)
        Of the teacher; with two classes one, of the second class.
    validation_logits : ndarray or None
        The same for a validation set of its own.
    alpha : float
        Share of the teacher in the loss.
    temperature : float
        What divides logits before they become probabilities.
    temperature_schedule : callable or None
        Epoch -> factor, see `annealed`.
    curriculum : callable or None
        Epoch -> share of the sequences to train on, the easiest first.

    Attributes
    ----------
    held_out : ndarray of int
        Rows that the training holds out.
    """

    def __init__(
        self,
        owner,
        classes,
        labels,
        logits,
        *,
        class_weight=None,
        validation_logits=None,
        alpha,
        temperature,
        temperature_schedule=None,
        curriculum=None,
    ):
        super().__init__(
            owner,
            class_weight=class_weight,
            loss=Loss("distillation", temperature=temperature, alpha=alpha),
        )
        self.classes = classes
        self.labels = labels
        self.logits = logits
        self.validation_logits = validation_logits
        self.temperature_schedule = temperature_schedule
        self.curriculum = curriculum
        self.held_out = np.empty(0, dtype=np.intp)

    def encode(self, y, sequences, sample_weight, earlier=None):
        check_consistent_length(sequences, y, self.labels)
        self.check_number_of_classes()
        weights = checked_weights(sample_weight, sequences)
        self.class_weights = self.weights_of_classes(self.labels, weights)
        return self.with_teacher(super().data_set(sequences, self.labels, weights), self.logits)

    def encode_validation(self, y, sequences, sample_weight):
        data = super().encode_validation(y, sequences, sample_weight)
        return self.with_teacher(data, self.validation_logits)

    def with_teacher(self, data, logits):
        """A DataSet of labels with the teacher's logits beside them, where they count."""
        is_plain = logits is None or (
            self.loss.alpha == 0 and self.curriculum is None and (data.targets.labels >= 0).all()
        )
        if is_plain:
            return data._replace(loss=Loss("cross_entropy"))
        logits = np.ascontiguousarray(logits, dtype=data.sequences.values.dtype)
        return data._replace(targets=data.targets._replace(values=logits))

    def on_split(self, training, validation):
        """Any part can be learned from: a teacher may know of classes that have no sample."""
        if validation is not None and len(training.rows) < len(training.sequences):
            self.held_out = validation.rows

    def resolve(self, n_epochs):
        temperature = self.loss.temperature
        self.temperatures = [
            annealed(temperature, factor, epoch)
            for epoch, factor in enumerate(
                factors_of(self.temperature_schedule, n_epochs, "temperature_schedule")
            )
        ]
        self.shares = factors_of(self.curriculum, n_epochs, "curriculum")
        for epoch, share in enumerate(self.shares):
            if not 0 < share <= 1:
                raise ValueError(
                    f"curriculum {self.curriculum!r} returned {share} at epoch {epoch}; it must "
                    "return a share of the sequences, above 0 and up to 1."
                )

    def at_epoch(self, training, epoch):
        targets, rows, share = training.targets, training.rows, self.shares[epoch]
        if share < 1:
            easiest_first = np.argsort(difficulty(targets, rows), kind="stable")
            rows = rows[np.sort(easiest_first[: int(np.ceil(share * len(rows)))])]
        loss = replace(training.loss, temperature=self.temperatures[epoch])
        return training._replace(rows=rows, loss=loss)

    def uses_all_samples(self, epoch):
        return self.shares[epoch] == 1

    def is_comparable_to_next(self, epoch):
        following = min(epoch + 1, len(self.temperatures) - 1)
        is_steady = self.temperatures[epoch] == self.temperatures[following]
        return self.uses_all_samples(epoch) and is_steady

    def divergence_threshold(self, training):
        weight_of_teacher = self.loss.alpha * self.loss.temperature**2
        return super().divergence_threshold(training) * max(1, weight_of_teacher)

    def scoring_rows(self, rows):
        """Where the label is unknown there is nothing to score."""
        rows = rows[self.labels[rows] >= 0]
        return rows, self.classes[self.labels[rows]]


class BlendedRegression(Regression):
    """Objective of regression on targets blended with a teacher's predictions.

    Parameters
    ----------
    loss_weight : ndarray of shape (n_sequences,), or None
        Factors of the losses of sequences, beside their weights.
    settings : dict
        Those of `Regression`.
    """

    def __init__(self, *, loss_weight, **settings):
        super().__init__(**settings)
        self.loss_weight = loss_weight
        self.held_out = np.empty(0, dtype=np.intp)

    def read_weights(self, sample_weight, sequences):
        weights = super().read_weights(sample_weight, sequences)
        if self.loss_weight is None:
            return weights
        check_consistent_length(sequences, self.loss_weight)
        factors = self.loss_weight.astype(sequences.values.dtype)
        return factors if weights is None else weights * factors

    def on_split(self, training, validation):
        if validation is not None and len(training.rows) < len(training.sequences):
            self.held_out = validation.rows


def factors_of(schedule, n_epochs, name):
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
            f"temperature_schedule returned {factor} at epoch {epoch}, which makes the temperature "
            f"{annealed}; it must be above 0."
        )
    return annealed


def difficulty(targets, rows):
    """Cross-entropy of the teacher with the label, or without one with its own argmax (n_rows,)."""
    logits = targets.values[rows].astype(np.float64)
    if logits.shape[1] == 1:
        costs = -log_expit(np.hstack([-logits, logits]))
    else:
        costs = -log_softmax(logits, axis=1)
    labels = targets.labels[rows]
    labels = np.where(labels < 0, costs.argmin(axis=1), labels)
    return costs[np.arange(len(rows)), labels]
