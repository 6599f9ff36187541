"""scikit-learn's scalers over the steps of sequences, for values of any magnitude.

Parameters, attributes and formulas are scikit-learn's. The arithmetic is done here, because in
scikit-learn a range below 1e-6 in float32 (2e-15 in float64) counts as zero, squares and ranges of
large values overflow, float32 data are scaled in float32 by a product and a sum that cancel, and
`partial_fit` truncates sums of weights and keeps NaN once a batch had no value in a column.
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
    """Property: a fitted statistic, by channel or by time step and channel."""

    def learned(self):
        values = getattr(self.scaler_, name)
        if self._length is None or np.ndim(values) == 0:
            return values
        return values.reshape(self._length, self.n_channels_)

    return property(learned, doc=f"{meaning}.")


class SequenceScaler(SequenceTransformer):
    """Base class of the scalers.

    `scaler_` is fitted on steps (n_steps, n_channels) or, with separate statistics for each time
    step, on rows (n_samples, n_timesteps * n_channels). A subclass defines

    - `_new_scaler`, which checks the parameters and returns scikit-learn's unfitted scaler;
    - `_learn_rows`, which sets the statistics of that scaler and returns the `Scaling` of the rows;
    - if further steps follow the scaling, `_finished` and its inverse `_begun`.
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
            If X holds infinity, or an all-NaN sequence; if sequences differ in their channels or,
            for ``per="timestep"``, in their lengths.
        """
        return self._learn(X, reset=True)

    def transform(self, X):
        """Scale X.

        Parameters
        ----------
        X : array-like in the form passed to `fit`
            Numbers; NaN stays NaN. With ``per="timestep"`` sequences must have the length seen in
            `fit`.

        Returns
        -------
        ndarray or list
            Of the form and shape of X; float32 if X is, else float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other channels or columns than in `fit`, holds infinity, or is so far from the
            fitted values that the result overflows; with ``per="timestep"`` also if a sequence has
            another length.
        """
        return self._scaled(*self._read(X, reset=False), inverse=False)

    def inverse_transform(self, X):
        """Undo the scaling.

        Parameters
        ----------
        X : array-like in the form passed to `fit`
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
        """Learn statistics, with `reset` from X alone, otherwise in addition to earlier data."""
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
        """Learn from a further batch of the data."""
        return self._learn(X, reset=not hasattr(self, "scaler_"), sample_weight=sample_weight)

    def _rows(self, sequences):
        """Input of the scaler: steps, or whole sequences of the fitted length."""
        if self._length is None:
            return sequences.values
        others = np.flatnonzero(sequences.lengths != self._length)
        if len(others):
            sample = others[0]
            raise ValueError(
                f"Sample {sample} has {sequences.lengths[sample]} steps, but with per='timestep' "
                f"{self.__class__.__name__} has statistics for each of {self._length} steps. "
                "Bring all sequences to the same length, or use per='channel'."
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
                f"that {self.__class__.__name__} was fitted on that the result overflows "
                f"{changed.dtype}. Clip X, or fit on data of its magnitude."
            )
        return form.restore(changed, sequences.lengths)

    def _finished(self, scaled):
        """Final output for rows scaled in float64."""
        return scaled

    def _begun(self, rows):
        """Undo `_finished`, in float64."""
        return rows.astype(np.float64)


