"""NaN and infinity in sequences: trailing padding, a gap, or an error."""

import numpy as np

#: Values processed together: bounds the memory of the search.
CHUNK = 1 << 18
CHANNELS_FIRST = (
    " Or if this is the padding of an array with its channels first, as in aeon and sktime, write "
    "X.transpose(0, 2, 1)."
)


def checked_lengths(sequences, *, is_padded, allow_gaps):
    """Lengths (n_sequences,) without padding; an error locates the first invalid value.

    If `is_padded`, trailing all-NaN steps are padding. Sequences must not contain infinity, only
    NaN or, unless `allow_gaps`, any NaN.
    """
    if all_finite(sequences.values):
        return sequences.lengths
    lengths = sequences.lengths.copy()
    for rows, first, values in neighbours(sequences):
        starts = sequences.starts[rows] - first
        if is_padded:
            lengths[rows] = without_padding(values, starts, lengths[rows])
        refuse_not_finite(values, rows, starts, lengths[rows], allow_gaps, is_padded)
    return lengths


def without_padding(values, starts, lengths):
    """Lengths of sequences in `values` without padding; 0 where there is nothing else."""
    is_padding = np.isnan(values).all(axis=1)
    # For every step, the last step up to it that is not padding, or -1.
    last = np.maximum.accumulate(np.where(is_padding, -1, np.arange(len(values))))
    return np.maximum(last[starts + lengths - 1] - starts + 1, 0)


def refuse_not_finite(values, rows, starts, lengths, allow_gaps, is_padded):
    """Raise if one of the sequences `rows` contains invalid `values`.

    If `is_padded`, the error mentions NaN that looks like padding of the other axis.
    """
    is_broken = np.isinf(values) if allow_gaps else ~np.isfinite(values)
    broken = np.flatnonzero(is_broken.any(axis=1))
    nothing = np.flatnonzero(np.isnan(values).all(axis=1))
    empty = count_within(nothing, starts, lengths) == lengths
    refused = np.flatnonzero(empty | (count_within(broken, starts, lengths) > 0))
    if len(refused) == 0:
        return
    i = refused[np.argmin(rows[refused])]
    if empty[i]:
        raise ValueError(f"Input X contains NaN: sample {rows[i]} holds nothing else. Remove it.")
    step = broken[np.searchsorted(broken, starts[i])]
    channel = int(np.argmax(is_broken[step]))
    where = f"sample {rows[i]}, step {step - starts[i]}, channel {channel}"
    if np.isinf(values[step, channel]):
        raise ValueError(f"Input X contains infinity: {where}. Replace or remove such values.")
    raise ValueError(
        f"Input X contains NaN: {where}. Fill such gaps first, as "
        "skfastgrnn.preprocessing.SequenceImputer does, or remove these sequences."
        + (CHANNELS_FIRST if is_padded and ends_in_nan(values[starts[i] :][: lengths[i]]) else "")
    )


def ends_in_nan(sequence):
    """Whether the same channels (n_timesteps, n_channels), the last ones, are NaN at each step."""
    is_nan = np.isnan(sequence)
    return bool((is_nan == is_nan[0]).all() and (np.diff(is_nan[0].astype(int)) >= 0).all())


def all_finite(values):
    """Whether no value is NaN or infinity."""
    rows = max(1, CHUNK // values.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(values), rows):
            part = values[start : start + rows]
            # If only the sum overflows, check each value.
            if not np.isfinite(part.sum()) and not np.isfinite(part).all():
                return False
    return True


def neighbours(sequences):
    """Groups of nearby sequences, as (rows, first, values), where values start at step first.

    The size of a group bounds the memory of checking it.
    """
    order = np.argsort(sequences.starts, kind="stable")
    ends = sequences.starts + sequences.lengths
    group = np.cumsum(sequences.lengths[order]) * sequences.values.shape[1] // CHUNK
    for rows in np.split(order, np.flatnonzero(np.diff(group)) + 1):
        first = sequences.starts[rows[0]]
        yield rows, first, sequences.values[first : ends[rows].max()]


def count_within(steps, starts, lengths):
    """How many of some steps, in increasing order, lie in each sequence."""
    return np.searchsorted(steps, starts + lengths) - np.searchsorted(steps, starts)
