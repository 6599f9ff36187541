"""SequenceClipper: extreme values, drawn in to limits."""

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
    """Draw extreme values in to limits, channel by channel (winsorise them).

    An outlier, say of a loose contact, stays an extreme value but no longer outweighs all others
    [1]_. Limits are learned from the training sequences, or taken at each step from the past of
    the same sequence.

    Parameters
    ----------
    by : {'quantile', 'std'}, default='quantile'
        What limits are: quantiles of a channel (interpolated linearly, as :func:`numpy.percentile`
        does), or its mean plus and minus `n_std` standard deviations.

    limits : {'learned', 'causal'}, default='learned'
        Where they come from.

        - 'learned': all steps of all training sequences.
        - 'causal': at each step, the steps of the same sequence up to and including it. Nothing
          is learned from other sequences and no step sees its future, so a stream is clipped as
          its recording is.

    quantile_range : tuple (q_min, q_max), default=(1.0, 99.0)
        The two quantiles of by='quantile', in percent, ``0 <= q_min < q_max <= 100``.

    n_std : float, default=3.0
        Standard deviations (of the population) of by='std'.

    n_timesteps : int or None, default=None
        How to read 2-D X. ``None``: a row is a univariate series, one column a step. ``T``: a row
        holds T steps of ``n_columns / T`` channels, one step after the other. 3-D X does not need
        it.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_channels,), float64, or None
        The limits of limits='learned'. Infinite for a channel that is missing throughout the
        training, of which nothing is known, and where float64 cannot hold them. None with
        limits='causal'.

    n_channels_ : int
        Channels of a step.

    n_features_in_ : int
        Columns of 2-D X, channels of any other.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns, where X was a DataFrame with names that are strings; those of channels,
        where it was a list of such DataFrames.

    See Also
    --------
    scipy.stats.mstats.winsorize : Counts values to draw in instead of learning limits.
    sklearn.preprocessing.RobustScaler : Scales by quantiles and leaves outliers where they are.

    Notes
    -----
    Gaps (NaN) do not count in the limits and are passed on.

    With limits='causal' an outlier counts in its own limits. Among n values none can be more than
    ``sqrt(n - 1)`` standard deviations from their mean, so ``n_std=3`` clips nothing in the first
    ten steps; a new minimum or maximum is always drawn in a little by quantiles other than 0 and
    100. Variances are updated as by Welford [2]_: sums of squares of the values themselves would
    cancel where these are large beside their spread. The time for quantiles grows with the square
    of a sequence's length, times the share of values beyond them.

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

    By what each sequence was until then:

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
        """Learn the limits of each channel; with limits='causal' only their number.

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
            If a parameter is out of range, or X holds infinity or a sequence of nothing but NaN.
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
        # Distances from a value of theirs make the mean of equal ones exact.
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
            Sequences of the form that was fitted; they may have gaps.

        Returns
        -------
        X : ndarray or list of ndarrays
            A copy of the same form, float32 where X is and float64 otherwise.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has another number of channels or columns than fitted, or holds infinity or a
            sequence of nothing but NaN.
        """
        sequences, form = self._read(X, reset=False)
        dtype = sequences.values.dtype
        if self.lower_ is not None:
            with np.errstate(over="ignore"):  # what no float32 can reach is no limit to it
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
    """Refuse what are not two percentages in increasing order."""
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
        The latter of the population; 0 at the first value of a series. Before it both are of no
        meaning.
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

    Only the values on the nearer side of it are kept in order, so time grows with the number of
    steps times that of those kept.

    Parameters
    ----------
    values : ndarray of shape (n_timesteps, n_series), float64
        NaN where a series has no value.
    percent : float
        Of values below the quantile, 0 to 100.

    Returns
    -------
    ndarray of shape (n_timesteps, n_series)
        Of no meaning before the first value of a series.
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
        # In its place among the sorted: each is the middle one of its neighbour, itself and new.
        kept = np.minimum(lowest, new)
        lowest[1:] = np.maximum(lowest[:-1], kept[1:])
        lowest[0] = kept[0]
        smaller[step] = lowest[below[step], series]
        larger[step] = lowest[below[step] + 1, series]
    weight = rank - below
    return smaller + np.where(weight > 0, (larger - smaller) * weight, 0)
