"""SequenceClipper: extreme values, clipped to limits."""

from numbers import Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from .._statistics import exponents_of
from .._validation._errors import working_copy
from .._validation._printing import plain
from ._base import POSITIVE_INTEGER, SequenceTransformer
from ._steps import side_by_side


class SequenceClipper(SequenceTransformer):
    """Clip extreme values to limits, channel by channel (winsorisation).

    An outlier, for instance from a loose contact, remains an extreme value but no longer dominates
    all others [1]_. Limits are learned from the training sequences, or computed at each step from
    the past of the same sequence.

    Parameters
    ----------
    by : {'quantile', 'std'}, default='quantile'
        Kind of limits: quantiles of a channel (interpolated linearly, as by
        :func:`numpy.percentile`), or its mean plus and minus `n_std` standard deviations.

    limits : {'learned', 'causal'}, default='learned'
        Steps that limits are computed from.

        - 'learned': all steps of all training sequences.
        - 'causal': at each step, the steps of the same sequence up to and including it. Nothing is
          learned from other sequences and no step depends on later ones, so a stream is clipped
          like its recording.

    quantile_range : tuple (q_min, q_max), default=(1.0, 99.0)
        The two quantiles of by='quantile', in percent, ``0 <= q_min < q_max <= 100``.

    n_std : float, default=3.0
        Number of (population) standard deviations for by='std'.

    n_timesteps : int or None, default=None
        How to read 2-D X. ``None``: a row is a univariate series, one column per step. ``T``: a row
        holds T steps of ``n_columns / T`` channels, one step after the other. Not needed for 3-D X.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_channels,), float64, or None
        The limits of limits='learned'. Infinite for a channel without any value in training, and
        beyond the range of float64. None with limits='causal'.

    n_channels_ : int
        Number of channels.

    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns if X was a DataFrame with string column names; names of channels if it was
        a list of such DataFrames.

    See Also
    --------
    scipy.stats.mstats.winsorize : Clips a given number of values instead of learning limits.
    sklearn.preprocessing.RobustScaler : Scales by quantiles and keeps outliers.

    Notes
    -----
    Gaps (NaN) are ignored in the limits and passed through.

    With limits='causal' an outlier contributes to its own limits. Among n values none can be more
    than ``sqrt(n - 1)`` standard deviations from their mean, so ``n_std=3`` clips nothing in the
    first ten steps; a new minimum or maximum is always clipped a little by quantiles other than 0
    and 100. Variances are updated by Welford's method [2]_, since sums of squares would cancel if
    values are large relative to their spread. The time for quantiles grows with the square of a
    sequence's length, times the fraction of values beyond them.

    References
    ----------
    .. [1] W. J. Dixon, "Simplified Estimation from Censored Normal Samples", Annals of
       Mathematical Statistics 31(2), 385-391, 1960.
    .. [2] B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and
       Products", Technometrics 4(3), 419-420, 1962.

    Examples
    --------
    >>> import numpy as np
    >>> from skfastgrnn.preprocessing import SequenceClipper
    >>> X = np.array([[1, 2, 3, 2, 90, 2, 1], [2, 1, 2, 3, 2, 1, 2]], dtype=float)
    >>> clipper = SequenceClipper(quantile_range=(0, 90)).fit(X)
    >>> clipper.lower_, clipper.upper_
    (array([1.]), array([3.]))
    >>> clipper.transform(X)
    array([[1., 2., 3., 2., 3., 2., 1.],
           [2., 1., 2., 3., 2., 1., 2.]])

    Limits from the past of each sequence:

    >>> SequenceClipper("std", limits="causal", n_std=1.5).fit_transform(X).round(2)
    array([[ 1.  ,  2.  ,  3.  ,  2.  , 72.41,  2.  ,  1.  ],
           [ 2.  ,  1.  ,  2.  ,  3.  ,  2.  ,  1.  ,  2.  ]])
    """

    _parameter_constraints = {
        "by": [StrOptions({"quantile", "std"})],
        "limits": [StrOptions({"learned", "causal"})],
        "quantile_range": ["array-like"],
        "n_std": [Interval(Real, 0, None, closed="neither")],
        "n_timesteps": [POSITIVE_INTEGER, None],
    }
    _allows_gaps = True

    def __init__(
        self,
        by="quantile",
        *,
        limits="learned",
        quantile_range=(1.0, 99.0),
        n_std=3.0,
        n_timesteps=None,
    ):
        self.by = by
        self.limits = limits
        self.quantile_range = quantile_range
        self.n_std = n_std
        self.n_timesteps = n_timesteps

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the limits of each channel; with limits='causal' only the number of channels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays of shape (n_timesteps_i, n_channels)
            Sequences; they may have gaps.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SequenceClipper
            Fitted clipper.

        Raises
        ------
        ValueError
            If a parameter is out of range, or X holds infinity or an all-NaN sequence.
        """
        check_quantile_range(self.quantile_range)
        with working_copy(self) as fitted:
            sequences, _ = fitted._read(X, reset=True)
            if fitted.limits == "causal":
                fitted.lower_ = fitted.upper_ = None
            else:
                fitted.lower_, fitted.upper_ = fitted._learned_limits(sequences.values)
        return self

    def _learned_limits(self, values):
        """Limits (2, n_channels) of all steps (n_steps, n_channels)."""
        limits = np.empty((2, values.shape[1]))
        for channel, column in enumerate(values.T):
            known = column[~np.isnan(column)].astype(np.float64)
            if len(known) == 0:
                limits[:, channel] = -np.inf, np.inf
                continue
            unit = unit_of(known)
            with np.errstate(over="ignore"):
                limits[:, channel] = self._limits(known / unit) * unit
        return limits

    def _limits(self, values):
        """Limits (2,) of the values (n,) of a channel, float64 and at least one."""
        if self.by == "quantile":
            return np.percentile(values, self.quantile_range)
        # Distances from one of the values make the mean of equal values exact.
        distances = values - values[0]
        mean = values[0] + distances.mean()
        deviation = self.n_std * distances.std()
        return np.array([mean - deviation, mean + deviation])

    def transform(self, X):
        """Clip values to the limits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays of shape (n_timesteps_i, n_channels)
            Sequences in the form passed to `fit`; they may have gaps.

        Returns
        -------
        X : ndarray or list of ndarrays
            A copy of the same form, float32 where X is and float64 otherwise.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the number of channels or columns differs from that in `fit`, or X holds infinity or
            an all-NaN sequence.
        """
        sequences, form = self._read(X, reset=False)
        dtype = sequences.values.dtype
        if self.lower_ is not None:
            with np.errstate(over="ignore"):  # a limit beyond the range of float32 has no effect
                limits = self.lower_.astype(dtype), self.upper_.astype(dtype)
            return form.restore(np.clip(sequences.values, *limits), sequences.lengths)
        clipped = np.empty_like(sequences.values)
        for values, put in side_by_side(sequences):
            unit = unit_of(values)
            with np.errstate(over="ignore", invalid="ignore"):
                lower, upper = (limit * unit for limit in self._limits_so_far(values / unit))
            steps, limited = put(np.clip(values, lower, upper))
            clipped[steps] = limited
        return form.restore(clipped, sequences.lengths)

    def _limits_so_far(self, values):
        """Limits by the steps up to each one, both (n_timesteps, n_series) as the values."""
        if self.by == "quantile":
            lower, upper = self.quantile_range
            return quantile_so_far(values, lower), quantile_so_far(values, upper)
        mean, deviation = mean_and_deviation_so_far(values)
        return mean - self.n_std * deviation, mean + self.n_std * deviation


def unit_of(values):
    """A power of two near the largest of values (n,) or, for each series, (n, n_series).

    In such units, squares and distances neither overflow nor vanish.
    """
    return np.ldexp(1.0, exponents_of(np.fmax.reduce(np.abs(values), axis=0)))


def check_quantile_range(quantile_range):
    """Raise unless these are two percentages in increasing order."""
    if len(quantile_range) != 2 or not all(isinstance(q, Real) for q in quantile_range):
        raise ValueError(f"quantile_range must be two numbers, got {plain(quantile_range)!r}.")
    lower, upper = quantile_range
    if not 0 <= lower < upper <= 100:
        raise ValueError(
            f"quantile_range must be percentages with 0 <= q_min < q_max <= 100, got "
            f"{plain(quantile_range)!r}."
        )


def mean_and_deviation_so_far(values):
    """Mean and standard deviation of the values up to each step.

    Parameters
    ----------
    values : ndarray of shape (n_timesteps, n_series), float64
        NaN where a series has no value.

    Returns
    -------
    mean, deviation : ndarray of shape (n_timesteps, n_series)
        Population standard deviation; 0 at the first value of a series. Before it both are
        undefined.
    """
    known = ~np.isnan(values)
    count = np.maximum(np.cumsum(known, axis=0), 1)
    first = np.take_along_axis(values, np.argmax(known, axis=0)[None], axis=0)
    distances = np.where(known, values - first, 0)
    mean = np.cumsum(distances, axis=0) / count
    mean_before = np.vstack([np.zeros_like(first), mean[:-1]])
    squares = np.where(known, (distances - mean_before) ** 2 * ((count - 1) / count), 0)
    return first + mean, np.sqrt(np.cumsum(squares, axis=0) / count)


def quantile_so_far(values, percent):
    """A quantile of the values up to each step, interpolated linearly.

    Only the values on the nearer side of the quantile are kept sorted, so time grows with the
    number of steps times the number of these values.

    Parameters
    ----------
    values : ndarray of shape (n_timesteps, n_series), float64
        NaN where a series has no value.
    percent : float
        Percentage of values below the quantile, 0 to 100.

    Returns
    -------
    ndarray of shape (n_timesteps, n_series)
        Undefined before the first value of a series.
    """
    if percent > 50:
        return -quantile_so_far(-values, 100 - percent)
    rank = np.maximum(np.cumsum(~np.isnan(values), axis=0) - 1, 0) * (percent / 100)
    below = rank.astype(np.intp)
    lowest = np.full((below.max() + 2, values.shape[1]), np.inf)  # sorted along the first axis
    arriving = np.where(np.isnan(values), np.inf, values)
    smaller, larger = np.empty_like(values), np.empty_like(values)
    series = np.arange(values.shape[1])
    for step, new in enumerate(arriving):
        # Insert into the sorted values: each becomes the median of its neighbour, itself and new.
        kept = np.minimum(lowest, new)
        lowest[1:] = np.maximum(lowest[:-1], kept[1:])
        lowest[0] = kept[0]
        smaller[step] = lowest[below[step], series]
        larger[step] = lowest[below[step] + 1, series]
    weight = rank - below
    return smaller + np.where(weight > 0, (larger - smaller) * weight, 0)
