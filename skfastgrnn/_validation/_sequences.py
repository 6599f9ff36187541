"""Input validation: convert X to a `SequenceBatch`.

A float32 or float64 array is not copied; only separate sequences are concatenated.
"""

from collections import deque

import numpy as np
from sklearn.utils.validation import _check_feature_names, _check_n_features, check_array

from ..network import SequenceBatch
from ._feature_names import learn_or_check_names
from ._finite import checked_lengths
from ._input_format import (
    Form,
    depth,
    from_cells,
    is_ragged,
    members_of,
    refuse_unreadable,
    transposed,
)
from ._numbers import as_numbers
from ._views import joined, regular_view

FLOATS = (np.float64, np.float32)
ROWS_OR_SEQUENCES = (
    "A list of equally long 1-D sequences is read as rows: give its members the shape "
    "(n_timesteps, 1), or make X an object array"
)


def to_sequences(estimator, X, *, reset, dtype=FLOATS, allow_gaps=False, check_names=True):
    """Validate X against an estimator and read it as sequences.

    2-D X becomes one sequence a row, of `estimator.n_timesteps` steps (None: one column a step),
    3-D X one sequence an entry, without the steps at its end that are NaN in every channel, and a
    list or object array one sequence a member. With `reset` the estimator learns `n_features_in_`,
    `n_channels_` and, from DataFrames, `feature_names_in_`; without it X must agree with them.

    Parameters
    ----------
    estimator : BaseEstimator
        The one whose name appears in errors.
    X : array-like of shape (n_samples, n_columns) or (n_samples, n_timesteps, n_channels), or a \
            list or object array of n_samples arrays of shape (n_timesteps_i, n_channels) or \
            (n_timesteps_i,)
    reset : bool
        True in `fit`.
    dtype : dtype or tuple of dtypes
        X is converted to the first unless it has one of them.
    allow_gaps : bool
        Whether NaN may stay inside sequences.
    check_names : bool
        Whether names of columns are learned or must agree.

    Returns
    -------
    sequences : SequenceBatch
    form : Form
        What X was, to give the same back.

    Raises
    ------
    ValueError, TypeError
        In scikit-learn's words where it has them; NaN and infinity are located.
    """
    refuse_unreadable(X)
    if isinstance(X, deque):
        X = list(X)
    n_dimensions = depth(X)
    if n_dimensions == 1 and hasattr(X, "to_numpy"):  # a Series, of arrays hopefully
        X = X.to_numpy()
        n_dimensions = X.ndim
    if n_dimensions == 2:
        X = from_cells(X)
        n_dimensions = depth(X)
    is_list = is_ragged(X, one_channel=not reset and estimator._reads_sequences)
    if is_list:
        if check_names:
            learn_or_check_names(estimator, X, reset=reset)
        sequences, form = _ragged(X, dtype, None if reset else estimator.n_channels_)
    elif n_dimensions >= 3:
        if check_names and (reset or hasattr(estimator, "feature_names_in_")):
            learn_or_check_names(estimator, None, reset=reset)
        sequences, form = _three_dimensional(estimator, X, dtype)
    else:
        sequences, form = _two_dimensional(estimator, X, reset, dtype, check_names)
    if form.kind != "2-D":
        _learn_or_check_channels(estimator, X, sequences.values.shape[1], form, reset)
    lengths = checked_lengths(sequences, is_padded=form.kind == "3-D", allow_gaps=allow_gaps)
    values = sequences.values
    if not values.flags.aligned:  # as of a file mapped into memory behind a header
        values = values.copy()
    if lengths is not sequences.lengths or values is not sequences.values:
        sequences = SequenceBatch(values, sequences.starts, lengths)
    if reset:
        estimator.n_channels_ = sequences.values.shape[1]
        estimator._reads_sequences = form.kind != "2-D"
    return sequences, form


