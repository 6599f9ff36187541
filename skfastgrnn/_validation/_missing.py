"""Missing values: None, NaN, NaT, pandas' NA, polars' null, masked entries."""

import numpy as np
from sklearn.utils._missing import is_pandas_na

NEVER_MISSING = (str, bytes, int, np.integer, np.bool_)


def is_missing(value):
    """Whether a single value is a missing value."""
    if value is None or value is np.ma.masked or is_pandas_na(value):
        return True
    try:
        return bool(value != value)  # NaN and NaT differ from themselves
    except (TypeError, ValueError):  # an array, or an object that cannot be compared
        return False


def as_objects(entries):
    """An object array of the entries of a list, or of those of its lists if they can make one.

    NumPy's own choice of a dtype would make the string "nan" of a NaN beside strings.
    """
    try:
        return np.array(entries, dtype=object)
    except ValueError:  # arrays of different lengths
        array = np.empty(len(entries), dtype=object)
        array[:] = entries
        return array


def missing_in(values):
    """Which entries of an array-like (n,) or (n, m) are missing: bool of the same shape.

    Parameters
    ----------
    values : list, ndarray, masked array, or Series or DataFrame of pandas or polars
        Labels or numbers. In a list, NaN beside strings counts as NaN, although NumPy would make
        the string "nan" of it.

    Returns
    -------
    ndarray of bool
    """
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.getmaskarray(values) | missing_in(values.data)
    if isinstance(values, list | tuple):
        return missing_in(as_objects(values))
    array = np.asarray(values)
    if array.dtype.kind in "fc":
        return np.isnan(array)
    if array.dtype.kind in "mM":
        return np.isnat(array)
    kinds = set(map(type, array.flat)) if array.dtype.kind == "O" else set()
    if all(issubclass(kind, NEVER_MISSING) and kind is not np.timedelta64 for kind in kinds):
        return np.zeros(array.shape, dtype=bool)
    found = [is_missing(value) for value in array.flat]
    return np.array(found, dtype=bool).reshape(array.shape)


def word_for_missing(values, i):
    """Name of the missing entry i of (n,) or (n, 1) values, for messages."""
    is_masked = isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).flat[i]
    value = np.ma.masked if is_masked else np.asarray(values, dtype=object).flat[i]
    if value is np.ma.masked:
        return "a masked entry"
    return "NaN" if isinstance(value, float | np.floating) else str(value)
