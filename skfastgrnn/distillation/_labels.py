"""Labels, some of which are unknown."""

from contextlib import suppress

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from .._validation._errors import error_context
from .._validation._input_format import refuse_unreadable
from .._validation._missing import missing_in
from .._validation._targets import column_of_labels


def read_labels(y):
    """Labels as an array, -1 where they are missing, and which ones are.

    None, NaN, NaT and pandas' NA are missing. Integers and booleans that only their missing
    neighbours make floats or objects are what they were.

    Parameters
    ----------
    y : array-like of shape (n_samples,)

    Returns
    -------
    y : ndarray of shape (n_samples,)
    missing : ndarray of shape (n_samples,), bool
    """
    refuse_unreadable(y, "y")
    missing = missing_in(y).ravel()
    with error_context("y"):
        y = column_of_labels(y, with_missing=missing.any())
    if not missing.any():
        return y, missing
    y = np.array(y) if y.dtype.kind in "if" else y.astype(object)  # others cannot hold -1
    y[missing] = -1
    kinds = set(map(type, y.tolist()))
    if y.dtype == object and all(issubclass(k, int | np.integer) and k is not bool for k in kinds):
        with suppress(OverflowError):  # of uint64
            y = y.astype(np.int64)
    return y, missing


def values_of(y):
    """The labels as an array of their own kind: numbers in an object array are numbers."""
    if len(y) == 0:
        return np.array([], dtype=np.intp)
    if y.dtype != object or all(isinstance(label, str) for label in y.tolist()):
        return y
    if any(isinstance(label, str) for label in y.tolist()):
        kinds = sorted({type(label).__name__ for label in y.tolist()})
        raise ValueError(
            f"y: It holds labels of several types ({', '.join(kinds)}); make all of them strings, "
            "or all numbers."
        )
    return np.array(y.tolist())


def encode_labels(y, missing, *, n_columns=None, teacher_classes=None):
    """The sorted classes, and the number of each label: -1 where it is unknown.

    Unknown is what is missing, and -1. But -1 is the name of a class if without it there were fewer
    classes than the teacher has, or fewer than two.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels; -1 stands for unknown ones.
    missing : ndarray of shape (n_samples,), bool
        Where y is no label in any case.
    n_columns : int or None
        Columns of the soft targets from outside, if these are used.
    teacher_classes : ndarray of shape (n_classes,), or None
        The sorted classes of a teacher that was fitted before.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    numbers : ndarray of shape (n_samples,), int32
    """
    if y.dtype.kind in "US" and "-1" in y.tolist():
        raise ValueError(
            "y: It holds the string '-1'. To leave samples unlabeled among strings, make y an "
            "object array in which -1 is a number: np.where(known, y.astype(object), -1)."
        )
    is_unknown = np.array([label == -1 for label in y.tolist()], dtype=bool)
    classes = np.unique(values_of(y[~is_unknown]))
    if teacher_classes is not None:
        is_class = -1 in teacher_classes.tolist()
    else:
        is_class = (is_unknown & ~missing).any() and len(classes) == (n_columns or 2) - 1
    if is_class:
        is_unknown = missing
        classes = np.unique(values_of(y[~is_unknown]))
    with error_context("y"), np.errstate(invalid="ignore"):  # it casts before it refuses infinity
        check_classification_targets(values_of(y[~is_unknown]))
    if teacher_classes is not None and is_unknown.any():
        classes = np.union1d(classes, teacher_classes) if len(classes) else teacher_classes
    if len(classes) == 0:
        raise ValueError(
            "y holds no label but -1 or missing ones, and nothing says which classes there are: "
            "label a sample of each, or use a fitted teacher with cv='prefit'."
        )
    if len(classes) < 2:
        raise ValueError(
            "DistilledFastGRNN needs samples of at least 2 classes in the data, but the data "
            f"contains only one class: {classes.tolist()}"
        )
    if teacher_classes is not None and classes.tolist() != teacher_classes.tolist():
        raise ValueError(
            f"The teacher was fitted on the classes {teacher_classes.tolist()}, and y has "
            f"{classes.tolist()}."
        )
    if n_columns is not None and len(classes) != n_columns:
        raise ValueError(
            f"teacher_proba has {n_columns} columns, and y has {len(classes)} classes: "
            f"{classes.tolist()}."
        )
    number = {label: i for i, label in enumerate(classes.tolist())}
    numbers = [
        -1 if unknown else number[label]
        for label, unknown in zip(y.tolist(), is_unknown, strict=True)
    ]
    return classes, np.array(numbers, dtype=np.int32)