def _two_dimensional(estimator, X, reset, dtype, check_names):
    name = type(estimator).__name__
    if depth(X) == 1:
        _refuse_one_dimension(X, name)
    if not reset and estimator._reads_sequences:
        _refuse_rows(estimator, X, name)
    if check_names:
        _check_feature_names(estimator, X, reset=reset)
    X_given = X
    try:
        X = check_array(
            as_numbers(X, ("sample", "column")),
            dtype=dtype,
            order="C",
            ensure_all_finite=False,
            estimator=estimator,
            input_name="X",
        )
        _check_n_features(estimator, X, reset=reset)
    except ValueError as error:
        if isinstance(X_given, list | tuple) and not reset:
            error.add_note(f"{ROWS_OR_SEQUENCES}, also in fit.")
        raise
    if reset:
        n_timesteps = int(estimator.n_timesteps or X.shape[1])  # NumPy's could overflow
    else:  # whatever estimator.n_timesteps may be by now
        n_timesteps = X.shape[1] // estimator.n_channels_
    if X.shape[1] % n_timesteps:
        raise ValueError(
            f"X has {X.shape[1]} columns, which is not a multiple of n_timesteps={n_timesteps}; a "
            "row must hold n_timesteps steps of equally many channels, one step after the other."
        )
    values = X.reshape(-1, X.shape[1] // n_timesteps)
    sequences = SequenceBatch.of_equal_length(values, n_timesteps, len(X))
    return sequences, Form("2-D", n_timesteps)


def _refuse_one_dimension(X, name):
    """In scikit-learn's words, and what to write."""
    shape = np.shape(X) if hasattr(X, "shape") else (len(X),)
    if shape == (0,):
        raise ValueError(
            f"Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required by "
            f"{name}."
        )
    raise ValueError(
        f"Expected 2D array, got 1D array instead: X has the shape {shape}, and must hold one or "
        "more sequences. Reshape your data: a single sequence x is [x]; samples of one number "
        "each are X.reshape(-1, 1)."
    )


def _refuse_rows(estimator, X, name):
    """Say what 2-D X may have been meant to be, where sequences were fitted."""
    X = as_numbers(X, ("sample", "column"))
    shape = check_array(X, dtype=None, ensure_all_finite=False).shape  # whose words come first
    n_channels = estimator.n_channels_
    message = (
        f"X has 2 dimensions, but {name} was fitted on sequences of shape (n_samples, n_timesteps, "
        f"{n_channels}). Reshape X to 3 dimensions; a single sequence x is [x]."
    )
    if shape == (1, n_channels):
        message += (
            f" A tool that calls predict with one row of n_features_in_={n_channels} numbers, as "
            "MAPIE does, needs an estimator of rows: pass X.reshape(len(X), -1) to the tool, and "
            "let n_timesteps say how many steps a row has."
        )
    raise ValueError(message)


def _is_plain(X, dtype):
    """Whether X is a non-empty 3-D array of one of the dtypes.

    In such an array check_array has nothing to convert or to refuse; yet it takes as long as a
    hundred steps through a cell.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 3
        and len(X) > 0
        and (X.dtype in dtype if isinstance(dtype, tuple) else X.dtype == dtype)
    )


def _three_dimensional(estimator, X, dtype):
    if not _is_plain(X, dtype):
        X = check_array(
            as_numbers(X, ("sample", "step", "channel")),
            dtype=dtype,
            allow_nd=True,
            ensure_all_finite=False,
            estimator=estimator,
            input_name="X",
        )
    if X.ndim != 3:
        raise ValueError(f"Expected 2D or 3D array, got {X.ndim}D array instead.")
    n_samples, n_timesteps, n_channels = X.shape
    if n_timesteps == 0 or n_channels == 0:
        raise ValueError(
            f"Found array with {n_timesteps} step(s) and {n_channels} channel(s) "
            f"(shape={X.shape}) while a minimum of 1 of each is required by "
            f"{estimator.__class__.__name__}."
        )
    values, stride = regular_view(X)
    sequences = SequenceBatch.of_equal_length(values, n_timesteps, n_samples, stride)
    return sequences, Form("3-D", n_timesteps)


def _ragged(X, dtype, n_channels):
    members = members_of(X, dtype, n_channels)
    values, starts = joined(members)
    lengths = np.array([len(member) for member in members], dtype=np.intp)
    kind = "objects" if isinstance(X, np.ndarray) else "list"
    is_flat = all(depth(sequence) == 1 for sequence in X)
    return SequenceBatch(values, starts, lengths), Form(kind, is_flat=is_flat)


def _learn_or_check_channels(estimator, X, n_channels, form, reset):
    name = estimator.__class__.__name__
    if reset:
        estimator.n_features_in_ = n_channels
    elif not estimator._reads_sequences:
        if form.kind == "3-D":
            what, then = "3 dimensions", "Reshape X to 2 dimensions"
        else:
            what = "sequences of their own lengths"
            then = ROWS_OR_SEQUENCES
        raise ValueError(
            f"X has {what}, but {name} was fitted on 2-D X with {estimator.n_features_in_} "
            f"columns. {then}."
        )
    elif n_channels != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_channels} channels, but {name} is expecting {estimator.n_features_in_} "
            f"channels as input.{_transposed(X, form, estimator.n_features_in_)}"
        )


def _transposed(X, form, n_channels):
    """Advice to transpose X, if that gives it as many channels as were fitted."""
    if form.kind != "3-D":
        return transposed(X, n_channels)
    if np.shape(X)[1] != n_channels:
        return ""
    return (
        f" But its second axis has {n_channels}: if these are the channels, as in aeon and sktime, "
        "write X.transpose(0, 2, 1)."
    )
