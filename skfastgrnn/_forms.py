"""The forms that X can have, beside plain arrays: lists and object arrays of sequences."""

from typing import NamedTuple

import numpy as np


class Form(NamedTuple):
    """What X was, so that an answer for every step can have the same form.

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
    while isinstance(X, list | tuple):
        if len(X) == 0:
            return levels + 1
        X = X[0]
        levels += 1
    return levels + getattr(X, "ndim", 0)


def is_ragged(X, *, one_channel):
    """Whether X is a list or object array of sequences, each with a length of its own.

    A list of 1-D members is one if these differ in length, or where `one_channel` says so;
    otherwise it is 2-D X.
    """
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and len(X) > 0 and depth(X[0]) > 0
    if not isinstance(X, list | tuple):
        return False
    if depth(X) == 2 and not one_channel:
        return len({len(member) if depth(member) == 1 else None for member in X}) > 1
    return depth(X) in (2, 3)


def members_of(X, dtype):
    """The members of X as 2-D arrays (n_timesteps_i, n_channels) of one of some dtypes."""
    members = []
    for sample, sequence in enumerate(X):
        try:
            member = np.asarray(sequence)
            if member.dtype == object and hasattr(sequence, "convert_dtypes"):
                member = sequence.to_numpy(np.float64, na_value=np.nan)  # a gap of pandas is NA
            if np.iscomplexobj(member):
                raise ValueError("Complex data not supported")
            if member.dtype.kind not in "fiub":
                member = member.astype(np.float64)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"Sample {sample} cannot be read as numbers: {str(error).rstrip('.')}."
            ) from error
        if member.ndim not in (1, 2):
            raise ValueError(
                f"Sample {sample} has {member.ndim} dimensions; each sequence must be of shape "
                "(n_timesteps, n_channels) or (n_timesteps,)."
            )
        if member.ndim == 1:
            member = member[:, None]
        if 0 in member.shape:
            raise ValueError(
                f"Sample {sample} is empty: {len(member)} step(s) of {member.shape[1]} channel(s)."
            )
        if members and member.shape[1] != members[0].shape[1]:
            raise ValueError(
                f"All sequences must have the same channels: sample {sample} has "
                f"{member.shape[1]} channel(s), sample 0 has {members[0].shape[1]}."
            )
        members.append(member)
    dtypes = dtype if isinstance(dtype, tuple) else (dtype,)
    found = {member.dtype for member in members}
    wanted = next((np.dtype(d) for d in dtypes if found == {np.dtype(d)}), np.dtype(dtypes[0]))
    return [member.astype(wanted, copy=False) for member in members]
