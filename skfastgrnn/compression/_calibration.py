"""Warnings of sequences that ranges should not be calibrated on."""

import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from ..network import SequenceBatch
from ..training import warn

#: Steps that distributions of channels are estimated from, at most if sequences are short.
SAMPLED_STEPS = 1 << 16
#: Fewer steps, on digits, double the error of logits.
FEWEST_STEPS = 64
#: A greatest distance of 160 times this percentile, on digits, multiplies the error of logits by
#: 1.7, one of 1600 times by 11.
PERCENTILE, FARTHEST = 99.9, 100
#: Of a channel's deviation, what two neighbouring float32 may be apart without a warning.
COARSEST = 1 / 8
#: Bounds, in units of the spread in the training, beyond which a channel is another one: of its
#: median, its median distance and its greatest distance. Data of the training are within them, as
#: half of all values are no farther from the mean than 1.42 deviations, and one is at least 1.
FARTHEST_MEDIAN, LARGEST_DISTANCE, SMALLEST_RANGE = 2.0, 10.0, 0.1


def sampled(sequences):
    """Steps (n_steps, n_channels) of evenly spaced sequences, in float64."""
    stride = -(-sequences.n_steps // SAMPLED_STEPS)
    rows = slice(None, None, stride)
    some = SequenceBatch(sequences.values, sequences.starts[rows], sequences.lengths[rows])
    return some.stacked().values.astype(np.float64)


def warn_of_few_steps(sequences):
    """Warn of too few steps to see the range of inputs and states."""
    if sequences.n_steps < FEWEST_STEPS:
        warn(
            f"X_calibration has {sequences.n_steps} time steps in all, too few to show the range "
            "of inputs and states; what lies beyond twice the range seen saturates. Pass at least "
            f"{FEWEST_STEPS}, better some hundred sequences."
        )


def warn_of_outliers(steps, center, scale, ranges, argument):
    """Warn of channels in which a few values are far larger than all others.

    Channels that hardly ever leave one value, such as marks of rare events, lose nothing.

    steps : as `sampled` returns them; ranges : Ranges of all sequences
    """
    distance = np.abs((steps - center) / scale - ranges.mean)
    usual = np.percentile(distance, PERCENTILE, axis=0, method="lower")
    from_median = np.abs(steps - np.median(steps, axis=0))
    varies = np.percentile(from_median, PERCENTILE, axis=0, method="lower") > 0
    is_far = varies & (usual > 0) & (ranges.inputs > FARTHEST * usual)
    if is_far.any():
        channels = np.flatnonzero(is_far)
        first = channels[0]
        far, near = scale[first] * ranges.inputs[first], scale[first] * usual[first]
        warn(
            f"Channel(s) {channels.tolist()} of {argument} have outliers: channel {first} has a "
            f"value at a distance of {abs(far):.3g} from the mean, {PERCENTILE} % are within "
            f"{abs(near):.3g}. The integers would be used up by the range of the former. Remove "
            "such sequences from what is calibrated on, or put a SequenceClipper in front."
        )


def warn_of_coarse_inputs(center, deviation, argument):
    """Warn of channels that are so far from 0 that float32 hardly tells their values apart."""
    is_coarse = (deviation > 0) & (np.spacing(np.abs(center)) > COARSEST * deviation)
    if is_coarse.any():
        channels = np.flatnonzero(is_coarse)
        warn(
            f"Channel(s) {channels.tolist()} of {argument} are about {center[channels[0]]:.6g} "
            f"with a deviation of {deviation[channels[0]]:.3g}, which is lost in single precision, "
            "that of inputs on a device. Subtract a constant from X, and train again."
        )


def warn_of_other_data(steps, scaler):
    """Warn of channels in other units than those that a scaler was fitted on.

    steps : (n_steps, n_channels), as `sampled` returns them
    """
    center, spread = trained_range(scaler)
    is_known = spread > 0
    spread = np.where(is_known, spread, 1.0)
    median = np.median(steps, axis=0)
    offset = np.abs(median - center) / spread
    distance = np.median(np.abs(steps - center), axis=0) / spread
    from_where = center if isinstance(scaler, MaxAbsScaler) else median  # it knows no center
    reach = np.abs(steps - from_where).max(axis=0) / spread
    is_small = (reach > 0) & (reach < SMALLEST_RANGE)  # what is constant has the range of others
    is_other = (offset > FARTHEST_MEDIAN) | (distance > LARGEST_DISTANCE) | is_small
    channels = np.flatnonzero(is_known & is_other)
    if len(channels):
        first = channels[0]
        warn(
            f"Channel(s) {channels.tolist()} of X_calibration are not like those that "
            f"{type(scaler).__name__} was fitted on: channel {first} has the median "
            f"{median[first]:.3g} and values at a distance of {reach[first] * spread[first]:.3g}; "
            f"in the training it was about {center[first]:.3g}, with a spread of "
            f"{spread[first]:.3g}. Inputs like those of the training would saturate, or have few "
            "integers. Pass what the model predicts, such as the training sequences, in the same "
            "units and not scaled before."
        )


def trained_range(scaler):
    """Center and spread (n_channels,) of what a scaler was fitted on; spread 0 where unknown."""
    fitted = getattr(scaler, "scaler_", scaler)  # scikit-learn's, with the statistics
    unknown = np.zeros(fitted.n_features_in_)
    if isinstance(fitted, MinMaxScaler):
        return (fitted.data_min_ + fitted.data_max_) / 2, fitted.data_range_ / 2
    if isinstance(fitted, MaxAbsScaler):
        return unknown, fitted.max_abs_
    if isinstance(fitted, StandardScaler):
        if fitted.mean_ is None or fitted.var_ is None:
            return unknown, unknown
        return fitted.mean_, np.sqrt(fitted.var_)
    if fitted.center_ is None or fitted.scale_ is None:
        return unknown, unknown
    # A range of 0 between the quantiles is replaced by 1.
    return fitted.center_, np.where(fitted.scale_ == 1, 0.0, fitted.scale_)
