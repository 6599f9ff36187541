"""Input as numbers, checked before NumPy converts what is not a number.

NumPy reads dates as nanoseconds since 1970, masked entries of a masked array as data,
and different integers beyond 2**53 as one float64.
"""

import datetime
from numbers import Integral

import numpy as np
from scipy.sparse import issparse

from ._missing import is_missing
from ._printing import plain

#: Integers up to this size are exact in float64.
EXACT = 2**53
SPANS = (datetime.timedelta, np.timedelta64)
#: Kinds of time, and how they become numbers.
IN_NUMBERS = {
    "dates": "such as seconds: [(d - dates[0]).total_seconds() for d in dates]",
    "time spans": "such as seconds: [s.total_seconds() for s in spans]",
    "periods": "such as seconds: make them dates by to_timestamp(), subtract the first, and divide "
    "by np.timedelta64(1, 's')",
    "times of day": "such as hours: [t.hour + t.minute / 60 for t in times]",
}
#: The same for NumPy's own dates and time spans.
OF_NUMPY = {
    "dates": "such as seconds: (dates - dates[0]) / np.timedelta64(1, 's')",
    "time spans": "such as seconds: spans / np.timedelta64(1, 's')",
}
#: What NumPy converts to float64 as it should, as long as integers are exact.
PLAIN = (float, int, str, bytes, np.floating, np.integer, np.bool_, type(None))
PLAIN_OF_POLARS = ["Float32", "Float64", "Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32"]
#: By the dimensions of cells: what they are, and what to write instead.
CELLS = {
    1: (
        "series",
        "Make one array of each sample: [np.column_stack(row) for row in np.asarray({})]",
    ),
    2: ("sequences", "Write {}.ravel()"),
}


def as_numbers(values, axes, *, name="X", outer="", names=None):
    """Values in a form that NumPy converts to floats without changing what they mean.

    Parameters
    ----------
    values : array-like
        What is no array, or cannot be one, is returned as it is.
    axes : tuple of str
        What the axes are called in errors, such as ``("step", "channel")``.
    name : str
        What the argument is called in errors.
    outer : str
        Where all of the values are, such as ``"sample 3"``.
    names : list or None
        Names of the entries of the last axis.

    Returns
    -------
    array-like
        The same values, or an ndarray in which NaN stands for what is missing or masked.

    Raises
    ------
    ValueError
        If there are dates, time spans or integers beyond 2**53, or strings that are no numbers.
    TypeError
        If there are other objects.
    """
    if type(values) is np.ndarray and values.dtype.kind == "f":
        return values
    if is_frame(values):
        return _from_frame(values, axes, name, outer)
    if issparse(values):
        return values

    def where(index):
        places = [f"{axis} {plain(i)}" for axis, i in zip(axes, index, strict=False)]
        if names is not None and len(index) == len(axes):
            places[-1] = f"{axes[-1]} {names[index[-1]]!r}"
        return f"Input {name} contains {{}}: " + ", ".join(filter(None, [outer, *places]))

    array = as_array(values)
    if array is None or array.ndim == 0:
        return values
    if array.dtype.kind in "mM":
        kind = "dates" if array.dtype.kind == "M" else "time spans"
        _refuse_time(kind, where((0,) * array.ndim), array.flat[0])
    array = unmasked(array)
    if array.dtype.kind in "iu":
        if array.itemsize == 8 and array.size and not -EXACT <= array.min() <= array.max() <= EXACT:
            index = np.unravel_index(np.argmax((array > EXACT) | (array < -EXACT)), array.shape)
            _refuse_large(where(index), array[index], name)
        return array
    if array.dtype.kind == "f" and isinstance(values, list | tuple) and not are_exact(array):
        array = np.array(values, dtype=object)  # some may have been integers
    return _from_objects(array, where, name) if array.dtype.kind in "OUS" else array


def as_array(values):
    """An array, masked if some values are masked; None if the values have no common shape."""
    if isinstance(values, np.ndarray):
        return values
    try:
        if isinstance(values, list | tuple):
            kinds = set(map(type, values))
            if any(issubclass(kind, np.ma.MaskedArray) for kind in kinds):
                return np.ma.array(values)
            if any(hasattr(kind, "to_numpy") for kind in kinds):  # Series of pandas or polars
                values = [np.asarray(v) for v in values]
        return np.asarray(values)
    except (ValueError, TypeError):
        return None


