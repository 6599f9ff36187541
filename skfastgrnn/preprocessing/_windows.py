"""sliding_windows: samples and targets from long series."""

from itertools import pairwise
from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils._param_validation import validate_params
from sklearn.utils.validation import check_array

from .._validation._dataclasses import Number
from .._validation._input_format import refuse_unreadable
from .._validation._missing import is_missing
from .._validation._numbers import as_numbers, unmasked


class Windows(NamedTuple):
    """Result of `sliding_windows`, whose Returns section describes the fields."""

    X: np.ndarray
    y: np.ndarray | None
    index: np.ndarray


AXES = ("step", "column")
POSITIVE, NOT_NEGATIVE = (Number(Integral, least, None, closed="left") for least in (1, 0))


@validate_params(
    {"window": [POSITIVE], "stride": [POSITIVE], "horizon": [NOT_NEGATIVE]},
    prefer_skip_nested_validation=True,
)
def sliding_windows(series, y=None, *, window, stride=1, horizon=0, groups=None):
    """Cut a long series, or several by group, into windows and targets, without copying it.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_channels)
        Numbers in order of time; several series are concatenated. float32 and float64 are not
        copied, other numbers become float64. NaN and masked entries are allowed, but fill gaps
        before cutting: a window that ends in one would be read as a shorter sequence.
    y : array-like of shape (n_steps,) or (n_steps, n_outputs), default=None
        Labels or numbers to predict; one column is equivalent to one dimension. With None and a
        horizon, the series itself is the target.
    window : int
        Number of steps of a window.
    stride : int, default=1
        Steps from the start of a window to the start of the next.
    horizon : int, default=0
        Number of steps after the window that are its target; 0: the target is `y` at its last step.
    groups : array-like of shape (n_steps,), default=None
        The series that each step belongs to, for instance a machine. The steps of a group are
        consecutive; no window or target crosses into another group.

    Returns
    -------
    X : ndarray of shape (n_windows, window, n_channels), or (n_windows,) of dtype object
        Read-only views of the series. With two or more groups they are not evenly spaced, so X is
        an object array of arrays (window, n_channels), which the estimators of this package accept,
        too; ``np.stack(X)`` copies it into three dimensions.
    y : ndarray of shape (n_windows,) or (n_windows, n_values), or None
        Targets: the outputs (without `y`: channels) of the first step of the horizon, then those of
        the second, and so on. A read-only view if there is one series and its memory order permits;
        otherwise a copy. None for ``horizon=0`` without `y`.
    index : ndarray of shape (n_windows,)
        The last step of each window, at which a forecast is made: ``dates[index]`` and
        ``groups[index]`` belong to the windows. The three are fields of a named tuple.

    Raises
    ------
    ValueError
        If no window with its horizon fits into the series, or into any group (shorter groups are
        left out); if a group is not consecutive, or missing; if lengths differ; if `series` holds
        dates, or integers that float64 cannot represent.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : Tests on windows after those of the training.
    sklearn.model_selection.GroupKFold : Tests on groups other than those of the training.

    Notes
    -----
    A target reaches `horizon` steps ahead of its window. To make test forecasts only after all
    training targets are known, use ``TimeSeriesSplit(gap=ceil(horizon / stride) - 1)`` (if
    `horizon` is at least 1). The first test windows then still contain training steps;
    ``gap=ceil((window + horizon) / stride) - 1`` separates these, too.

    Examples
    --------
    Forecast the next three values, and test on windows after all training targets:

    >>> import numpy as np
    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> from skfastgrnn.preprocessing import sliding_windows
    >>> series = np.sin(np.arange(100) / 5)
    >>> X, y, index = sliding_windows(series, window=20, horizon=3)
    >>> X.shape, y.shape
    ((78, 20, 1), (78, 3))
    >>> np.array_equal(y[0], series[20:23])
    True
    >>> splits = TimeSeriesSplit(n_splits=2, gap=2).split(X)
    >>> [(int(index[train[-1]]), int(index[test[0]])) for train, test in splits]
    [(42, 45), (68, 71)]

    Predict the current state of two machines, each from its last three steps:

    >>> machine = np.array(["a", "a", "a", "a", "b", "b", "b"])
    >>> state = ["on", "on", "on", "off", "on", "off", "off"]
    >>> X, y, index = sliding_windows(np.arange(7.0), state, window=3, groups=machine)
    >>> np.stack(X)[:, :, 0].tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    >>> y.tolist(), machine[index].tolist()
    (['on', 'off', 'off'], ['a', 'a', 'b'])
    """
    window, stride, horizon = int(window), int(stride), int(horizon)  # NumPy's could overflow
    series = _by_step(series, "series", [np.float64, np.float32])
    targets = series if y is None else _by_step(y, "y", None)
    n_steps = len(series)
    _check_length(targets, "y", n_steps)
    borders = [0, n_steps] if groups is None else _borders(groups, n_steps)
    longest = max(stop - start for start, stop in pairwise(borders))
    if longest < window + horizon:
        raise ValueError(
            f"No window fits: {'series' if groups is None else 'the longest group'} has {longest} "
            f"steps, but window={window} and horizon={horizon} need {window + horizon}."
        )
    ends = [np.arange(a + window - 1, b - horizon, stride) for a, b in pairwise(borders)]
    index = np.concatenate(ends, dtype=np.intp)
    one_series = len(borders) == 2
    if one_series:
        X = _cut(series[: n_steps - horizon], window, stride)
    else:
        series = series.view()
        series.flags.writeable = False
        X = np.empty(len(index), dtype=object)
        for i, end in enumerate(index):
            X[i] = series[end - window + 1 : end + 1]
    if y is None and horizon == 0:
        return Windows(X, None, index)
    ahead, width = (1, horizon) if horizon else (0, 1)
    if one_series:
        future = _cut(targets[window - 1 + ahead :], width, stride)
    else:
        future = targets[index[:, None] + np.arange(ahead, ahead + width)]
    future = future.reshape(len(index), -1)
    return Windows(X, future[:, 0] if future.shape[1] == 1 else future, index)


