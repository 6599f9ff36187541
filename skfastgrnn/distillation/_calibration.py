"""How sure a teacher may be: what makes its probabilities fit the labels that are known."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

#: Between these multiples of what is expected the temperature is searched for.
BOUNDS = 1e-3, 1e3


class Calibration(NamedTuple):
    """Calibration of a teacher's logits: a temperature and a lower bound of probabilities.

    temperature : what they are divided by
    least : the probability that none is below, or None
    reason : in words, where the temperature comes from
    """

    temperature: float = 1.0
    least: float | None = None
    reason: str = "given"

    def of(self, logits):
        """Logits (n_samples, n_classes) with it."""
        if self.least is not None:
            logits = np.maximum(log_softmax(logits, axis=1), np.log(self.least))
        return logits / self.temperature


def calibrated(logits, labels, weights=None, *, are_probabilities, lowest=0.0):
    """The `Calibration` on known labels.

    A probability that so few samples say nothing about, below one in n_samples + n_classes, is
    raised to that: zeros of a forest would decide baseline.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
    labels : ndarray of shape (n_samples,)
        Numbers of classes.
    weights : ndarray of shape (n_samples,), or None
    are_probabilities : bool
        Whether the logits are logarithms of probabilities; decisions have no least value.
    lowest : float
        No temperature below this.
    """
    least = 1 / sum(logits.shape) if are_probabilities else None
    logits = Calibration(least=least).of(logits)
    expected = 1.0 if are_probabilities else spread_of(logits) or 1.0
    temperature = calibrated_temperature(logits, labels, weights, expected=expected, lowest=lowest)
    return Calibration(temperature, least, f"calibrated on {len(labels)} labels")


def calibrated_temperature(logits, labels, weights=None, *, expected=1.0, lowest=0.0):
    """T that minimises the log loss of softmax(logits / T) for `smoothed_targets`.

    So few labels that they may be right or wrong by chance must not decide alone: to the sum of the
    losses, log(T / expected) ** 2 / 2 is added, as if its logarithm were known beforehand to about
    1.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML
    2017.
    """
    targets = smoothed_targets(labels, logits.shape[1], weights)

    def loss(log_temperature):
        log_p = log_softmax(logits * np.exp(-log_temperature), axis=1)
        mean = -np.average(np.sum(targets * log_p, axis=1), weights=weights)
        return mean + (log_temperature - np.log(expected)) ** 2 / (2 * len(labels))

    bounds = np.log(np.maximum(expected * np.array(BOUNDS), lowest))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return max(lowest, float(np.exp(min([found.x, *bounds], key=loss))))


def spread_of(logits):
    """Standard deviation of logits (n_samples, n_classes) around the mean of each sample."""
    return np.std(logits - logits.mean(axis=1, keepdims=True))


def smoothed_targets(labels, n_classes, weights=None):
    """Target probabilities (n_samples, n_classes), of which none is 0.

    To the n samples of a class, 2 sqrt(n) are added whose labels are spread evenly over all
    classes: n + 2 sqrt(n) / n_classes of n + 2 sqrt(n). Without them, a teacher that is right about
    all of a few samples would be taken for certain, which J. Platt mends so for two classes, with
    2 instead of 2 sqrt(n) [1]_; the minimax estimate of a probability has sqrt(n) [2]_. Students
    learned most from this, see "Learning from a teacher" in the documents.

    weights : ndarray of shape (n_samples,), or None
        The samples of a class count by these, scaled to a mean of 1.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    .. [2] E. L. Lehmann, G. Casella, "Theory of Point Estimation", 2nd edition, Springer, 1998.
    """
    if weights is not None:
        weights = weights * (len(weights) / weights.sum())
    counts = np.bincount(labels, weights=weights, minlength=n_classes)[labels]
    added = 2 * np.sqrt(counts)
    targets = np.tile((added / n_classes / (counts + added))[:, None], n_classes)
    targets[np.arange(len(labels)), labels] += counts / (counts + added)
    return targets
