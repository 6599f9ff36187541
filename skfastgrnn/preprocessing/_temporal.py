"""TemporalFeatures: lags, differences and rolling statistics as additional channels."""

from functools import cached_property
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import _fit_context

from .._statistics import exponents_of
from .._validation._errors import working_copy
from .._validation._printing import plain
from ._base import POSITIVE_INTEGER, SequenceTransformer
from ._steps import place, positions, side_by_side

#: Upper bound of a number of steps: no sequence is longer, and an index can hold it.
FAR_BACK = 1 << 40
STATISTICS = ("mean", "std", "min", "max")


class TemporalFeatures(SequenceTransformer):
    """Add channels that describe the past: lags, changes, rolling statistics, moving averages.

    These channels relieve a small network, which has few hidden units for memory. They never look
    ahead, so a stream gets the same features as its recording, and no step is lost: the first
    steps use the values available.

    Parameters
    ----------
    lags : sequence of int, default=(1,)
        Values of k: adds ``x[t - k]``.

    differences : sequence of int, default=(1,)
        Values of k: adds ``x[t] - x[t - k]``.

    rates : sequence of int, default=()
        Values of k: adds the relative change ``(x[t] - x[t - k]) / |x[t - k]|``, which is 0 where
        ``x[t - k]`` is 0.

    rolling_windows : sequence of int, default=()
        Values of w: adds each of `rolling_statistics` over the last w steps, this one included, or
        fewer at the beginning.

    rolling_statistics : sequence of {'mean', 'std', 'min', 'max'}, default=('mean', 'std')
        Statistics of rolling windows; 'std' is the population standard deviation.

    spans : sequence of int, default=()
        Values of s: adds the exponential moving average [1]_ ``e[t] = e[t - 1] + alpha * (x[t] -
        e[t - 1])`` with ``alpha = 2 / (s + 1)``, which starts at the first value.

    keep_original : bool, default=True
        Whether to keep the channels of X, before the others.

    n_timesteps : int or None, default=None
        How to read 2-D X. ``None``: a row is a univariate series, one column per step. ``T``: a row
        holds T steps of ``n_columns / T`` channels, one step after the other. Not needed for 3-D X.

    Attributes
    ----------
    n_channels_ : int
        Number of channels of X, before any are added.

    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns if X was a DataFrame with string column names; names of channels if it was
        a list of such DataFrames.

    See Also
    --------
    sliding_windows : Cuts a long series into sequences.

    Notes
    -----
    The channels of a step are ordered by feature: all channels of X, their first lag, and so on in
    the order of the parameters, for each rolling window all its statistics. ``x[t - k]`` before the
    beginning of a sequence is its first value, so differences and rates are 0 there.

    Rolling mean and deviation combine those of shorter windows by the formula of Chan, Golub and
    LeVeque [2]_: nothing is subtracted from running totals, so a small spread about a large mean is
    not lost, and the result for a sequence does not depend, even in the last bit, on its
    neighbours.

    References
    ----------
    .. [1] S. W. Roberts, "Control Chart Tests Based on Geometric Moving Averages", Technometrics
       1(3), 239-250, 1959.
    .. [2] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for Computing the Sample Variance:
       Analysis and Recommendations", The American Statistician 37(3), 242-247, 1983.

    Examples
    --------
    >>> import numpy as np
    >>> from skfastgrnn.preprocessing import TemporalFeatures
    >>> X = np.array([1.0, 2.0, 4.0, 8.0]).reshape(1, 4, 1)  # a sequence of four steps
    >>> features = TemporalFeatures(rates=[2], rolling_windows=[2], rolling_statistics=["mean"])
    >>> features.fit_transform(X)[0]  # the value, its lag, difference, rate and mean
    array([[1. , 1. , 0. , 0. , 1. ],
           [2. , 1. , 1. , 1. , 1.5],
           [4. , 2. , 2. , 3. , 3. ],
           [8. , 4. , 4. , 3. , 6. ]])

    In 2-D X the new channels follow those of their step:

    >>> means = TemporalFeatures(lags=(), differences=(), spans=(3,), n_timesteps=2)
    >>> means.fit_transform([[1.0, 10.0, 2.0, 30.0]])
    array([[ 1. , 10. ,  1. , 10. ,  2. , 30. ,  1.5, 20. ]])
    >>> means.get_feature_names_out(["a0", "b0", "a1", "b1"]).tolist()
    ['a0', 'b0', 'a0_ema3', 'b0_ema3', 'a1', 'b1', 'a1_ema3', 'b1_ema3']
    """

    _parameter_constraints = {
        "lags": ["array-like"],
        "differences": ["array-like"],
        "rates": ["array-like"],
        "rolling_windows": ["array-like"],
        "rolling_statistics": ["array-like"],
        "spans": ["array-like"],
        "keep_original": ["boolean"],
        "n_timesteps": [POSITIVE_INTEGER, None],
    }

    def __init__(
        self,
        *,
        lags=(1,),
        differences=(1,),
        rates=(),
        rolling_windows=(),
        rolling_statistics=("mean", "std"),
        spans=(),
        keep_original=True,
        n_timesteps=None,
    ):
        self.lags = lags
        self.differences = differences
        self.rates = rates
        self.rolling_windows = rolling_windows
        self.rolling_statistics = rolling_statistics
        self.spans = spans
        self.keep_original = keep_original
        self.n_timesteps = n_timesteps

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check parameters and learn the number of channels; nothing else is learned.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays of shape (n_timesteps_i, n_channels)
            Sequences without gaps.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : TemporalFeatures
            Fitted transformer.

        Raises
        ------
        ValueError, TypeError
            If a parameter is not a sequence of distinct positive integers or known statistics, if
            there would be no output channel, or if X holds NaN or infinity.
        """
        features = self._checked_features()
        with working_copy(self) as fitted:
            fitted._read(X, reset=True)
            fitted._features = features
        return self

    def _checked_features(self):
        """The requested features, in the order of the parameters."""
        counts = {
            name: checked_counts(name, getattr(self, name))
            for name in ("lags", "differences", "rates", "rolling_windows", "spans")
        }
        statistics = checked_statistics(self.rolling_statistics)
        if counts["rolling_windows"] and not statistics:
            raise ValueError("rolling_windows are given, but rolling_statistics is empty.")
        features = [
            *(Feature("lag", k) for k in counts["lags"]),
            *(Feature("diff", k) for k in counts["differences"]),
            *(Feature("rate", k) for k in counts["rates"]),
            *(Feature(what, w) for w in counts["rolling_windows"] for what in statistics),
            *(Feature("ema", s) for s in counts["spans"]),
        ]
        if self.keep_original:
            return [Feature("original", 0), *features]
        if not features:
            raise ValueError(
                "There would be no output channel: set keep_original=True or request a feature."
            )
        return features

    def transform(self, X):
        """Compute the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays of shape (n_timesteps_i, n_channels)
            Sequences in the form passed to `fit`, without gaps.

        Returns
        -------
        X : ndarray or list of ndarrays
            The same form with ``n_channels * n_features`` channels, float32 if X is, else float64;
            `n_features` includes the original channels if they are kept.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the number of channels or columns differs from that in `fit`, if X holds NaN or
            infinity, or values so large that a feature overflows.
        """
        sequences, form = self._read(X, reset=False)
        n_steps, n_channels = sequences.values.shape
        out = np.empty((n_steps, len(self._features), n_channels), sequences.values.dtype)
        past = Past(sequences)
        for i, feature in enumerate(self._features):
            with np.errstate(over="ignore", invalid="ignore"):
                out[:, i] = past.compute(feature)
            if not np.isfinite(out[:, i]).all():
                step, channel = np.argwhere(~np.isfinite(out[:, i]))[0]
                raise ValueError(
                    f"{feature.name} overflows {out.dtype} at {place(sequences, step)}, channel "
                    f"{channel}; scale X, or leave this feature out."
                )
        return form.restore(out.reshape(n_steps, -1), sequences.lengths)

    def _names_out(self, names):
        endings = ["" if f.kind == "original" else f"_{f.name}" for f in self._features]
        steps = names.reshape(-1, self.n_channels_)
        named = [name + ending for step in steps for ending in endings for name in step]
        return np.array(named, dtype=object)


class Feature(NamedTuple):
    """A feature of every channel: "lag", "diff", "mean", ... over a number of steps."""

    kind: str
    steps: int

    @property
    def name(self):
        """Suffix of column names."""
        return f"{self.kind}{self.steps}"


class Past:
    """Features of contiguous sequences, each (n_steps, n_channels)."""

    def __init__(self, sequences):
        self.sequences = sequences
        self.values = sequences.values
        self.positions = positions(sequences)
        self._window = None, None

    def compute(self, feature):
        """One feature, float32 or float64."""
        kind, steps = feature
        if kind == "original":
            return self.values
        if kind == "ema":
            return self._moving_average(2 / (steps + 1))
        if kind in ("min", "max"):
            return self._extreme({"min": np.minimum, "max": np.maximum}[kind], steps)
        if kind in ("mean", "std"):
            mean, squares = self._mean_and_squares(steps)
            return self._unit * (mean if kind == "mean" else np.sqrt(squares / self._count(steps)))
        past = self.values[self._before(steps)]
        if kind == "lag":
            return past
        if kind == "diff":
            return self.values - past
        unit = np.ldexp(1.0, exponents_of(np.abs(past)))
        difference = self.values / unit - past / unit
        before = np.abs(past) / unit
        return np.divide(difference, before, out=np.zeros_like(before), where=past != 0)

    @cached_property
    def _unit(self):
        """A power of two near the largest value of each sequence and channel, for each step.

        In such units, squares and distances neither overflow nor vanish.
        """
        largest = np.maximum.reduceat(np.abs(self.values), self.sequences.starts)
        unit = np.ldexp(1.0, exponents_of(largest))
        return np.repeat(unit, self.sequences.lengths, axis=0)

    def _count(self, window):
        """Steps in the window that ends at each step, (n_steps, 1)."""
        return np.minimum(self.positions + 1, window)[:, None]

    def _before(self, steps):
        """Index of the step that many steps earlier, or of the first step of the sequence."""
        return np.arange(len(self.positions)) - np.minimum(self.positions, steps)

    def _joined(self, window, single, join):
        """A statistic of windows, combined from windows of 1, 2, 4, ... steps.

        ``join(ending, earlier, n_ending, n_earlier)`` combines windows that end at each step with
        those that end before them; both are indexed by their last step. If there are no earlier
        steps, `earlier` at `_before` is that of the first step alone.
        """
        whole, length = None, 0
        power, size = single, 1
        while True:
            if window & size:
                whole = power if whole is None else join(whole, power, length, size)
                length += size
            if 2 * size > window:
                return whole
            power = join(power, power, size, size)
            size *= 2

    def _extreme(self, function, window):
        def join(ending, earlier, n_ending, n_earlier):
            return function(ending, earlier[self._before(n_ending)])

        return self._joined(window, self.values, join)

    def _mean_and_squares(self, window):
        """Means and sums of squared deviations from them, float64 and in `_unit`."""
        if self._window[0] == window:
            return self._window[1]

        def join(ending, earlier, n_ending, n_earlier):
            before = self._before(n_ending)
            (mean, squares), (earlier_mean, earlier_squares) = ending, earlier
            here = self._count(n_ending)
            there = np.clip(self.positions + 1 - n_ending, 0, n_earlier)[:, None]
            share = there / (here + there)  # 0 where no step is there
            difference = earlier_mean[before] - mean
            squares = squares + earlier_squares[before] + difference**2 * (here * share)
            return mean + difference * share, squares

        values = self.values / self._unit
        self._window = window, self._joined(window, (values, np.zeros_like(values)), join)
        return self._window[1]

    def _moving_average(self, alpha):
        averages = np.empty_like(self.values)
        for values, put in side_by_side(self.sequences):
            unit = np.ldexp(1.0, exponents_of(np.fmax.reduce(np.abs(values), axis=0)))
            values /= unit
            for step in range(1, len(values)):
                values[step] = values[step - 1] + alpha * (values[step] - values[step - 1])
            steps, done = put(values * unit)
            averages[steps] = done
        return averages


def checked_counts(name, counts):
    """A parameter as a list of distinct positive integers."""
    counts = list(counts)
    for count in counts:
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
            raise ValueError(
                f"{name} must hold positive integers (numbers of steps), got {plain(count)!r}."
            )
    return [min(int(count), FAR_BACK) for count in without_repetition(name, counts)]


def checked_statistics(statistics):
    """rolling_statistics as a list."""
    statistics = list(statistics)
    for statistic in statistics:
        if not isinstance(statistic, str) or statistic not in STATISTICS:
            raise ValueError(
                f"rolling_statistics must hold some of {', '.join(map(repr, STATISTICS))}, got "
                f"{plain(statistic)!r}."
            )
    return without_repetition("rolling_statistics", statistics)


def without_repetition(name, entries):
    """The entries, if they are distinct."""
    if len(set(entries)) < len(entries):
        raise ValueError(f"{name} holds an entry twice: {entries}.")
    return entries
