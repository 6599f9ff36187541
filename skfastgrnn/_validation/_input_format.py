"""Forms of X besides plain arrays: lists and object arrays of sequences."""

from collections import deque
from collections.abc import Iterator, Mapping, Set, ValuesView
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from ._numbers import are_exact, as_numbers, is_frame


class Form(NamedTuple):
    """The form of X, so that results for every step can be returned in the same form.

    kind : "2-D", "3-D", "list" or "objects" (an object array)
    n_timesteps : steps of a row of 2-D X, or of an entry of 3-D X with its padding
    is_flat : whether the members of a list or object array were 1-D
    """

    kind: str
    n_timesteps: int | None = None
    is_flat: bool = False

    def restore(self, values, lengths):
        """Values (n_steps, n) of all sequences, one after the other, in this form.

        Padding of 3-D X is filled with NaN.
        """
        n_samples = len(lengths)
        if self.kind in ("2-D", "3-D"):
            n = values.shape[1]
            if len(values) < n_samples * self.n_timesteps:
                padded = np.full((n_samples, self.n_timesteps, n), np.nan, dtype=values.dtype)
                padded[np.arange(self.n_timesteps) < lengths[:, None]] = values
                values = padded
            shape = (self.n_timesteps, n) if self.kind == "3-D" else (-1,)
            return values.reshape(n_samples, *shape)
        if self.is_flat and values.shape[1] == 1:
            values = values[:, 0]
        members = np.split(values, np.cumsum(lengths)[:-1])
        return members if self.kind == "list" else as_objects(members)


def as_objects(members):
    """A 1-D object array of arrays, also where these could make one array."""
    objects = np.empty(len(members), dtype=object)
    for i, member in enumerate(members):
        objects[i] = member
    return objects


def depth(X):
    """Dimensions of an array, or how deeply lists are nested: 3 for a list of lists of lists."""
    levels = 0
    while isinstance(X, list | tuple | deque):
        if len(X) == 0:
            return levels + 1
        X = X[0]
        levels += 1
    if hasattr(X, "ndim"):
        return levels + X.ndim
    return levels + len(getattr(X, "shape", ()))  # of polars


def is_ragged(X, *, one_channel):
    """Whether X is a list or object array of sequences, each with a length of its own.

    A list of 1-D members is one if these differ in length, or where `one_channel` says so;
    otherwise it is 2-D X.
    """
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and any(depth(member) > 0 for member in X)
    if not isinstance(X, list | tuple):
        return False
    if depth(X) == 1:  # the first member is a number or missing; others may be sequences
        return any(depth(member) > 0 for member in X)
    if depth(X) == 2 and not one_channel:
        return len({len(member) if depth(member) == 1 else None for member in X}) > 1
    return depth(X) in (2, 3)


def members_of(X, dtype, n_channels=None):
    """The members of X as 2-D arrays (n_timesteps_i, n_channels) of one of some dtypes.

    `n_channels`, where it is known, only decides what an error advises.
    """
    members = []
    for sample, sequence in enumerate(X):
        member = as_member(sequence, sample)
        if members and member.shape[1] != members[0].shape[1]:
            raise ValueError(
                f"All sequences must have the same channels: sample {sample} has "
                f"{member.shape[1]} channel(s), sample 0 has {members[0].shape[1]}."
                f"{transposed(X, n_channels)}"
            )
        members.append(member)
    dtypes = dtype if isinstance(dtype, tuple) else (dtype,)
    found = {member.dtype for member in members}
    wanted = next((np.dtype(d) for d in dtypes if found == {np.dtype(d)}), np.dtype(dtypes[0]))
    return [member.astype(wanted, copy=False) for member in members]


def as_member(sequence, sample):
    """A member of X as a 2-D array of numbers."""
    if issparse(sequence):
        raise TypeError(
            f"Sample {sample} is sparse ({type(sequence).__name__}); sequences must be dense: "
            "[x.toarray() for x in X]."
        )
    is_plain = type(sequence) is np.ndarray and sequence.dtype.kind == "f"
    member = sequence if is_plain else numbers_of(sequence, sample)
    if member.ndim not in (1, 2):
        raise ValueError(
            f"Sample {sample} has {member.ndim} dimensions; each sequence must be of shape "
            "(n_timesteps, n_channels) or (n_timesteps,)."
        )
    if member.dtype.kind not in "fiub":
        if member.dtype.kind == "c":
            raise ValueError(f"Complex data not supported: sample {sample}.")
        raise ValueError(f"Sample {sample} cannot be read as numbers: it holds {member.dtype}.")
    if member.ndim == 1:
        member = member[:, None]
    if 0 in member.shape:
        raise ValueError(
            f"Sample {sample} is empty: {len(member)} step(s) of {member.shape[1]} channel(s)."
        )
    return member


def numbers_of(sequence, sample):
    """A member of X as an array."""
    try:
        if is_frame(sequence) and not mixes_kinds(sequence):
            array = np.asarray(sequence)
            if array.dtype.kind == "f" and are_exact(array):
                return array
    except TypeError:  # polars finds no dtype for some columns
        pass
    numbers = as_numbers(sequence, ("step", "channel"), outer=f"sample {sample}")
    try:
        return np.asarray(numbers)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"Sample {sample} cannot be read as numbers: {str(error).rstrip('.')}."
        ) from error


def mixes_kinds(frame):
    """Whether a frame of polars has columns that are no numbers, of which it would make some."""
    dtypes = frame.dtypes if isinstance(getattr(frame, "dtypes", None), list) else []
    return not all(dtype.is_numeric() for dtype in dtypes)


def transposed(X, n_channels):
    """Advice to transpose members that agree in axis 0, and there with n_channels if known."""
    numbers_of_rows = {shape[0] if len(shape) == 2 else None for shape in map(shape_of, X)}
    n_rows = numbers_of_rows.pop()
    if n_rows is None or numbers_of_rows or n_channels not in (None, n_rows):
        return ""
    return (
        f" But all have {n_rows} row(s): if these are the channels, as in aeon and sktime, write "
        "[x.T for x in X]."
    )


def shape_of(member):
    """The shape of an array, a DataFrame or nested lists; () where there is none."""
    try:
        return member.shape if hasattr(member, "shape") else np.shape(member)
    except ValueError:
        return ()


def from_cells(X):
    """Object arrays (n_samples, 1) of sequences, as MATLAB's cells are read, in one dimension."""
    if not isinstance(X, np.ndarray) or X.dtype != object or X.ndim != 2 or X.shape[1] != 1:
        return X
    return X[:, 0] if any(depth(cell) > 0 for cell in X.flat) else X


def refuse_unreadable(X, name="X"):
    """Raise for X that can be read only once or has no order, and for some other libraries.

    Their conversion may be expensive, so it is left to the user.
    """
    if isinstance(X, np.ndarray | list) or issparse(X):
        return
    library = type(X).__module__.split(".")[0]
    kind = type(X).__name__
    conversion = {"dask": "compute()", "torch": "numpy(force=True)"}.get(library)
    if library == "polars" and kind == "LazyFrame":
        conversion = "collect()"
    if conversion:
        raise TypeError(
            f"{name} is a {library} object ({kind}); pass a NumPy array or DataFrame instead: "
            f"{name}.{conversion}."
        )
    if isinstance(X, Mapping):
        raise TypeError(f"{name} is a {kind}; pass its values: list({name}.values()).")
    if isinstance(X, Set):
        raise TypeError(f"{name} is a {kind}, which has no order; pass a list.")
    if isinstance(X, Iterator | ValuesView):
        raise TypeError(f"{name} is a {kind}; pass a list: list({name}).")
