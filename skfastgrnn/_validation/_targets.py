"""Validation of y: labels or numbers, none of them missing."""

from contextlib import suppress

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from ._input_format import refuse_unreadable
from ._missing import as_objects, missing_in, word_for_missing
from ._numbers import as_numbers, is_frame

ONE_D = (
    "y should be a 1d array of labels, or an indicator matrix (n_samples, n_labels) of zeros and "
    "ones"
)
LEAVE_OUT = "Leave such samples out of X and y; {} learns from them, too."


def checked_labels(y, sequences):
    """Class labels (n_samples,), one for each sequence.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
    sequences : sized

    Raises
    ------
    ValueError, TypeError
        If y has another length or shape, a label is missing, or they are no labels.
    """
    refuse_unreadable(y, "y")
    refuse_several_labels(y)
    refuse_missing_labels(y)
    labels = column_of_labels(y)
    check_consistent_length(sequences, labels)
    with np.errstate(invalid="ignore"):  # it casts before it refuses infinity
        check_classification_targets(labels)
    return labels


def column_of_labels(y, *, with_missing=False):
    """Labels as an array (n_samples,) of their own kind: integers do not become floats.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
    with_missing : bool
        Whether some are missing. Lists and pandas' own dtypes become objects then.

    Raises
    ------
    ValueError, TypeError
        If y has another shape, or its integers are too large for float64.
    """
    if not isinstance(y, np.ndarray | list | tuple):
        y = _as_array(y, with_missing)
    elif with_missing and not isinstance(y, np.ndarray):
        y = np.array(y, dtype=object)  # else NumPy makes 'nan' of a NaN among strings
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind == "f":
        as_numbers(y, ("sample",), name="y")  # of a list of integers NumPy may have made floats
    return labels


def _as_array(y, with_missing):
    """What pandas or polars hold as an array, of objects if their missing values need these."""
    column, shape = y, getattr(y, "shape", ())
    if is_frame(y) and shape[1] == 1:
        column = y.iloc[:, 0] if hasattr(y, "iloc") else y.to_series()
    if isinstance(getattr(column, "dtype", None), np.dtype) or not hasattr(column, "dtype"):
        return y
    if with_missing:
        values = column.to_list() if hasattr(column, "to_list") else column.tolist()
        column = as_objects(values)
    return np.asarray(column).reshape(shape)  # scikit-learn would make floats of integers


def is_multilabel(y):
    """Whether y has the form of an indicator matrix: numbers (n_samples, n_labels), two or more.

    Raises
    ------
    ValueError, TypeError
        If y is of a kind that NumPy would misread, or a matrix with a missing entry.
    """
    refuse_unreadable(y, "y")
    return _as_matrix(y) is not None


def _as_matrix(y):
    """Numbers (n_samples, n_labels) of at least two labels, or None."""
    if hasattr(y, "tocsr"):
        return y if y.shape[1] > 1 else None
    if isinstance(y, list | tuple):
        if not (len(y) and isinstance(y[0], list | tuple | np.ndarray)):
            return None
        try:
            y = np.asarray(y)
        except ValueError:  # rows of several lengths
            return None
    shape = getattr(y, "shape", ())
    if len(shape) != 2 or shape[1] < 2:
        return None
    missing = np.flatnonzero(missing_in(y))
    if len(missing):
        sample, column = divmod(int(missing[0]), shape[1])
        raise ValueError(
            f"Input y contains {word_for_missing(y, missing[0])}: sample {sample}, column {column} "
            "has no label. Leave such samples out of X and y."
        )
    matrix = np.asarray(y)
    if is_frame(y) and matrix.dtype.kind == "O":  # pandas' own integers and booleans
        with suppress(TypeError, ValueError):
            matrix = matrix.astype(np.float64)
    return matrix if matrix.dtype.kind in "biuf" else None


def checked_indicators(y, sequences):
    """A 1 for each label that a sample has (n_samples, n_labels), int8.

    Parameters
    ----------
    y : array-like or sparse matrix of that shape
    sequences : sized

    Raises
    ------
    ValueError, TypeError
        If y has another length, or holds anything but zeros and ones.
    """
    matrix = _as_matrix(y) if is_multilabel(y) else None
    if matrix is None:
        raise ValueError("It must be an indicator matrix (n_samples, n_labels) of zeros and ones.")
    if hasattr(matrix, "tocsr"):
        matrix = matrix.toarray()
    check_consistent_length(sequences, matrix)
    is_wrong = ~((matrix == 0) | (matrix == 1))
    if is_wrong.any():
        sample, column = np.argwhere(is_wrong)[0]
        raise ValueError(
            f"{ONE_D}; sample {sample}, column {column} is {matrix[sample, column]}. For several "
            "targets of several classes use sklearn.multioutput.MultiOutputClassifier."
        )
    return matrix.astype(np.int8)


def refuse_several_labels(y):
    """Refuse lists of the labels of each sample, and matrices that are no numbers."""
    if isinstance(y, list | tuple):
        several = (set, frozenset, list, tuple)
        if any(isinstance(of_one, several) and len(of_one) != 1 for of_one in y):
            raise ValueError(
                f"{ONE_D}; got several labels for a sample. Make such a matrix of them by "
                "sklearn.preprocessing.MultiLabelBinarizer."
            )
    shape = getattr(y, "shape", ())
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(f"{ONE_D}; got an array of shape {shape} instead.")


def refuse_missing_labels(y):
    """Raise an error that names the first sample of y (n,) or (n, 1) without a label."""
    has_rows = len(y.shape) > 0 if hasattr(y, "shape") else isinstance(y, list | tuple)
    if not has_rows or hasattr(y, "tocsr"):
        return
    missing = np.flatnonzero(missing_in(y))
    if len(missing):
        raise ValueError(
            f"Input y contains {word_for_missing(y, missing[0])}: sample {missing[0]} has no "
            f"label. {LEAVE_OUT.format('DistilledFastGRNN')}"
        )


def checked_numbers(y, sequences):
    """Numbers (n_samples,) or (n_samples, n_outputs) in float64, a row for each sequence.

    Parameters
    ----------
    y : array-like of that shape
    sequences : sized

    Raises
    ------
    ValueError, TypeError
        If y has another length, is missing or infinite somewhere, or holds dates or integers that
        float64 cannot represent.
    """
    refuse_unreadable(y, "y")
    numbers = check_array(
        as_numbers(y, ("sample", "output"), name="y"),
        ensure_2d=False,
        ensure_all_finite=False,
        dtype=np.float64,
        order="C",
        input_name="y",
    )
    check_consistent_length(sequences, numbers)
    is_broken = ~np.isfinite(numbers)
    if is_broken.any():
        sample, *output = (int(i) for i in np.argwhere(is_broken)[0])
        where = f"sample {sample}" + "".join(f", output {i}" for i in output)
        if np.isnan(numbers[(sample, *output)]):
            advice = LEAVE_OUT.format("DistilledFastGRNNRegressor")
            raise ValueError(f"Input y contains NaN: {where} has no target. {advice}")
        raise ValueError(
            "Input y contains infinity or a value too large for dtype('float64'): "
            f"{where}. Replace or remove such values."
        )
    return numbers
