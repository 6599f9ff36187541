"""Out-of-fold predictions: each sample is asked of a teacher that was fitted on others."""

from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold, check_cv
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel, delayed

from ._students import of_rows


def splits_by_class(cv, X, y, labels, for_splitter):
    """Pairs of training and test rows, as a list; `labels` (n_samples,) are numbers of classes.

    cv None is 5 folds. Those of a number are stratified, also where classes have fewer samples than
    there are folds: each then lacks such a class in some test parts, in no training part. A class
    of a single sample is in all training parts and in no test part.
    """
    if cv is not None and not isinstance(cv, Integral):
        return covering(check_cv(cv, y, classifier=True).split(X, y, **for_splitter), len(y), cv)
    others = np.flatnonzero(np.bincount(labels)[labels] > 1)
    if len(others) == 0:
        return []
    n_folds = min(5, len(others)) if cv is None else cv
    if not 2 <= n_folds <= len(others):
        raise ValueError(
            f"cv={cv} folds cannot be made of {len(others)} samples of classes with at least two; "
            f"it must be from 2 to {len(others)}."
        )
    fold = np.full(len(labels), -1)
    fold[others] = stratified_folds(labels[others], n_folds)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def stratified_folds(labels, n_folds):
    """The fold of each sample (n_samples,), as scikit-learn's StratifiedKFold numbers them.

    That refuses data whose classes all have fewer samples than there are folds.
    """
    _, first, labels = np.unique(labels, return_index=True, return_inverse=True)
    labels = np.argsort(np.argsort(first))[labels]  # numbered in the order in which they come
    in_order = np.sort(labels)
    fold = np.empty(len(labels), dtype=np.intp)
    for label in range(len(first)):
        counts = [np.sum(in_order[k::n_folds] == label) for k in range(n_folds)]
        fold[labels == label] = np.repeat(np.arange(n_folds), counts)
    return fold


def splits_of_numbers(cv, X, y, for_splitter):
    """Pairs of training and test rows, as a list; cv None is 5 folds, fewer for fewer samples."""
    if cv is None and len(y) == 1:
        return []
    if cv is None or isinstance(cv, Integral):
        return list(KFold(cv or min(5, len(y))).split(y))
    return covering(check_cv(cv, y, classifier=False).split(X, y, **for_splitter), len(y), cv)


def covering(splits, n_samples, cv):
    """Splits as a list, if every sample is in a test part of them."""
    splits = list(splits)
    tested = np.zeros(n_samples, dtype=bool)
    for _, test in splits:
        tested[test] = True
    if splits and not tested.all():
        raise ValueError(
            f"cv={cv!r} has {np.sum(~tested)} samples in no test part (the first is labelled "
            f"sample {np.argmin(tested)}), so that no teacher can be asked about them out of fold. "
            "Use splits whose test parts hold every sample, such as KFold."
        )
    return splits


def ask_out_of_fold(teacher, ask, X, y, splits, *, params, n_jobs):
    """Results of `ask(fitted teacher, X of the test rows, training rows)` for each split.

    Each split has a clone of the teacher, fitted on its training rows; `params` are what its `fit`
    is called with besides X and y, of which those of each sample are split, too.
    """
    parallel = Parallel(n_jobs=n_jobs)
    return parallel(
        delayed(fit_and_ask)(clone(teacher), ask, X, y, train, test, params)
        for train, test in splits
    )


def fit_and_ask(teacher, ask, X, y, train, test, params):
    """The part of `ask_out_of_fold` of one split."""
    X_train, y_train = _safe_split(teacher, X, y, train)
    X_test, _ = _safe_split(teacher, X, None, test, train)
    teacher.fit(X_train, y_train, **of_rows(params, train, len(y)))
    return ask(teacher, X_test, train)


def mean_by_sample(values, splits, shape):
    """Averages over the splits that a sample was tested in, and in how many it was.

    Parameters
    ----------
    values : list of ndarray of shape (n_test_samples, ...)
        One for each split.
    splits : list of pairs of ndarray
        Training and test rows.
    shape : tuple
        (n_samples, ...)

    Returns
    -------
    means : ndarray of that shape
        0 where a sample was in no test part.
    counts : ndarray of shape (n_samples,)
    """
    means = np.zeros(shape)
    counts = np.zeros(len(means))
    for (_, test), part in zip(splits, values, strict=True):
        np.add.at(means, test, part)
        np.add.at(counts, test, 1)
    means /= np.maximum(counts, 1).reshape(-1, *[1] * (means.ndim - 1))
    return means, counts
