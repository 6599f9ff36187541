"""Labels, some of which are unknown."""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from .._guards import naming


def numbered(y, *, n_columns=None, taught=None):
    """The sorted classes, and the number of each label: -1 where it is unknown.

    -1 is the name of a class if without it there were fewer classes than the teacher has, or fewer
    than two.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels; -1 stands for unknown ones.
    n_columns : int or None
        Columns of the soft targets from outside, if these are used.
    taught : ndarray of shape (n_classes,), or None
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
    classes = np.unique(y[~is_unknown])
    if taught is not None:
        is_class = -1 in taught.tolist()
    else:
        is_class = is_unknown.any() and len(classes) == (n_columns or 2) - 1
    if is_class:
        is_unknown[:] = False
        classes = np.unique(y)
    with naming("y"):
        check_classification_targets(y[~is_unknown])
    if taught is not None and is_unknown.any():
        classes = np.union1d(classes, taught) if len(classes) else taught
    if len(classes) == 0:
        raise ValueError(
            "y holds no label but -1, and nothing says which classes there are: label a sample of "
            "each, or use a fitted teacher with cv='prefit'."
        )
    if len(classes) < 2:
        raise ValueError(
            "DistilledFastGRNN needs samples of at least 2 classes in the data, but the data "
            f"contains only one class: {classes.tolist()}"
        )
    if taught is not None and classes.tolist() != taught.tolist():
        raise ValueError(
            f"The teacher was fitted on the classes {taught.tolist()}, and y has "
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
