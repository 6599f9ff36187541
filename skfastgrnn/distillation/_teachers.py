"""What fitted teachers say: logits, in the order of the sorted classes."""

import numpy as np
from scipy.special import logsumexp
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, check_array, check_is_fitted

from .._validation._numbers import as_numbers

METHODS = ("predict_proba", "predict_log_proba", "decision_function")
#: Least probability that a logarithm is taken of.
LEAST = np.finfo(np.float64).eps
#: Samples at most for which logits are compared with `predict`.
MOST_COMPARED = 200
UNFITTED = (
    "cv='prefit' needs a fitted teacher, and this %(name)s is not fitted. In a search, whose "
    "clones are unfitted, pass FrozenEstimator(teacher) instead, with cv=None."
)
KINDS = {
    "classifier": is_classifier,
    "regressor": is_regressor,
    "clusterer": is_clusterer,
    "outlier detector": is_outlier_detector,
}


class Teacher:
    """A fitted classifier that returns logits in the order of sorted classes.

    classes : ndarray of shape (n_classes,)
        All of them; the classifier may know some only. None means those that it knows.
    """

    def __init__(self, estimator, method, classes=None):
        if not hasattr(estimator, "classes_"):
            raise ValueError(
                f"The teacher {type(estimator).__name__} has no classes_; a classifier is needed."
            )
        self.estimator = estimator
        self.method = method
        self.classes = np.unique(estimator.classes_) if classes is None else classes
        number = {label: i for i, label in enumerate(self.classes.tolist())}
        own = list(estimator.classes_.tolist())
        unknown = [label for label in own if label not in number]
        if unknown:
            raise ValueError(
                f"classes_ of the teacher {type(estimator).__name__} holds {unknown}, which y "
                f"does not; y has {self.classes.tolist()}."
            )
        self._number = number
        #: The place of each of its columns among the sorted classes.
        self._places = np.array([number[label] for label in own], dtype=np.intp)

    def logits(self, X):
        """Logits (n_samples, n_classes); a class that it does not know has the lowest probability.

        Of two classes the first has logit 0.
        """
        values = self._columns(getattr(self.estimator, self.method)(X))
        if len(values) != _num_samples(X):
            raise ValueError(
                f"{self.method} of the teacher returns {len(values)} rows for {_num_samples(X)} "
                "samples."
            )
        if len(self._places) == len(self.classes):
            logits = np.empty_like(values)
        else:
            floor = logsumexp(values, axis=1, keepdims=True) + np.log(LEAST)
            logits = np.tile(floor, len(self.classes))
        logits[:, self._places] = values
        return logits - logits[:, :1] if len(self.classes) == 2 else logits

    def checked_logits(self, X):
        """The same, where they agree with what the teacher predicts."""
        logits = self.logits(X)
        rows = np.linspace(0, len(logits) - 1, min(len(logits), MOST_COMPARED)).astype(np.intp)
        predicted = self.predicted(_safe_indexing(X, rows))
        check_predictions(self.estimator, self.method, self.classes, logits[rows], predicted)
        return logits

    def predicted(self, X):
        """Numbers of the classes that the teacher predicts (n_samples,); -1 for none of them."""
        labels = np.ravel(np.asarray(self.estimator.predict(X))).tolist()
        return np.array([self._number.get(label, -1) for label in labels], dtype=np.intp)

    def _columns(self, values):
        """Logits, with a column for each class that the teacher knows, from what it returns."""
        method, n_classes = self.method, len(self._places)
        values = check_array(
            values,
            ensure_2d=False,
            dtype=np.float64,
            ensure_all_finite=method != "predict_log_proba",
            input_name=f"{method} of the teacher",
        )
        if method == "decision_function" and n_classes == 2 and values.size == len(values):
            values = values.reshape(-1, 1)
            return np.hstack([np.zeros_like(values), values])
        self._check_shape(values.shape)
        if method == "predict_proba":
            return np.log(np.maximum(values, LEAST))
        if method == "predict_log_proba":
            return np.maximum(values, np.log(LEAST))
        return values

    def _check_shape(self, shape):
        n_classes, name = len(self._places), type(self.estimator).__name__
        n_pairs = n_classes * (n_classes - 1) // 2
        if self.method == "decision_function" and n_classes > 2 and shape[1:] == (n_pairs,):
            last = last_estimator(self.estimator)
            if n_pairs != n_classes or getattr(last, "decision_function_shape", None) == "ovo":
                raise ValueError(
                    f"decision_function of the teacher {name} returns {n_pairs} columns for "
                    f"{n_classes} classes, one for each pair of them, which are no logits. Use "
                    "decision_function_shape='ovr', or a teacher with predict_proba (such as "
                    "CalibratedClassifierCV(teacher))."
                )
        if len(shape) != 2 or shape[1] != n_classes:
            raise ValueError(
                f"{self.method} of the teacher {name} returns the shape {shape} for {n_classes} "
                "classes; it must return a column for each of them."
            )


