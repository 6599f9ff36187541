"""scikit-learn's scalers over the steps of sequences, for values of any magnitude.

Parameters, attributes and formulas are scikit-learn's. The arithmetic is done here, because there
a range below 1e-6 in float32 (2e-15 in float64) counts as none, squares and ranges of large values
overflow, float32 data are scaled in float32 by a product and a sum that cancel, and `partial_fit`
truncates sums of weights and keeps NaN once a part had no value in a column.
"""

from copy import copy

import numpy as np
from scipy.stats import norm
from sklearn.base import _fit_context
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils._param_validation import StrOptions

from .._statistics import CHUNK, Scaling, joined, moments_of, quantile_scaling
from .._validation._errors import working_copy
from .._validation._sample_weight import checked_weights
from ._base import POSITIVE_INTEGER, SequenceTransformer
from ._steps import place


def statistic(name, meaning):
    """A property: what the scaler learned, by channel or by time step and channel."""

    def learned(self):
        values = getattr(self.scaler_, name)
        if self._length is None or np.ndim(values) == 0:
            return values
        return values.reshape(self._length, self.n_channels_)

    return property(learned, doc=f"{meaning}.")


class SequenceScaler(SequenceTransformer):
    """One of scikit-learn's scalers.

    It sees steps (n_steps, n_channels) or, where each time step has statistics of its own, rows
    (n_samples, n_timesteps * n_channels). A subclass defines

    - `_new_scaler`, which checks the parameters and returns scikit-learn's scaler, not fitted;
    - `_learn_rows`, which sets the statistics of that scaler and returns the `Scaling` of the rows;
    - where it does more than that, `_finished` and its inverse `_begun`.
    """

    _allows_gaps = True
    _parameter_constraints = {
        "per": [StrOptions({"channel", "timestep"})],
        "n_timesteps": [POSITIVE_INTEGER, None],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the statistics of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                a list or object array of n_samples arrays of shape (n_timesteps_i, n_channels)
            Numbers; NaN is ignored.
        y : None
            Ignored.

        Returns
        -------
        SequenceScaler
            Itself.

        Raises
        ------
        ValueError
            If X holds infinity, or a sequence of nothing but NaN; if sequences differ in their
            channels or, for ``per="timestep"``, in their lengths.
        """
        return self._learn(X, reset=True)

    def transform(self, X):
        """Scale X.

        Parameters
        ----------
        X : array-like of the form that was fitted
            Numbers; NaN stays NaN. For ``per="timestep"`` sequences have the fitted length.

        Returns
        -------
        ndarray or list
            Of the form and shape of X; float32 if X is, else float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other channels or columns than fitted, holds infinity, or lies so far from the
            fitted values that the result overflows; for ``per="timestep"`` also if a sequence has
            another length.
        """
        return self._scaled(*self._read(X, reset=False), inverse=False)

    def inverse_transform(self, X):
        """Undo the scaling.

        Parameters
        ----------
        X : array-like of the form that was fitted
            Scaled numbers; NaN stays NaN.

        Returns
        -------
        ndarray or list
            Of the form and shape of X; float32 if X is, else float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            As in `transform`.
        """
        return self._scaled(*self._read_back(X), inverse=True)

    def _learn(self, X, *, reset, sample_weight=None):
        """Learn statistics, with `reset` anew, otherwise together with what was learned before."""
        with working_copy(self) as fitted:
            sequences, _ = fitted._read(X, reset=reset)
            if reset:
                # Steps of each sequence; None for a statistic over all steps.
                fitted._length = int(sequences.lengths[0]) if fitted.per == "timestep" else None
            rows = fitted._rows(sequences)
            weights = None
            if sample_weight is not None:
                n_rows = sequences.lengths if fitted._length is None else 1  # of each sequence
                weights = np.repeat(checked_weights(sample_weight, sequences), n_rows)
            scaler = fitted._new_scaler() if reset else copy(fitted.scaler_)
            with np.errstate(over="ignore"):  # what float64 cannot hold is infinite
                scaling = fitted._learn_rows(scaler, rows, weights, reset=reset)
            fitted._scaling = scaling.in_plain_units()
            scaler.n_features_in_ = rows.shape[1]
            fitted.scaler_ = scaler
        return self

    def _learn_moments(self, rows, weights, *, reset):
        """The Moments of all rows so far."""
        moments = moments_of(rows, weights)
        self._moments = moments if reset else joined(self._moments, moments)
        return self._moments

    def _learn_more(self, X, sample_weight=None):
        """Learn one more part of the data."""
        return self._learn(X, reset=not hasattr(self, "scaler_"), sample_weight=sample_weight)

    def _rows(self, sequences):
        """What the scaler reads: steps, or whole sequences of the fitted length."""
        if self._length is None:
            return sequences.values
        others = np.flatnonzero(sequences.lengths != self._length)
        if len(others):
            sample = others[0]
            raise ValueError(
                f"Sample {sample} has {sequences.lengths[sample]} steps, but with per='timestep' "
                f"{self.__class__.__name__} has statistics for each of {self._length} steps. "
                "Bring all sequences to one length, or scale them per='channel'."
            )
        return sequences.values.reshape(len(sequences), -1)

    def _scaled(self, sequences, form, *, inverse):
        rows = self._rows(sequences)
        changed = np.empty_like(rows)
        size = max(1, CHUNK // rows.shape[1])
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                if inverse:
                    part = self._scaling.restored(self._begun(part), rows.dtype)
                else:
                    part = self._finished(self._scaling.scaled(part))
                changed[start : start + size] = part
        is_known = ~np.isnan(self._scaling.scale)
        overflows = ~np.isfinite(changed) & np.isfinite(rows) & is_known
        changed = changed.reshape(-1, self.n_channels_)
        if overflows.any():
            step, channel = np.argwhere(overflows.reshape(changed.shape))[0]
            raise ValueError(
                f"The value at {place(sequences, step)}, channel {channel} is so far from those "
                f"that {self.__class__.__name__} was fitted to that the result overflows "
                f"{changed.dtype}. Clip X, or fit on data of its magnitude."
            )
        return form.restore(changed, sequences.lengths)

    def _finished(self, scaled):
        """What comes out, of rows scaled in float64."""
        return scaled

    def _begun(self, rows):
        """Undo `_finished`, in float64."""
        return rows.astype(np.float64)


class SequenceStandardScaler(SequenceScaler):
    """Scale sequences to zero mean and unit variance, as scikit-learn's `StandardScaler` does.

    Parameters
    ----------
    per : {"channel", "timestep"}, default="channel"
        What has statistics of its own: each channel, over all steps of all sequences; or each pair
        of time step and channel, over all sequences, which must then have one length.
    n_timesteps : int, default=None
        Steps of each row of 2-D X; None reads one column as one step of a single channel, so that
        ``per="channel"`` has one mean for all columns, and ``per="timestep"`` one for each, as
        `StandardScaler` has.
    with_mean : bool, default=True
        Whether to subtract the mean.
    with_std : bool, default=True
        Whether to divide by the standard deviation, unless it is zero.

    Attributes
    ----------
    mean_, var_, scale_ : ndarray of shape (n_channels,) or (n_timesteps, n_channels), or None
        Mean, variance and what is divided by, as `StandardScaler` has them. A variance that
        float64 cannot hold is infinite or 0; the scaling does not suffer.
    n_samples_seen_ : int, float or ndarray of the shape of `mean_`
        Number (or weight) of the steps seen in each channel, for ``per="timestep"`` that of
        sequences; an array where it differs as NaN is missing.
    scaler_ : StandardScaler
        scikit-learn's, with these statistics: of steps (n_steps, n_channels), or of rows
        (n_samples, n_timesteps * n_channels).
    n_channels_ : int
        Channels of a step.
    n_features_in_ : int
        Columns of 2-D X, else channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns, where X was a DataFrame with names that are strings; those of channels,
        where it was a list of such DataFrames.

    See Also
    --------
    SequenceRobustScaler : Is not misled by outliers.

    Notes
    -----
    2-D X, 3-D X and lists or object arrays of sequences come back in the form that they had. Steps
    at the end of an entry of 3-D X that are NaN in every channel are padding: they enter no
    statistic. Other NaN are ignored in `fit` and passed on. A channel without any number has
    statistics of NaN, as in scikit-learn: all that is scaled by them becomes NaN.

    The unit of a channel does not matter: volts or microvolts give the same, to the last bit where
    their ratio is a power of two. No spread is so small that it counts as none, unless the values
    of the channel differ by no more than float64 rounds (4 units of their last place). float32 X
    is scaled as the same numbers in float64 are, and rounded at the end.

    ``per="timestep"`` is how the code published with FastGRNN [1]_ normalises its data.

    References
    ----------
    .. [1] Microsoft EdgeML, ``preProcessData`` in examples/pytorch/FastCells/helpermethods.py.

    Examples
    --------
    >>> import numpy as np
    >>> from skfastgrnn.preprocessing import SequenceStandardScaler
    >>> X = [np.array([[1.0, 40.0], [3.0, 10.0]]), np.array([[5.0, 10.0]])]  # 2 steps and 1 step
    >>> scaler = SequenceStandardScaler().fit(X)
    >>> scaler.mean_
    array([ 3., 20.])
    >>> [sequence.round(2).tolist() for sequence in scaler.transform(X)]
    [[[-1.22, 1.41], [0.0, -0.71]], [[1.22, -0.71]]]
    """

    _parameter_constraints = {
        **SequenceScaler._parameter_constraints,
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
    }

    mean_ = statistic("mean_", "Mean; None where neither it nor the deviation is needed")
    var_ = statistic("var_", "Variance; None with ``with_std=False``")
    scale_ = statistic("scale_", "Standard deviation, or 1 where it is zero; None without")
    n_samples_seen_ = statistic("n_samples_seen_", "Steps, or sequences, that statistics are of")

    def __init__(self, *, per="channel", n_timesteps=None, with_mean=True, with_std=True):
        self.per = per
        self.n_timesteps = n_timesteps
        self.with_mean = with_mean
        self.with_std = with_std

    def _new_scaler(self):
        return StandardScaler(with_mean=self.with_mean, with_std=self.with_std)

    def _learn_rows(self, scaler, rows, weights, *, reset):
        moments = self._learn_moments(rows, weights, reset=reset)
        is_weighted = weights is not None
        if not reset:
            is_weighted |= np.asarray(scaler.n_samples_seen_).dtype.kind == "f"
        counts = moments.weight if is_weighted else moments.weight.astype(np.int64)
        scaler.n_samples_seen_ = counts[0] if (counts == counts[0]).all() else counts
        unit, deviation = moments.unit, moments.measure(np.sqrt(moments.variance))
        has_mean = scaler.with_mean or scaler.with_std
        scaler.mean_ = moments.mean * unit if has_mean else None
        scaler.var_ = moments.variance * unit * unit if scaler.with_std else None
        scaler.scale_ = deviation * unit if scaler.with_std else None
        return Scaling(
            moments.exponent,
            offset=moments.mean if scaler.with_mean else np.zeros_like(unit),
            scale=deviation if scaler.with_std else 1 / unit,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn mean and variance of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                a list or object array of n_samples arrays of shape (n_timesteps_i, n_channels)
            Numbers; NaN is ignored.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of sequences: each counts for every step of its sequence.

        Returns
        -------
        SequenceStandardScaler
            Itself.

        Raises
        ------
        ValueError
            If X holds infinity, or a sequence of nothing but NaN; if sequences differ in their
            channels or, for ``per="timestep"``, in their lengths; if weights are negative, or all
            are zero.
        """
        return self._learn(X, reset=True, sample_weight=sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn mean and variance of X together with all that was seen since the last `fit`.

        Parameters
        ----------
        X : array-like of the form that was fitted
            One part of the data. With `per` "timestep", all parts have sequences of one length.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of sequences.

        Returns
        -------
        SequenceStandardScaler
            Itself. Parameters are those of the first part.

        Raises
        ------
        ValueError
            As in `fit`, and if X has other channels or columns than before. Nothing of such a part
            is learned.
        """
        return self._learn_more(X, sample_weight)


class SequenceMinMaxScaler(SequenceScaler):
    """Scale sequences to a range, as scikit-learn's `MinMaxScaler` does.

    Parameters
    ----------
    feature_range : tuple of (min, max), default=(0, 1)
        Where the least and the largest training value of a channel are put.
    clip : bool, default=False
        Whether values beyond those seen in `fit` are put at the border of the range; what is
        clipped cannot be transformed back.
    per : {"channel", "timestep"}, default="channel"
        What has statistics of its own: each channel, over all steps of all sequences; or each pair
        of time step and channel, over all sequences, which must then have one length.
    n_timesteps : int, default=None
        Steps of each row of 2-D X; None reads one column as one step of a single channel.

    Attributes
    ----------
    data_min_, data_max_, data_range_ : ndarray of shape (n_channels,) or (n_timesteps, n_channels)
        Least and largest value, and the distance between them (infinite where float64 cannot hold
        it; the scaling does not suffer).
    scale_, min_ : ndarray of shape (n_channels,) or (n_timesteps, n_channels)
        What X is multiplied by, and what is then added.
    n_samples_seen_ : int
        Number of steps seen, for ``per="timestep"`` that of sequences.
    scaler_ : MinMaxScaler
        scikit-learn's, with these statistics: of steps (n_steps, n_channels), or of rows
        (n_samples, n_timesteps * n_channels).
    n_channels_ : int
        Channels of a step.
    n_features_in_ : int
        Columns of 2-D X, else channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns, where X was a DataFrame with names that are strings; those of channels,
        where it was a list of such DataFrames.

    See Also
    --------
    SequenceStandardScaler : Its notes on forms of X, NaN and units hold here, too.

    Examples
    --------
    >>> import numpy as np
    >>> from skfastgrnn.preprocessing import SequenceMinMaxScaler
    >>> X = np.array([[0.0, 10.0, 20.0], [5.0, 15.0, 40.0]])  # 3 steps of one channel
    >>> SequenceMinMaxScaler().fit_transform(X)
    array([[0.   , 0.25 , 0.5  ],
           [0.125, 0.375, 1.   ]])
    >>> SequenceMinMaxScaler(per="timestep").fit_transform(X)
    array([[0., 0., 0.],
           [1., 1., 1.]])
    """

    _parameter_constraints = {
        **SequenceScaler._parameter_constraints,
        "feature_range": [tuple],
        "clip": ["boolean"],
    }

    data_min_ = statistic("data_min_", "Least value")
    data_max_ = statistic("data_max_", "Largest value")
    data_range_ = statistic("data_range_", "Distance from the least to the largest value")
    scale_ = statistic("scale_", "What X is multiplied by")
    min_ = statistic("min_", "What is added to the product")
    n_samples_seen_ = statistic("n_samples_seen_", "Steps, or sequences, that statistics are of")

    def __init__(self, feature_range=(0, 1), *, clip=False, per="channel", n_timesteps=None):
        self.feature_range = feature_range
        self.clip = clip
        self.per = per
        self.n_timesteps = n_timesteps

    def _new_scaler(self):
        least, most = self.feature_range
        if not (least < most and np.isfinite(np.float64(most) - least)):
            raise ValueError(
                "Minimum of desired feature range must be smaller than maximum, and their distance "
                f"finite. Got {self.feature_range}."
            )
        return MinMaxScaler(self.feature_range, clip=self.clip)

    def _learn_rows(self, scaler, rows, weights, *, reset):
        moments = self._learn_moments(rows, weights, reset=reset)
        unit, distance = moments.unit, moments.most - moments.least
        scale = moments.measure(distance)
        least, most = scaler.feature_range
        scaler.data_min_, scaler.data_max_ = moments.least * unit, moments.most * unit
        scaler.data_range_ = distance * unit
        scaler.scale_ = (most - least) / scale / unit
        scaler.min_ = least - moments.least / scale * (most - least)
        scaler.n_samples_seen_ = len(rows) + (0 if reset else scaler.n_samples_seen_)
        return Scaling(moments.exponent, offset=moments.least, scale=scale)

    def _finished(self, scaled):
        """From [0, 1] to the range, whose ends are met exactly."""
        if self.scaler_.clip:
            scaled = np.clip(scaled, 0.0, 1.0)
        least, most = self.scaler_.feature_range
        return least * (1 - scaled) + most * scaled

    def _begun(self, rows):
        least, most = self.scaler_.feature_range
        return (rows.astype(np.float64) - least) / (most - least)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Learn the range of X together with all that was seen since the last `fit`.

        Parameters
        ----------
        X : array-like of the form that was fitted
            One part of the data. With `per` "timestep", all parts have sequences of one length.
        y : None
            Ignored.

        Returns
        -------
        SequenceMinMaxScaler
            Itself. Parameters are those of the first part.

        Raises
        ------
        ValueError
            As in `fit`, and if X has other channels or columns than before. Nothing of such a part
            is learned.
        """
        return self._learn_more(X)


class SequenceRobustScaler(SequenceScaler):
    """Scale sequences by median and quantiles, as scikit-learn's `RobustScaler` does.

    Parameters
    ----------
    with_centering : bool, default=True
        Whether to subtract the median.
    with_scaling : bool, default=True
        Whether to divide by the distance between the quantiles. Where that is zero although the
        channel varies (more than half of its values are equal, say), the standard deviation takes
        its place; scikit-learn divides by 1, which depends on the unit of the channel.
    quantile_range : tuple of (q_min, q_max), default=(25.0, 75.0)
        The quantiles, in percent.
    unit_variance : bool, default=False
        Whether to divide such that normally distributed values have unit variance. The quantiles
        must then differ, and be other than 0 and 100.
    per : {"channel", "timestep"}, default="channel"
        What has statistics of its own: each channel, over all steps of all sequences; or each pair
        of time step and channel, over all sequences, which must then have one length.
    n_timesteps : int, default=None
        Steps of each row of 2-D X; None reads one column as one step of a single channel.

    Attributes
    ----------
    center_, scale_ : ndarray of shape (n_channels,) or (n_timesteps, n_channels), or None
        The median, and what is divided by.
    scaler_ : RobustScaler
        scikit-learn's, with these statistics: of steps (n_steps, n_channels), or of rows
        (n_samples, n_timesteps * n_channels).
    n_channels_ : int
        Channels of a step.
    n_features_in_ : int
        Columns of 2-D X, else channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns, where X was a DataFrame with names that are strings; those of channels,
        where it was a list of such DataFrames.

    See Also
    --------
    SequenceStandardScaler : Its notes on forms of X, NaN and units hold here, too.

    Examples
    --------
    >>> import numpy as np
    >>> from skfastgrnn.preprocessing import SequenceRobustScaler
    >>> X = [np.array([1.0, 2.0, 1000.0]), np.array([3.0, 4.0])]
    >>> scaler = SequenceRobustScaler()
    >>> [sequence.tolist() for sequence in scaler.fit_transform(X)]
    [[-1.0, -0.5, 498.5], [0.0, 0.5]]
    >>> scaler.center_
    array([3.])
    """

    _parameter_constraints = {
        **SequenceScaler._parameter_constraints,
        "with_centering": ["boolean"],
        "with_scaling": ["boolean"],
        "quantile_range": [tuple],
        "unit_variance": ["boolean"],
    }

    center_ = statistic("center_", "Median; None with ``with_centering=False``")
    scale_ = statistic("scale_", "What is divided by; None with ``with_scaling=False``")

    def __init__(
        self,
        *,
        with_centering=True,
        with_scaling=True,
        quantile_range=(25.0, 75.0),
        unit_variance=False,
        per="channel",
        n_timesteps=None,
    ):
        self.with_centering = with_centering
        self.with_scaling = with_scaling
        self.quantile_range = quantile_range
        self.unit_variance = unit_variance
        self.per = per
        self.n_timesteps = n_timesteps

    def _new_scaler(self):
        if len(self.quantile_range) != 2 or not (
            0 <= self.quantile_range[0] <= self.quantile_range[1] <= 100
        ):
            raise ValueError(f"Invalid quantile range: {self.quantile_range}")
        if self.unit_variance and not 0 < self._normal_distance() < np.inf:
            raise ValueError(
                "With unit_variance=True the two quantiles must differ, and be other than 0 and "
                "100, which normal distributions do not have. Got "
                f"quantile_range={self.quantile_range}."
            )
        return RobustScaler(
            with_centering=self.with_centering,
            with_scaling=self.with_scaling,
            quantile_range=self.quantile_range,
            unit_variance=self.unit_variance,
        )

    def _normal_distance(self):
        """Distance between the two quantiles of the standard normal distribution."""
        lower, upper = norm.ppf(np.divide(self.quantile_range, 100.0))
        return upper - lower

    def _learn_rows(self, scaler, rows, weights, *, reset):
        factor = 1 / self._normal_distance() if self.unit_variance else 1.0
        columns = [quantile_scaling(column, self.quantile_range, factor) for column in rows.T]
        exponent, center, spread = (np.array(part) for part in zip(*columns, strict=True))
        unit = np.ldexp(1.0, exponent)
        scaler.center_ = center * unit if self.with_centering else None
        scaler.scale_ = spread * unit if self.with_scaling else None
        return Scaling(
            exponent,
            offset=center if self.with_centering else np.zeros_like(unit),
            scale=spread if self.with_scaling else 1 / unit,
        )