def unmasked(values):
    """A masked array as one in which NaN, NaT or, among objects, None stands for masked entries."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    mask = np.ma.getmask(values)
    if not mask.any():
        return values.data
    if values.dtype.kind == "f":
        return values.filled(np.nan)
    if values.dtype.kind in "mM":
        return values.filled(np.array("NaT", values.dtype))
    objects = values.data.astype(object)
    objects[mask] = None
    return objects


def are_exact(floats):
    """Whether floats that may have been integers are these integers."""
    return not (np.abs(floats) >= EXACT).any()


def is_frame(values):
    """Whether it is a DataFrame of pandas or polars."""
    return hasattr(values, "columns") and (
        hasattr(values, "iloc") or hasattr(values, "iter_columns")
    )


def _from_frame(frame, axes, name, outer):
    """The frame itself if its columns are safe, otherwise an array (n_rows, n_columns)."""
    dtypes = set(frame.dtypes)
    if not any(map(_needs_a_look, dtypes)):
        return frame
    are_numbers = all(isinstance(dtype, np.dtype) and dtype.kind in "fiu" for dtype in dtypes)
    if are_numbers and are_exact(np.asarray(frame, dtype=np.float64)):
        return frame
    if hasattr(frame, "iter_columns"):
        columns = [(column.name, column) for column in frame.iter_columns()]
    else:
        columns = list(frame.items())
    labels = [plain(label) for label, _ in columns]
    arrays = [
        as_numbers(np.asarray(column)[:, None], axes, name=name, outer=outer, names=[label])
        for label, (_, column) in zip(labels, columns, strict=True)
    ]
    return np.hstack(arrays, dtype=np.float64)


def _needs_a_look(dtype):
    """Whether NumPy may make objects, or other numbers, of a column of this dtype."""
    kind = getattr(dtype, "kind", None)
    if kind is None:  # of polars
        return str(dtype) not in PLAIN_OF_POLARS
    if not isinstance(dtype, np.dtype):  # of pandas; scikit-learn says what of sparse ones
        return type(dtype).__name__ != "SparseDtype"
    return kind not in "fciu" or (kind in "iu" and dtype.itemsize == 8)


def _from_objects(array, where, name):
    """Objects as float64."""
    kinds = set(map(type, array.flat))
    if all(issubclass(kind, PLAIN) and not issubclass(kind, SPANS) for kind in kinds):
        try:
            converted = array.astype(np.float64)
            if are_exact(converted):
                return converted
        except (ValueError, TypeError, OverflowError):
            pass
    converted = np.empty(array.shape)
    for index, value in np.ndenumerate(array):
        converted[index] = _number(value, where, index, name)
    return converted


def _kind_of_time(value):
    if isinstance(value, SPANS):
        return "time spans"
    if isinstance(value, datetime.date | np.datetime64):
        return "dates"
    if isinstance(value, datetime.time):
        return "times of day"
    return "periods" if type(value).__name__ == "Period" else None


def _number(value, where, index, name):
    if is_missing(value):
        return np.nan
    kind = _kind_of_time(value)
    if kind is not None:
        _refuse_time(kind, where(index), value)
    if isinstance(value, Integral) and abs(value) > EXACT:
        _refuse_large(where(index), value, name)
    if isinstance(value, complex | np.complexfloating):
        raise ValueError(f"Complex data not supported: {where(index).format(plain(value))}.")
    n_dimensions = len(getattr(value, "shape", ()))
    if n_dimensions in CELLS:
        kind, advice = CELLS[n_dimensions]
        raise ValueError(f"{where(index).format(f'cells that are {kind}')}. {advice.format(name)}.")
    try:
        return float(plain(value))
    except (ValueError, TypeError, OverflowError) as error:
        what = where(index).format("a value that is no number")
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{what}: {str(error).rstrip('.')}.") from error


def _refuse_time(kind, place, value):
    advice = (OF_NUMPY if isinstance(value, np.generic) else IN_NUMBERS)[kind]
    raise ValueError(f"{place.format(kind)} ({value}). Turn them into numbers, {advice}.")


def _refuse_large(place, value, name):
    what = "integers beyond 2**53, which float64 cannot represent"
    raise ValueError(
        f"{place.format(what)} ({value}). Leave identifiers out; turn quantities into floats "
        f"first, as {name}.astype(float) does."
    )