def check_predictions(estimator, method, classes, logits, predicted):
    """Raise if logits (n_samples, n_classes) of an estimator contradict its predictions.

    predicted : ndarray of shape (n_samples,)
        Numbers of classes, -1 for none of them.
    """
    class_number = contradicted(logits, predicted)
    if class_number is None:
        return
    reason = "the columns are in another order than classes_ says"
    if method == "decision_function" and len(classes) == 3:
        reason += ", or belong to pairs of classes (decision_function_shape='ovo')"
    raise ValueError(
        f"{method} of the teacher {type(estimator).__name__} contradicts its predict: where it "
        f"predicts {classes.tolist()[class_number]!r}, the column read for that class is not the "
        f"largest. Perhaps {reason}. Choose another teacher_method, or pass teacher_proba."
    )


def contradicted(logits, predicted):
    """The number of a class whose column contradicts the predictions, or None.

    Single disagreements are no reason: of ties, of probabilities that a classifier estimates beside
    its decisions, or of two classes with a threshold of its own. So the logit of the second of two
    classes must be larger on average where it is predicted; of more classes, each that is predicted
    five times must have the largest logit once, and all together in half of the cases.
    """
    known = predicted >= 0
    logits, predicted = logits[known], predicted[known]
    if logits.shape[1] == 2:
        second, difference = predicted == 1, logits[:, 1] - logits[:, 0]
        if second.all() or not second.any():
            return None
        return 1 if difference[second].mean() < difference[~second].mean() else None
    of_predicted = logits[np.arange(len(predicted)), predicted]
    largest = logits.max(axis=1)
    agrees = of_predicted >= largest - 1e-6 * np.maximum(1, np.abs(largest))
    counts = np.bincount(predicted, minlength=logits.shape[1])
    disagreeing = counts - np.bincount(predicted[agrees], minlength=logits.shape[1])
    never = (counts >= 5) & (disagreeing == counts)
    if never.any() or 2 * disagreeing.sum() > len(predicted) >= 5:
        return int(np.argmax(np.where(never, counts.sum(), 0) + disagreeing))
    return None


def last_estimator(estimator):
    """The one that predicts, inside pipelines, searches and frozen estimators."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        else:
            return estimator


def check_kind(teacher, wanted):
    """Refuse a teacher that says it is of another kind than the wanted one of `KINDS`."""
    if not hasattr(teacher, "__sklearn_tags__") or KINDS[wanted](teacher):
        return
    for kind, is_of_kind in KINDS.items():
        if is_of_kind(teacher):
            article = "an" if kind[0] in "aeiou" else "a"
            raise TypeError(
                f"The teacher must be a {wanted}; {type(teacher).__name__} is {article} {kind}."
            )


def is_ready(teacher, cv):
    """Whether a teacher is used as it was fitted."""
    return isinstance(cv, str) or isinstance(teacher, FrozenEstimator)


def ready_teacher(teacher, method):
    """A `Teacher` that somebody has fitted before."""
    check_is_fitted(teacher, msg=UNFITTED)
    return Teacher(teacher, method_of(teacher, method))


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


def checked_proba(proba, n_samples):
    """Probabilities (n_samples, n_classes) from outside; (n_samples,) are those of two classes."""
    proba = as_numbers(proba, ("sample", "class"), name="teacher_proba")
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


def order_of_columns(columns, classes):
    """The column of each of the sorted classes, by the names that a DataFrame gives them.

    Names 0, 1, 2, ... that a DataFrame has by itself say nothing, unless they are the labels.
    """
    labels = classes.tolist()
    for names, wanted in (
        (columns, labels),
        ([str(name) for name in columns], [str(label) for label in labels]),
    ):
        if len(set(names)) == len(names) and set(names) == set(wanted):
            return [names.index(label) for label in wanted]
    if columns == list(range(len(labels))):
        return columns
    raise ValueError(
        f"teacher_proba has the columns {columns}, and y has the classes {labels}. Name each "
        "column by its label, or pass an array with columns in the order of the sorted labels."
    )
