"""Names of channels, from the columns of DataFrames."""

import warnings

import numpy as np
from sklearn.utils.validation import _get_feature_names

#: Names that an error lists of each kind, as in scikit-learn.
MOST_NAMES = 5


def learn_or_check_names(estimator, X, *, reset):
    """Set `feature_names_in_` to the names of channels in X, or check X against them.

    Parameters
    ----------
    estimator : BaseEstimator
    X : list or object array of sequences, or None for an array of numbers, which has no names
    reset : bool
        True in `fit`, where all sequences must have the names of the first that has any.

    Raises
    ------
    ValueError
        If names or their order differ.
    TypeError
        If some of the names of a sequence are strings and others are not.

    Warns
    -----
    UserWarning
        As in scikit-learn, if only one of X and the fitted data has names.
    """
    if reset:
        vars(estimator).pop("feature_names_in_", None)
    expected = getattr(estimator, "feature_names_in_", None)
    runs = [(0, None)] if X is None else runs_of_names(X)
    named = [(sample, names) for sample, names in runs if names is not None]
    unnamed = [sample for sample, names in runs if names is None]
    owner = type(estimator).__name__
    if reset and named:
        first, expected = named[0]
        for sample, names in named[1:]:
            refuse_other_names(names, expected, sample, first)
        estimator.feature_names_in_ = expected
        if unnamed:
            warnings.warn(
                f"Sample {unnamed[0]} does not have valid feature names, but sample {first} has; "
                "its channels are read in their order.",
                stacklevel=2,
            )
    elif not reset and expected is None and named:
        warnings.warn(
            f"X has feature names, but {owner} was fitted without feature names", stacklevel=2
        )
    elif not reset and expected is not None:
        for sample, names in named:
            refuse_other_names(names, expected, sample)
        if unnamed:
            warnings.warn(
                f"X does not have valid feature names, but {owner} was fitted with feature names",
                stacklevel=2,
            )


def runs_of_names(X):
    """Runs of consecutive members with the same names: [(first sample, names), ...].

    Names are None if a member has no string names.
    """
    runs, earlier = [], None
    for sample, member in enumerate(X):
        columns = list(member.columns) if hasattr(member, "columns") else []
        if columns == earlier:
            continue
        try:
            names = names_of(member, columns)
        except TypeError as error:
            raise TypeError(f"Sample {sample}: {error}") from error
        runs.append((sample, names))
        earlier = columns
    return runs


def names_of(member, columns):
    """Names of the columns of a member as scikit-learn sees them, or None."""
    if not columns:
        return None
    # Before 1.9, scikit-learn sees none in the DataFrames of some versions of polars.
    if all(isinstance(name, str) for name in columns):
        return np.array(columns, dtype=object)
    return _get_feature_names(member)


def refuse_other_names(names, expected, sample, first=None):
    """Raise if names of a sample differ from those of sample `first`, or of fit."""
    if np.array_equal(names, expected):
        return
    if first is None:  # scikit-learn's words
        match, order = "those that were passed during fit", "in fit"
        seen, unseen = "seen at fit time, yet now missing", "unseen at fit time"
    else:
        match = f"those of sample {first}"
        seen, unseen = f"of sample {first} that are missing", f"that sample {first} has not"
        order = f"in sample {first}"
    message = f"The feature names of sample {sample} should match {match}.\n"
    unexpected = sorted(set(names) - set(expected))
    missing = sorted(set(expected) - set(names))
    if unexpected:
        message += f"Feature names {unseen}:\n{bullets(unexpected)}"
    if missing:
        message += f"Feature names {seen}:\n{bullets(missing)}"
    if not unexpected and not missing:
        message += f"Feature names must be in the same order as they were {order}.\n"
    raise ValueError(message)


def bullets(names):
    lines = [f"- {name}\n" for name in names[:MOST_NAMES]]
    return "".join(lines) + ("- ...\n" if len(names) > MOST_NAMES else "")
