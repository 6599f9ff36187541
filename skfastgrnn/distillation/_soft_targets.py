"""What a classifier as teacher finds probable, for all samples of a fit."""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.utils import _safe_indexing

from ._calibration import Calibration, calibrated
from ._folds import ask_out_of_fold, mean_by_sample
from ._students import rows_of
from ._teachers import LEAST, MOST_COMPARED, Teacher, check_predictions


class SoftTargets(NamedTuple):
    """Logits of a teacher.

    logits : (n_samples, n_classes)
    out_of_fold : (n_samples,) bool, where they are of a teacher that was fitted on other samples,
        some of them of the same class; or None, if nobody knows what it was fitted on
    are_probabilities : whether they are logarithms of probabilities
    """

    logits: np.ndarray
    out_of_fold: np.ndarray | None
    are_probabilities: bool

    @classmethod
    def of_proba(cls, proba):
        """Of probabilities (n_samples, n_classes) from outside."""
        return cls(np.log(np.maximum(proba, LEAST)), None, True)

    @classmethod
    def of_ready(cls, teacher, X):
        """Of a `Teacher` that somebody has fitted before, for samples X."""
        return cls(teacher.checked_logits(X), None, teacher.method != "decision_function")


class Asked(NamedTuple):
    """Predictions of a fold's teacher.

    logits : (n_samples, n_classes) of its test samples
    compared : (n_compared,) some of them,
    predicted : (n_compared,) and the numbers of the classes that are predicted for these
    seen : (n_classes,) bool, which classes it was fitted on
    of_more : (n_more, n_classes) logits of samples that have no label, or None
    """

    logits: np.ndarray
    compared: np.ndarray
    predicted: np.ndarray
    seen: np.ndarray
    of_more: np.ndarray | None


def ask_fold(estimator, X, train, *, method, classes, labels, X_more):
    """`Asked`: predictions of a fold's teacher for its test samples and X_more (may be None).

    labels : ndarray of shape (n_samples,)
        Numbers of the classes of all samples that have one.
    """
    teacher = Teacher(estimator, method, classes)
    logits = teacher.logits(X)
    compared = np.linspace(0, len(logits) - 1, min(len(logits), MOST_COMPARED)).astype(np.intp)
    predicted = teacher.predicted(_safe_indexing(X, compared))
    seen = np.isin(np.arange(len(classes)), labels[train])
    of_more = None if X_more is None else teacher.logits(X_more)
    return Asked(logits, compared, predicted, seen, of_more)


def soft_targets_out_of_fold(teacher, X, labels, known, splits, *, params, n_jobs):
    """`SoftTargets` of a fitted `Teacher`, with out-of-fold predictions of its clones.

    A sample that is in several test parts gets the mean of what their teachers say: of
    probabilities, or of decisions. Where these have seen no sample of its class, or it is in no
    test part, the teacher itself is asked; and where the label is unknown, it and all of its clones
    that have seen every class, of which the mean is better than any of them.

    Parameters
    ----------
    teacher : Teacher
        Fitted on the samples `known`.
    X : array-like of n_samples samples
    labels : ndarray of shape (n_samples,)
        Numbers of classes, -1 where unknown.
    known : ndarray
        The rows that have a label.
    splits : list of pairs of ndarray
        Training and test rows, of `known`.
    params : dict
        What the `fit` of the teacher's clones is called with; for the samples `known`.
    n_jobs : int or None
    """
    logits = np.empty((len(labels), len(teacher.classes)))
    out_of_fold = np.zeros(len(labels), dtype=bool)
    unknown = np.flatnonzero(labels < 0)
    X_more = rows_of(X, unknown) if len(unknown) else None
    logits[known], out_of_fold[known], of_more = logits_out_of_fold(
        teacher.estimator,
        teacher.method,
        teacher.classes,
        rows_of(X, known),
        labels[known],
        splits,
        params=params,
        n_jobs=n_jobs,
        X_more=X_more,
    )
    others = known[~out_of_fold[known]]
    if len(others):
        logits[others] = teacher.logits(rows_of(X, others))
    if X_more is not None:
        all_of_more = [
            as_means(part, teacher.method) for part in (teacher.logits(X_more), *of_more)
        ]
        logits[unknown] = of_means(np.mean(all_of_more, axis=0), teacher.method)
    return SoftTargets(logits, out_of_fold, teacher.method != "decision_function")


def logits_out_of_fold(
    estimator, method, classes, X, labels, splits, *, params, n_jobs, X_more=None
):
    """Out-of-fold predictions of an estimator's clones.

    Returns
    -------
    logits : ndarray of shape (n_samples, n_classes)
    is_asked : ndarray of shape (n_samples,), bool
        For which samples there are any.
    of_more : list of ndarray of shape (n_more, n_classes)
        Those for X_more of each clone that has seen every class.
    """
    ask = partial(ask_fold, method=method, classes=classes, labels=labels, X_more=X_more)
    asked = ask_out_of_fold(
        estimator, ask, X, classes[labels], splits, params=params, n_jobs=n_jobs
    )
    if not asked:
        return np.zeros((len(labels), len(classes))), np.zeros(len(labels), dtype=bool), []
    check_predictions(
        estimator,
        method,
        classes,
        np.concatenate([fold.logits[fold.compared] for fold in asked]),
        np.concatenate([fold.predicted for fold in asked]),
    )
    kept = [fold.seen[labels[test]] for fold, (_, test) in zip(asked, splits, strict=True)]
    means, counts = mean_by_sample(
        [as_means(fold.logits, method)[keep] for fold, keep in zip(asked, kept, strict=True)],
        [(train, test[keep]) for (train, test), keep in zip(splits, kept, strict=True)],
        (len(labels), len(classes)),
    )
    of_more = [fold.of_more for fold in asked if X_more is not None and fold.seen.all()]
    return of_means(means, method), counts > 0, of_more


def as_means(logits, method):
    """What means are taken of: probabilities, or decisions."""
    return logits if method == "decision_function" else softmax(logits, axis=1)


def of_means(means, method):
    """Logits of such means."""
    return means if method == "decision_function" else np.log(np.maximum(means, LEAST))


def as_outputs(logits):
    """Logits (n_samples, n_outputs) as the student has them: one for two classes."""
    return logits[:, 1:] - logits[:, :1] if logits.shape[1] == 2 else logits


def calibration_of(soft, labels, sample_weight):
    """`Calibration` of soft targets by the labels (n_samples,), -1 where unknown.

    Of a teacher that may have been fitted on these labels, only that it is too sure can be seen, so
    that the temperature is at least 1.
    """
    is_known = labels >= 0 if soft.out_of_fold is None else soft.out_of_fold
    weights = None
    if sample_weight is not None:
        weights = np.asarray(sample_weight, dtype=np.float64)
        is_known = is_known & (weights > 0)
        weights = weights[is_known]
    if not is_known.any():
        return Calibration(reason="no labels to calibrate it on")
    is_honest = soft.out_of_fold is not None
    found = calibrated(
        soft.logits[is_known],
        labels[is_known],
        weights,
        are_probabilities=soft.are_probabilities,
        lowest=0.0 if is_honest else 1.0,
    )
    how = ", out of fold" if is_honest else " that the teacher may know: not below 1"
    return found._replace(reason=found.reason + how)
