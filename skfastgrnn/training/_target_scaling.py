"""Center and scale of regression targets, of a data set or of a stream so far.

What is known of targets is an array of shape (8, n_outputs), which estimators and files can keep:
the six rows of `Moments`, then a running median and a running median distance from it. All but
exponent and weight are in units of ``2**exponent``.
"""

import numpy as np

from .._statistics import MOST_EXPONENT, ROUNDING, Moments, joined, moments_of

#: Standard deviations of a normal distribution in its median distance from the median (Hampel,
#: "The Influence Curve and its Role in Robust Estimation", 1974).
DEVIATIONS = 1.4826


def target_statistics(values, weights, *, robust, earlier=None):
    """Statistics of these targets, combined with `earlier` ones.

    Parameters
    ----------
    values : ndarray of shape (n_sequences, n_outputs), float64
    weights : ndarray of shape (n_sequences,), or None
    robust : bool
        Whether median and median distance are wanted; mean and deviation take their places
        otherwise. Of a stream they are those of its parts, averaged.
    earlier : ndarray of shape (8, n_outputs), or None

    Returns
    -------
    ndarray of shape (8, n_outputs), float64
    """
    part = moments_of(values, weights)
    moments = part if earlier is None else joined(moments_in(earlier), part)
    middle, spread = moments.mean, np.sqrt(moments.variance)
    if robust:
        before = np.zeros((2, len(middle)))
        if earlier is not None:
            before = np.ldexp(earlier[6:], moments_in(earlier).exponent - moments.exponent)
        share = part.weight / moments.weight
        with np.errstate(over="ignore"):  # without weight, values may be of any size
            values = values / moments.unit
        middle = before[0] + share * (weighted_median(values, weights) - before[0])
        distance = DEVIATIONS * weighted_median(np.abs(values - middle), weights)
        spread = before[1] + share * (distance - before[1])
    return np.array([*moments, middle, spread])


def moments_in(statistics):
    """The Moments among statistics (8, n_outputs)."""
    return Moments(statistics[0].astype(int), *statistics[1:6])


def center_and_scale(statistics, *, robust):
    """Center and scale of targets, each (n_outputs,).

    Mean and standard deviation or, if `robust`, median and median distance where that is not zero.
    Of an output that is constant, or varies by no more than rounding does, the scale is 0.
    """
    moments, (middle, spread) = moments_in(statistics), statistics[6:]
    center, scale = moments.mean, np.sqrt(moments.variance)
    magnitude = np.maximum(np.abs(moments.least), np.abs(moments.most))
    if robust:
        has_spread = spread > ROUNDING * magnitude
        center, scale = np.where(has_spread, middle, center), np.where(has_spread, spread, scale)
    is_constant = moments.most - moments.least <= ROUNDING * magnitude
    center = np.where(is_constant, moments.mean, center)
    return center * moments.unit, np.where(is_constant, 0.0, scale) * moments.unit


def check_statistics(statistics, n_outputs):
    """Raise unless these are statistics as returned by `target_statistics`.

    Raises
    ------
    ValueError
        If it is no float64 array (8, n_outputs), or no numbers of which targets could be.
    """
    shape = 8, n_outputs
    if not (isinstance(statistics, np.ndarray) and statistics.dtype == np.float64):
        raise ValueError("the statistics of its targets are no array of float64.")
    if statistics.shape != shape:
        raise ValueError(
            f"the statistics of its targets have the shape {statistics.shape}, not {shape}."
        )
    exponent, weight, mean, squares, least, most, middle, spread = statistics
    is_possible = (
        np.isfinite(statistics).all()
        and (exponent == np.round(exponent)).all()
        and (np.abs(exponent) <= MOST_EXPONENT).all()
        and (weight > 0).all()
        and (least <= most).all()
        and (np.abs([mean, least, most, middle]) <= 4).all()
        and (spread >= 0).all()
        and (squares >= 0).all()
    )
    if not is_possible:
        raise ValueError("the statistics of its targets are such as no targets have.")


def weighted_median(values, weights):
    """The least value (n_outputs,) that half of the weight does not exceed."""
    weights = np.ones(len(values)) if weights is None else weights.astype(np.float64)
    order = np.argsort(values, axis=0)
    below = np.cumsum(weights[order], axis=0)
    place = np.argmax(below >= 0.5 * below[-1], axis=0)
    return np.take_along_axis(values, np.take_along_axis(order, place[None], axis=0), axis=0)[0]
