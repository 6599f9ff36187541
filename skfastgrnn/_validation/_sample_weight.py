"""Validation of sample weights."""

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from ._input_format import refuse_unreadable
from ._missing import missing_in
from ._numbers import as_numbers


def checked_weights(sample_weight, sequences):
    """One weight (n_sequences,) for each sequence, of their dtype; None stays None."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(
        without_missing(sample_weight),
        sequences,
        dtype=sequences.values.dtype,
        ensure_non_negative=True,
    )
    check_total(weights)
    return np.require(weights, requirements=["ALIGNED"])


def without_missing(sample_weight):
    """Weights as numbers; an error names the first sample whose weight is missing or masked."""
    refuse_unreadable(sample_weight, "sample_weight")
    weights = as_numbers(sample_weight, ("sample",), name="sample_weight")
    missing = np.flatnonzero(missing_in(weights)) if np.ndim(weights) == 1 else ()
    if len(missing):
        raise ValueError(
            f"Input sample_weight contains NaN: sample {missing[0]}. A weight of 0 leaves it out."
        )
    return weights


def check_total(weights):
    """Raise if weights are all zero, or so large or small that arithmetic over- or underflows."""
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    limits = np.finfo(weights.dtype)
    if not weights.sum(dtype=np.float64) < np.sqrt(limits.max):
        raise ValueError(
            f"Sample weights are too large for {weights.dtype}: their sum must be below "
            f"{np.sqrt(limits.max):.2g}. Scale them down."
        )
    if weights.mean(dtype=np.float64) < np.sqrt(limits.tiny):
        raise ValueError(
            f"Sample weights are too small for {weights.dtype}: their mean must be at least "
            f"{np.sqrt(limits.tiny):.2g}. Scale them up."
        )
