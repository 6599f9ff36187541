"""SequenceImputer: gaps inside sequences."""

import numpy as np
from sklearn.base import _fit_context
from sklearn.impute import MissingIndicator
from sklearn.utils._param_validation import StrOptions

from .._statistics import moments_of
from .._validation._errors import working_copy
from ._base import POSITIVE_INTEGER, SequenceTransformer


class SequenceImputer(SequenceTransformer):
    """Fill gaps in sequences, and optionally mark them.

    A gap is a NaN, for instance of a sensor that failed for some steps. Each channel is filled
    separately, from the same sequence if the strategy permits. Filling forward, with channels that
    mark filled values, is a common baseline for recurrent networks on series with gaps [1]_ [2]_.

    Parameters
    ----------
    strategy : {'forward', 'linear', 'mean'}, default='forward'
        What a gap is filled with.

        - 'forward': the last value seen, or at the beginning the mean of the channel in training.
          It does not look ahead, so it suits streams.
        - 'linear': linear interpolation between the neighbours in time; at the beginning and the
          end the nearest value. It looks ahead, so it suits recordings but neither streams nor
          forecasts.
        - 'mean': the mean of the channel in training.

        A channel without any value in a sequence is filled with its mean in training, whatever the
        strategy.

    add_indicator : bool, default=False
        Whether to add, for each channel that had gaps in training, a channel that is 1 where that
        channel was filled and 0 elsewhere. They come after the channels of the step.

    n_timesteps : int or None, default=None
        How to read 2-D X. ``None``: a row is a univariate series, one column per step. ``T``: a row
        holds T steps of ``n_columns / T`` channels, one step after the other. Not needed for 3-D X.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_channels,), float64
        Mean of each channel over all known values in training, as in
        :class:`~sklearn.impute.SimpleImputer`; 0 for a channel without any value, as with its
        ``keep_empty_features=True``.

    indicator_ : MissingIndicator or None
        Records which channels had gaps in training (``indicator_.features_``); None without
        `add_indicator`.

    n_channels_ : int
        Channels of a step, without indicators.

    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns if X was a DataFrame with string column names; names of channels if it was
        a list of such DataFrames.

    See Also
    --------
    sklearn.impute.SimpleImputer : Fills tables, in which rows have no order.

    Notes
    -----
    In 3-D X trailing steps that are NaN in every channel are padding, not a gap, and remain NaN;
    with a single channel this includes every gap at the end. In 2-D X, and in a list of sequences,
    such steps are a gap. So fill a long series first, as a list of one sequence (``[series[:,
    None]]`` if it is one-dimensional), and then cut it into windows.

    An all-NaN sequence is refused.

    References
    ----------
    .. [1] Z. Che, S. Purushotham, K. Cho, D. Sontag and Y. Liu, "Recurrent Neural Networks for
       Multivariate Time Series with Missing Values", Scientific Reports 8, 6085, 2018.
    .. [2] Z. C. Lipton, D. C. Kale and R. Wetzel, "Directly Modeling Missing Data in Sequences
       with RNNs: Improved Classification of Clinical Time Series", Machine Learning for
       Healthcare, 2016.

    Examples
    --------
    Two sequences of four steps and two channels; the second channel begins with a gap:

    >>> import numpy as np
    >>> from skfastgrnn.preprocessing import SequenceImputer
    >>> nan = np.nan
    >>> X = np.array([
    ...     [[1, nan], [nan, 4], [nan, 4], [7, 4]],
    ...     [[3, 6], [3, nan], [nan, 8], [5, 4]],
    ... ])
    >>> forward = SequenceImputer().fit(X)
    >>> forward.statistics_
    array([3.8, 5. ])
    >>> forward.transform(X)[0]
    array([[1., 5.],
           [1., 4.],
           [1., 4.],
           [7., 4.]])
    >>> SequenceImputer("linear").fit_transform(X)[0]
    array([[1., 4.],
           [3., 4.],
           [5., 4.],
           [7., 4.]])

    With indicators, which follow the channels:

    >>> SequenceImputer(add_indicator=True).fit_transform(X)[0]
    array([[1., 5., 0., 1.],
           [1., 4., 1., 0.],
           [1., 4., 1., 0.],
           [7., 4., 0., 0.]])
    """

    _parameter_constraints = {
        "strategy": [StrOptions({"forward", "linear", "mean"})],
        "add_indicator": ["boolean"],
        "n_timesteps": [POSITIVE_INTEGER, None],
    }
    _allows_gaps = True

    def __init__(
        self,
        strategy: str = "forward",
        *,
        add_indicator: bool = False,
        n_timesteps: int | None = None,
    ) -> None:
        self.strategy = strategy
        self.add_indicator = add_indicator
        self.n_timesteps = n_timesteps

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the mean of each channel, and which have gaps.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays of shape (n_timesteps_i, n_channels)
            Sequences; NaN where a value is missing.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SequenceImputer
            Fitted imputer.

        Raises
        ------
        ValueError
            If X holds infinity, or an all-NaN sequence.
        """
        with working_copy(self) as fitted:
            sequences, _ = fitted._read(X, reset=True)
            moments = moments_of(sequences.values)
            means = np.clip(moments.mean, moments.least, moments.most) * moments.unit
            fitted.statistics_ = np.where(moments.weight > 0, means, 0.0)
            fitted.indicator_ = None
            if fitted.add_indicator:
                indicator = MissingIndicator(error_on_new=False)
                # Arrays, whatever output scikit-learn is configured for.
                fitted.indicator_ = indicator.set_output(transform="default").fit(sequences.values)
        return self

    def transform(self, X):
        """Fill the gaps.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays of shape (n_timesteps_i, n_channels)
            Sequences in the form passed to `fit`; NaN where a value is missing. Gaps in a channel
            that had none in training are filled, too, but have no indicator.

        Returns
        -------
        X : ndarray or list of ndarrays
            A copy of the same form without gaps, float32 where X is and float64 otherwise, with
            the channels of the indicator after those of each step.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the number of channels or columns differs from that in `fit`, if X holds infinity, or
            holds an all-NaN sequence.
        """
        sequences, form = self._read(X, reset=False)
        filled = sequences.values.copy()
        for channel, mean in enumerate(self.statistics_):
            values = sequences.values[:, channel]
            gaps = np.flatnonzero(np.isnan(values))
            if len(gaps):
                filled[gaps, channel] = _filling(sequences, values, gaps, mean, self.strategy)
        if self.indicator_ is not None:
            indicators = self.indicator_.transform(sequences.values)
            filled = np.hstack([filled, indicators.astype(filled.dtype)])
        return form.restore(filled, sequences.lengths)

    def _names_out(self, names):
        if self.indicator_ is None:
            return names
        steps = names.reshape(-1, self.n_channels_)
        added = [self.indicator_.get_feature_names_out(step) for step in steps]
        return np.hstack([steps, added]).ravel()


def _filling(sequences, values, gaps, mean, strategy):
    """Values (n_gaps,) for the gaps in one channel's values (n_steps,), float64."""
    if strategy == "mean":
        return np.full(len(gaps), mean)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == 0:
        return np.full(len(gaps), mean)
    next_known = np.searchsorted(known, gaps)
    before = known[np.maximum(next_known - 1, 0)]
    after = known[np.minimum(next_known, len(known) - 1)]
    sequence = np.searchsorted(sequences.starts, gaps, side="right") - 1
    start = sequences.starts[sequence]
    has_before = (start <= before) & (before < gaps)
    last_seen = values[before].astype(np.float64)
    if strategy == "forward":
        return np.where(has_before, last_seen, mean)
    has_after = (gaps < after) & (after < start + sequences.lengths[sequence])
    next_seen = values[after].astype(np.float64)
    both = has_before & has_after
    weight = np.divide(gaps - before, after - before, out=np.zeros(len(gaps)), where=both)
    # Unlike a difference, a weighted mean cannot overflow; rounding may exceed its ends.
    between = np.clip(
        (1 - weight) * last_seen + weight * next_seen,
        np.minimum(last_seen, next_seen),
        np.maximum(last_seen, next_seen),
    )
    nearest = np.where(has_before, last_seen, np.where(has_after, next_seen, mean))
    return np.where(both, between, nearest)