class SequenceStandardScaler(SequenceScaler):
    """Scale sequences to zero mean and unit variance, as scikit-learn's `StandardScaler` does.

    Parameters
    ----------
    per : {"channel", "timestep"}, default="channel"
        Whether to compute statistics for each channel, over all steps of all sequences, or for each
        pair of time step and channel, over all sequences, which must then have the same length.
    n_timesteps : int, default=None
        Steps of each row of 2-D X; None reads each column as one step of a single channel.
    with_mean : bool, default=True
        Whether to subtract the mean.
    with_std : bool, default=True
        Whether to divide by the standard deviation, unless it is zero.

    Attributes
    ----------
    mean_, var_, scale_ : ndarray of shape (n_channels,) or (n_timesteps, n_channels), or None
        Mean, variance and divisor, as in `StandardScaler`. A variance beyond the range of float64
        is infinite or 0, without effect on the scaling.
    n_samples_seen_ : int, float or ndarray of the shape of `mean_`
        Number (or total weight) of the steps seen in each channel, with ``per="timestep"`` of the
        sequences; an array if it differs between channels because of NaN.
    scaler_ : StandardScaler
        scikit-learn's scaler with these statistics, for steps (n_steps, n_channels) or rows
        (n_samples, n_timesteps * n_channels).
    n_channels_ : int
        Number of channels.
    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns if X was a DataFrame with string column names; names of channels if it was
        a list of such DataFrames.

    See Also
    --------
    SequenceRobustScaler : Is robust to outliers.

    Notes
    -----
    2-D X, 3-D X and lists or object arrays of sequences are returned in the same form. Trailing
    steps of an entry of 3-D X that are NaN in every channel are padding, and ignored. Other NaN are
    ignored in `fit` and passed through. A channel without any number has statistics of NaN, as in
    scikit-learn, and becomes NaN when scaled. With 2-D X and ``n_timesteps=None``,
    ``per="channel"`` has one mean for all columns, and ``per="timestep"`` one for each, as in
    `StandardScaler`.

    The unit of a channel does not matter: volts or microvolts give the same result, to the last bit
    if their ratio is a power of two. No spread counts as zero unless the values of the channel are
    equal up to float64 rounding (4 units in the last place). float32 X is scaled in float64, and
    rounded at the end.

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

    mean_ = statistic("mean_", "Mean; None if neither it nor the deviation is needed")
    var_ = statistic("var_", "Variance; None with ``with_std=False``")
    scale_ = statistic(
        "scale_", "Standard deviation, or 1 if it is zero; None with ``with_std=False``"
    )
    n_samples_seen_ = statistic("n_samples_seen_", "Steps, or sequences, that statistics are of")

    def __init__(
        self,
        *,
        per: str = "channel",
        n_timesteps: int | None = None,
        with_mean: bool = True,
        with_std: bool = True,
    ) -> None:
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
            Weights of sequences; each applies to every step of its sequence.

        Returns
        -------
        SequenceStandardScaler
            Itself.

        Raises
        ------
        ValueError
            If X holds infinity, or an all-NaN sequence; if sequences differ in their channels or,
            for ``per="timestep"``, in their lengths; if weights are negative, or all are zero.
        """
        return self._learn(X, reset=True, sample_weight=sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Update mean and variance with X, in addition to all data since the last `fit`.

        Parameters
        ----------
        X : array-like in the form passed to `fit`
            A batch of the data. With ``per="timestep"``, all batches have sequences of the same
            length.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of sequences.

        Returns
        -------
        SequenceStandardScaler
            Itself. Parameters are those at the first batch.

        Raises
        ------
        ValueError
            As in `fit`, and if X has other channels or columns than before. Such a batch is
            ignored.
        """
        return self._learn_more(X, sample_weight)


class SequenceMinMaxScaler(SequenceScaler):
    """Scale sequences to a range, as scikit-learn's `MinMaxScaler` does.

    Parameters
    ----------
    feature_range : tuple of (min, max), default=(0, 1)
        Range to which the values of a channel in training are mapped.
    clip : bool, default=False
        Whether values beyond those seen in `fit` are clipped to the range; clipped values cannot be
        transformed back.
    per : {"channel", "timestep"}, default="channel"
        Whether to compute statistics for each channel, over all steps of all sequences, or for each
        pair of time step and channel, over all sequences, which must then have the same length.
    n_timesteps : int, default=None
        Steps of each row of 2-D X; None reads each column as one step of a single channel.

    Attributes
    ----------
    data_min_, data_max_, data_range_ : ndarray of shape (n_channels,) or (n_timesteps, n_channels)
        Minimum, maximum and their difference (infinite beyond the range of float64, without effect
        on the scaling).
    scale_, min_ : ndarray of shape (n_channels,) or (n_timesteps, n_channels)
        Factor that X is multiplied by, and the offset then added.
    n_samples_seen_ : int
        Number of steps seen, with ``per="timestep"`` of sequences.
    scaler_ : MinMaxScaler
        scikit-learn's scaler with these statistics, for steps (n_steps, n_channels) or rows
        (n_samples, n_timesteps * n_channels).
    n_channels_ : int
        Number of channels.
    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns if X was a DataFrame with string column names; names of channels if it was
        a list of such DataFrames.

    See Also
    --------
    SequenceStandardScaler : Its notes on forms of X, NaN and units apply here, too.

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

    data_min_ = statistic("data_min_", "Minimum")
    data_max_ = statistic("data_max_", "Maximum")
    data_range_ = statistic("data_range_", "Difference between maximum and minimum")
    scale_ = statistic("scale_", "Factor that X is multiplied by")
    min_ = statistic("min_", "Offset added to the product")
    n_samples_seen_ = statistic("n_samples_seen_", "Steps, or sequences, that statistics are of")

    def __init__(
        self,
        feature_range: tuple[float, float] = (0, 1),
        *,
        clip: bool = False,
        per: str = "channel",
        n_timesteps: int | None = None,
    ) -> None:
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
        """Map [0, 1] to the range, whose ends are exact."""
        if self.scaler_.clip:
            scaled = np.clip(scaled, 0.0, 1.0)
        least, most = self.scaler_.feature_range
        return least * (1 - scaled) + most * scaled

    def _begun(self, rows):
        least, most = self.scaler_.feature_range
        return (rows.astype(np.float64) - least) / (most - least)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Update the range with X, in addition to all data since the last `fit`.

        Parameters
        ----------
        X : array-like in the form passed to `fit`
            A batch of the data. With ``per="timestep"``, all batches have sequences of the same
            length.
        y : None
            Ignored.

        Returns
        -------
        SequenceMinMaxScaler
            Itself. Parameters are those at the first batch.

        Raises
        ------
        ValueError
            As in `fit`, and if X has other channels or columns than before. Such a batch is
            ignored.
        """
        return self._learn_more(X)


class SequenceRobustScaler(SequenceScaler):
    """Scale sequences by median and quantiles, as scikit-learn's `RobustScaler` does.

    Parameters
    ----------
    with_centering : bool, default=True
        Whether to subtract the median.
    with_scaling : bool, default=True
        Whether to divide by the distance between the quantiles. If that is zero although the
        channel varies (because more than half of its values are equal, for instance), the standard
        deviation is used instead; scikit-learn divides by 1, which depends on the unit of the
        channel.
    quantile_range : tuple of (q_min, q_max), default=(25.0, 75.0)
        The quantiles, in percent.
    unit_variance : bool, default=False
        Whether to scale such that normally distributed values have unit variance. The quantiles
        must then differ, and not be 0 or 100.
    per : {"channel", "timestep"}, default="channel"
        Whether to compute statistics for each channel, over all steps of all sequences, or for each
        pair of time step and channel, over all sequences, which must then have the same length.
    n_timesteps : int, default=None
        Steps of each row of 2-D X; None reads each column as one step of a single channel.

    Attributes
    ----------
    center_, scale_ : ndarray of shape (n_channels,) or (n_timesteps, n_channels), or None
        Median and divisor.
    scaler_ : RobustScaler
        scikit-learn's scaler with these statistics, for steps (n_steps, n_channels) or rows
        (n_samples, n_timesteps * n_channels).
    n_channels_ : int
        Number of channels.
    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns if X was a DataFrame with string column names; names of channels if it was
        a list of such DataFrames.

    See Also
    --------
    SequenceStandardScaler : Its notes on forms of X, NaN and units apply here, too.

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
    scale_ = statistic("scale_", "Divisor; None with ``with_scaling=False``")

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
                "With unit_variance=True the two quantiles must differ, and not be 0 or 100, which "
                "are infinite for normal distributions. Got "
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
