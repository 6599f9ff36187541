"""Training data for small networks on UCI HAR: perturbed windows and what a teacher says of them.

The teacher is a linear discriminant of whole windows. It is asked out of fold by person: of nobody
it says anything whose windows it has seen.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .har_summaries import summaries
from .har_windows import Windows, perturbed

N_FOLDS = 5
#: Sets of perturbed windows, each as many as the original ones.
N_PERTURBED = 2


class Lesson(NamedTuple):
    """Windows X (n, 128, 9), activities y (n,), and probabilities of a teacher (n, 6)."""

    X: np.ndarray
    y: np.ndarray
    proba: np.ndarray


def lesson(original: Windows, *, random_state=0, n_perturbed=N_PERTURBED):
    """The original windows, then the perturbed ones, with calibrated soft targets."""
    rng = np.random.default_rng(random_state)
    every = original
    for _ in range(n_perturbed):
        every += perturbed(original, rng)
    logits = out_of_fold(every, len(original.y))
    return Lesson(every.X, every.y, softmax(logits, axis=1))


def out_of_fold(every, n_original):
    """Calibrated log-probabilities (n, 6) of teachers that were fitted to other people.

    They are fitted to original windows, which are the first ones, and calibrated on these.
    """
    rows, logits = summaries(every.X), np.empty((len(every.y), 6))
    is_original = np.arange(len(every.y)) < n_original
    folds = GroupKFold(N_FOLDS, shuffle=True, random_state=1)
    for others, these in folds.split(rows, groups=every.person):
        fitted_to = others[is_original[others]]
        fitted = teacher().fit(rows[fitted_to], every.y[fitted_to])
        logits[these] = fitted.predict_log_proba(rows[these])
    return logits / temperature(logits[is_original], every.y[is_original])


def teacher():
    """It reads `summaries`."""
    return make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1))


def temperature(logits, y):
    """The divisor of logits with the least log loss; classes count from 1."""

    def loss(log_divisor):
        log_proba = log_softmax(logits / np.exp(log_divisor), axis=1)
        return -log_proba[np.arange(len(y)), y - 1].mean()

    return np.exp(minimize_scalar(loss, bounds=(-2, 4), method="bounded").x)
