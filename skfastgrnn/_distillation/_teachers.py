"""What teachers answer: logits, in the order of the classes."""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils.validation import _num_samples, check_array, check_is_fitted

METHODS = ("predict_proba", "predict_log_proba", "decision_function")
#: Least probability that a logarithm is taken of.
LEAST = np.finfo(np.float64).eps
UNFITTED = (
    "cv='prefit' needs a fitted teacher, and this %(name)s is not fitted. In a search, whose "
    "clones are unfitted, pass FrozenEstimator(teacher) instead, with cv=None."
)


class Teacher:
    """A fitted classifier, asked for logits in the order of the sorted classes."""

    def __init__(self, estimator, method):
        self.estimator = estimator
        self.method = method
        self.classes = np.unique(estimator.classes_)
        self._order = np.argsort(estimator.classes_)

    def logits(self, X):
        """Of samples (n_samples, n_outputs)."""
        logits = logits_of(getattr(self.estimator, self.method)(X), self.method, self._order)
        if len(logits) != _num_samples(X):
            raise ValueError(
                f"{self.method} of the teacher answers {len(logits)} rows for {_num_samples(X)} "
                "samples."
            )
        return logits


def is_ready(teacher, cv):
    """Whether a teacher is used as it was fitted."""
    return isinstance(cv, str) or isinstance(teacher, FrozenEstimator)


def ready_teacher(teacher, method):
    """A `Teacher` that somebody has fitted before."""
    check_is_fitted(teacher, msg=UNFITTED)
    if not hasattr(teacher, "classes_"):
        raise ValueError(f"The teacher {type(teacher).__name__} has no classes_: no classifier.")
    return Teacher(teacher, method_of(teacher, method))


def folds(cv, labels):
    """For `cross_val_predict`: None is 5 folds, or as many as the rarest class has samples.

    A class of a single sample does not count: in whatever fold it is, its teacher never saw it.
    """
    if cv is not None:
        return cv
    counts = np.bincount(labels)
    return StratifiedKFold(int(np.clip(counts[counts > 1].min(initial=5), 2, 5)))


def logits_out_of_fold(teacher, X, y, method, **options):
    """Logits for the samples that a teacher is fitted on, each from another fold."""
    answers = cross_val_predict(teacher, X, y, method=method, **options)
    return logits_of(answers, method, np.arange(len(np.unique(y))))


def method_of(teacher, method):
    """The name of the method that the teacher is asked by."""
    wanted = METHODS if method == "auto" else (method,)
    for name in wanted:
        if hasattr(teacher, name):
            return name
    raise ValueError(
        f"The teacher {type(teacher).__name__} has no {' or '.join(wanted)}; a classifier with one "
        "of them is needed."
    )


def logits_of(answers, method, order):
    """From what a method answers to logits (n_samples, n_outputs): one for two classes.

    Decisions are logits. Of probabilities the logarithm is taken, not less than that of `LEAST`.
    `order` (n_classes,) are the columns of the sorted classes.
    """
    answers = check_array(
        answers,
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite=method != "predict_log_proba",
        input_name=f"{method} of the teacher",
    )
    n_classes = len(order)
    if method == "decision_function" and n_classes == 2 and answers.size == len(answers):
        logits = answers.reshape(-1, 1)
        return logits if order[0] == 0 else -logits
    if answers.ndim != 2 or answers.shape[1] != n_classes:
        raise ValueError(
            f"{method} of the teacher answers the shape {answers.shape} for {n_classes} classes; "
            "it must answer a column for each of them."
        )
    if method == "predict_proba":
        answers = np.log(np.maximum(answers, LEAST))
    elif method == "predict_log_proba":
        answers = np.maximum(answers, np.log(LEAST))
    answers = answers[:, order]
    return answers[:, 1:] - answers[:, :1] if n_classes == 2 else answers


def checked_proba(proba, n_samples):
    """Probabilities (n_samples, n_classes) from outside; (n_samples,) are those of two classes."""
    proba = check_array(proba, ensure_2d=False, dtype=np.float64, input_name="teacher_proba")
    if proba.ndim == 1:
        proba = np.column_stack([1 - proba, proba])
    if len(proba) != n_samples:
        raise ValueError(
            f"teacher_proba has {len(proba)} rows, and there are {n_samples} samples (those of "
            "X_unlabeled come last)."
        )
    if proba.ndim != 2 or proba.shape[1] < 2:
        raise ValueError(
            f"teacher_proba has the shape {proba.shape}; it must hold a column for each of "
            "at least 2 classes, in the order of the sorted labels."
        )
    is_bad = (proba < 0).any(axis=1)
    if is_bad.any():
        sample = int(np.argmax(is_bad))
        raise ValueError(f"teacher_proba of sample {sample} is negative: {proba[sample]}.")
    totals = proba.sum(axis=1)
    is_bad = np.abs(totals - 1) > 1e-3
    if is_bad.any():
        sample = int(np.argmax(is_bad))
        raise ValueError(
            f"teacher_proba of sample {sample} sums to {totals[sample]:g}; probabilities sum to 1 "
            "(pass logits through softmax first)."
        )
    return proba / totals[:, None]
