"""TemporalFeatures: what changes, and how fast, as additional channels."""

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

#: No sequence is longer, and an index has room for it.
FAR_BACK = 1 << 40
STATISTICS = ("mean", "std", "min", "max")


class TemporalFeatures(SequenceTransformer):
    """Add channels that tell of the past: lags, changes, rolling statistics, moving averages.

    A small network has few hidden units to remember with; these channels do it for them. All look
    back only, never ahead, so a stream gets the features of its recording, and no step is lost:
    the first ones use what there is.

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
        as many as there are.

    rolling_statistics : sequence of {'mean', 'std', 'min', 'max'}, default=('mean', 'std')
        What is told of rolling windows; 'std' is the standard deviation of the population.

    spans : sequence of int, default=()
        Values of s: adds the exponential moving average [1]_ ``e[t] = e[t - 1] + alpha * (x[t] -
        e[t - 1])`` with ``alpha = 2 / (s + 1)``, which begins with the first value.

    keep_original : bool, default=True
        Whether the channels of X come too, before the others.

    n_timesteps : int or None, default=None
        How to read 2-D X. ``None``: a row is a univariate series, one column a step. ``T``: a row
        holds T steps of ``n_columns / T`` channels, one step after the other. 3-D X does not need
        it.

    Attributes
    ----------
    n_channels_ : int
        Channels of a step of X, before any are added.

    n_features_in_ : int
        Columns of 2-D X, channels of any other.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns, where X was a DataFrame with names that are strings; those of channels,
        where it was a list of such DataFrames.

    See Also
    --------
    sliding_windows : Cuts a long series into sequences.

    Notes
    -----
    The channels of a step are ordered by feature: all channels of X, their first lag, and so on in
    the order of the parameters, for each rolling window all its statistics. ``x[t - k]`` before the
    beginning of a sequence is its first value, so differences and rates are 0 there.

    Rolling mean and deviation join those of shorter windows as Chan, Golub and LeVeque do [2]_:
    nothing is subtracted from running totals, so a small spread about a large mean is not lost,
    and a sequence is computed alike to the last bit whatever comes before and after it.

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
            If a parameter is no sequence of different positive integers or known statistics, if no
            channel would come out, or if X holds NaN or infinity.
        """
        features = self._checked_features()
        with working_copy(self) as fitted:
            fitted._read(X, reset=True)
            fitted._features = features
        return self

    def _checked_features(self):
        """The features that parameters ask for, in their order."""
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
                "No channel would come out: set keep_original=True or ask for a feature."
            )
        return features

    def transform(self, X):
        """Compute the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays of shape (n_timesteps_i, n_channels)
            Sequences of the form that was fitted, without gaps.

        Returns
        -------
        X : ndarray or list of ndarrays
            The same form with ``n_channels * n_features`` channels, float32 where X is and float64
            otherwise; `n_features` counts the original channels too, where they are kept.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has another number of channels or columns than fitted, holds NaN or infinity, or
            values so large that a feature overflows.
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
    """What is computed of every channel: "lag", "diff", "mean", ... over so many steps."""

    kind: str
    steps: int

    @property
    def name(self):
        """As in the names of columns."""
        return f"{self.kind}{self.steps}"


class Past:
    """Features of sequences that lie one after the other, each (n_steps, n_channels)."""

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
        """Index of the step so many before each one, or of the first of its sequence."""
        return np.arange(len(self.positions)) - np.minimum(self.positions, steps)

    def _joined(self, window, single, join):
        """The statistic of windows, joined from those of windows of 1, 2, 4, ... steps.

        ``join(ending, earlier, n_ending, n_earlier)`` joins windows that end at each step with
        those that end before them; both are given by their last step. Where there are no earlier
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
    """A parameter as a list of different positive integers."""
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
    """The same entries, if all differ."""
    if len(set(entries)) < len(entries):
        raise ValueError(f"{name} holds an entry twice: {entries}.")
    return entries
