"""What y may be: a label for each sample, or numbers; and none of them missing."""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from ._forms import refuse_unreadable
from ._missing import missing_in, word_for_missing
from ._numbers import as_numbers

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
    refuse_missing_labels(y)
    if not isinstance(getattr(y, "dtype", np.dtype(float)), np.dtype):
        y = np.asarray(y)  # scikit-learn would make floats of pandas' own integers
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind == "f":
        as_numbers(y, ("sample",), name="y")  # of a list of integers NumPy may have made floats
    check_consistent_length(sequences, labels)
    check_classification_targets(labels)
    return labels


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
        float64 cannot tell apart.
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
