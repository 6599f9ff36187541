"""Zero-copy views of sequences in the user's buffer."""

import numpy as np


def joined(members):
    """Members as (values, starts): a view if they share a buffer, like windows of a series.

    Otherwise they are copied into one array.
    """
    lengths = np.array([len(member) for member in members], dtype=np.intp)
    starts = _places_in_one_buffer(members)
    if starts is not None:
        first, end = starts.min(), (starts + lengths).max()
        if is_worth_a_view(end - first, lengths.sum()):
            values = members[0].base.reshape(-1, members[0].shape[1])
            return values[first:end], starts - first
    values = np.empty((lengths.sum(), members[0].shape[1]), dtype=members[0].dtype)
    return np.concatenate(members, out=values), np.cumsum(lengths) - lengths


def is_worth_a_view(n_spanned, n_used):
    """A view is searched for NaN as a whole; if few of its steps are used, a copy costs less."""
    return n_spanned <= 4 * n_used


def _places_in_one_buffer(members):
    """The first step of each member in the array that all are views of, or None."""
    owner, n_channels = members[0].base, members[0].shape[1]
    if not isinstance(owner, np.ndarray) or owner.dtype != members[0].dtype:
        return None
    if not owner.flags.c_contiguous or owner.size % n_channels:
        return None
    places, first = [], _address(owner)
    for member in members:
        place, rest = divmod(_address(member) - first, n_channels * owner.itemsize)
        if member.base is not owner or rest or not member.flags.c_contiguous:
            return None
        places.append(place)
    return np.array(places, dtype=np.intp)


def _address(array):
    return array.__array_interface__["data"][0]


def regular_view(X):
    """3-D X as (values, stride): entry i is ``values[i * stride : i * stride + n_timesteps]``.

    Of X whose entries lie at regular distances, as windows of one series do, the values are a view;
    otherwise they are copied.
    """
    X = X.view()  # whose shape and strides no other thread changes
    n_samples, n_timesteps, n_channels = X.shape
    if X.flags.c_contiguous:
        values = X.reshape(-1, n_channels)
        values.flags.writeable = False
        return values, n_timesteps
    row = n_channels * X.itemsize
    stride, rest = divmod(X.strides[0] if n_samples > 1 else 0, row)
    is_regular = (
        rest == 0
        and stride >= 0
        and is_worth_a_view(stride, n_timesteps)
        and (X.strides[1] == row or n_timesteps == 1)
        and (X.strides[2] == X.itemsize or n_channels == 1)
    )
    if not is_regular:
        X, stride = np.ascontiguousarray(X), n_timesteps
    n_values = (n_samples - 1) * stride + n_timesteps
    shape, strides = (n_values, n_channels), (row, X.itemsize)
    return np.lib.stride_tricks.as_strided(X, shape, strides, writeable=False), stride
