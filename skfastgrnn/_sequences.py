"""The one gate for input: every form of X that users have becomes a `SequenceBatch`.

A float32 or float64 array is read where it lies; nothing here copies one.
"""

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from .cell import SequenceBatch

FLOATS = (np.float64, np.float32)
#: Values looked at together when searching for NaN: bounds the memory of the search.
CHUNK = 1 << 20


def to_sequences(estimator, X, *, reset, dtype=FLOATS):
    """Validate X against an estimator and read it as sequences.

    2-D X becomes one sequence a row, of `estimator.n_timesteps` steps (None: one column a step),
    3-D X one sequence an entry. With `reset` the estimator learns `n_features_in_`, `n_channels_`
    and, from a DataFrame, `feature_names_in_`; without it X must agree with them.

    Parameters
    ----------
    estimator : BaseEstimator
        The one whose name appears in errors.
    X : array-like of shape (n_samples, n_columns) or (n_samples, n_timesteps, n_channels)
    reset : bool
        True in `fit`.
    dtype : dtype or tuple of dtypes
        X is converted to the first unless it has one of them.

    Returns
    -------
    SequenceBatch

    Raises
    ------
    ValueError, TypeError
        In scikit-learn's words where it has them; NaN and infinity are located.
    """
    refuse_lazy_and_framework_arrays(X)
    is_3d = depth(X) >= 3
    if is_3d:
        values, n_timesteps = _three_dimensional(estimator, X, reset, dtype)
    else:
        values, n_timesteps = _two_dimensional(estimator, X, reset, dtype)
    n_samples, n_channels = values.shape[0] // n_timesteps, values.shape[1]
    refuse_not_finite(values, n_timesteps)
    if reset:
        estimator.n_channels_ = n_channels
        estimator._is_3d = is_3d
    return SequenceBatch(values, np.arange(n_samples + 1, dtype=np.intp) * n_timesteps)


def _two_dimensional(estimator, X, reset, dtype):
    if not reset and estimator._is_3d:
        check_array(X, dtype=None, ensure_all_finite=False)  # whose complaint would come first
        raise ValueError(
            f"X has 2 dimensions, but {estimator.__class__.__name__} was fitted on sequences of "
            f"shape (n_samples, n_timesteps, {estimator.n_channels_}). Reshape X to 3 dimensions."
        )
    X = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=dtype,
        order="C",
        ensure_all_finite=False,
        ensure_min_samples=1,
    )
    if not reset:  # whatever n_timesteps may be by now
        return X.reshape(-1, estimator.n_channels_), X.shape[1] // estimator.n_channels_
    n_timesteps = estimator.n_timesteps or X.shape[1]
    if X.shape[1] % n_timesteps:
        raise ValueError(
            f"X has {X.shape[1]} columns, which is not a multiple of n_timesteps={n_timesteps}; a "
            "row must hold n_timesteps steps of equally many channels, one step after the other."
        )
    return X.reshape(-1, X.shape[1] // n_timesteps), n_timesteps


def _three_dimensional(estimator, X, reset, dtype):
    name = estimator.__class__.__name__
    refuse_different_lengths(X)
    X = check_array(
        X,
        dtype=dtype,
        order="C",
        allow_nd=True,
        ensure_all_finite=False,
        estimator=estimator,
        input_name="X",
    )
    if X.ndim != 3:
        raise ValueError(f"Expected 2D or 3D array, got {X.ndim}D array instead.")
    _, n_timesteps, n_channels = X.shape
    if n_timesteps == 0 or n_channels == 0:
        raise ValueError(
            f"Found array with {n_timesteps} step(s) and {n_channels} channel(s) "
            f"(shape={X.shape}) while a minimum of 1 of each is required by {name}."
        )
    if reset:
        estimator.n_features_in_ = n_channels
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif not estimator._is_3d:
        raise ValueError(
            f"X has 3 dimensions, but {name} was fitted on 2-D X with {estimator.n_features_in_} "
            "columns. Reshape X to 2 dimensions."
        )
    elif n_channels != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_channels} channels, but {name} is expecting {estimator.n_features_in_} "
            "channels as input."
        )
    return X.reshape(-1, n_channels), n_timesteps


def depth(X):
    """How deeply lists are nested: 3 for a list of lists of lists."""
    levels = 0
    while isinstance(X, list | tuple) and len(X):
        X = X[0]
        levels += 1
    return levels + getattr(X, "ndim", 0)


def refuse_different_lengths(X):
    """A list of sequences must make one array."""
    if not isinstance(X, list | tuple):
        return
    for sample, sequence in enumerate(X):
        if np.shape(sequence)[:1] != np.shape(X[0])[:1]:
            raise ValueError(
                f"Sequences of one X must have the same number of steps: sample {sample} has shape "
                f"{np.shape(sequence)}, sample 0 has shape {np.shape(X[0])}."
            )


def refuse_lazy_and_framework_arrays(X):
    """Arrays of other libraries are converted by their owner, who knows what that costs."""
    library = type(X).__module__.split(".")[0]
    conversion = {"dask": "X.compute()", "torch": "X.numpy(force=True)"}.get(library)
    if conversion:
        raise TypeError(
            f"X is a {library} object ({type(X).__name__}); pass a NumPy array or DataFrame "
            f"instead: {conversion}."
        )


def refuse_not_finite(values, n_timesteps):
    """Raise an error that locates the first NaN or infinity in values (n_steps, n_channels)."""
    rows = max(1, CHUNK // values.shape[1])
    for start in range(0, len(values), rows):
        part = values[start : start + rows]
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(part.sum()):
                continue
        step, channel = np.unravel_index(np.argmin(np.isfinite(part)), part.shape)
        value = part[step, channel]
        if np.isfinite(value):  # only the sum overflowed
            continue
        sample, step = divmod(start + int(step), n_timesteps)
        what = "NaN" if np.isnan(value) else "infinity"
        raise ValueError(
            f"Input X contains {what}: sample {sample}, step {step}, channel {channel}. Impute or "
            "remove such values first."
        )