def _cut(values, width, stride):
    """Windows of shape (n_windows, width, n_columns) as a view."""
    return sliding_window_view(values, width, axis=0)[::stride].transpose(0, 2, 1)


def _by_step(values, name, dtype):
    """An array of shape (n_steps, n_columns), not copied if possible."""
    refuse_unreadable(values, name)
    values = unmasked(values) if dtype is None else as_numbers(values, AXES, name=name)
    values = check_array(
        values, dtype=dtype, ensure_2d=False, allow_nd=True, ensure_all_finite=False
    )
    if values.ndim > 2:
        raise ValueError(
            f"{name} has {values.ndim} dimensions, but may have two: steps and columns. "
            "Concatenate several series and distinguish them by groups."
        )
    return values[:, None] if values.ndim == 1 else values


def _check_length(values, name, n_steps):
    if len(values) != n_steps:
        raise ValueError(
            f"{name} has {len(values)} steps, but series has {n_steps}; pass one entry per step."
        )


def _borders(groups, n_steps):
    """The first step of each group, and n_steps."""
    refuse_unreadable(groups, "groups")
    groups = unmasked(groups)
    # NumPy would convert a list with one string to strings, and NaN to "nan".
    groups = np.asarray(groups, dtype=object if isinstance(groups, list | tuple) else None)
    if groups.ndim != 1:
        raise ValueError(f"groups has {groups.ndim} dimensions, but must have one (steps).")
    _check_length(groups, "groups", n_steps)
    starts, start = {}, 0
    for step, group in enumerate(groups):
        if group not in starts:
            if is_missing(group):
                raise ValueError(
                    f"groups has a missing value ({group}) at step {step}; give the group of this "
                    "step, or drop it."
                )
            starts[group] = start = step
        elif starts[group] != start:
            raise ValueError(
                f"Group {group} is interrupted by another and resumes at step {step}. Sort "
                "series, y and groups by group, in the order of np.argsort(groups, kind='stable')."
            )
    return [*starts.values(), n_steps]
