"""Statistics of the columns of a table, for values of any magnitude.

A column is measured in units of a power of two near its largest value. Dividing by that unit is
exact, so the statistics of ``c * x`` are those of ``x`` times c, to the last bit, for every power
of two c, and no square of a value overflows or vanishes. NaN is a missing value.
"""

from typing import NamedTuple

import numpy as np

#: Both 2**e and 2**-e are normal numbers for -MOST_EXPONENT <= e <= MOST_EXPONENT.
MOST_EXPONENT = 1022
#: Values processed together: bounds the memory of their copies in float64.
CHUNK = 1 << 20
#: Relative range up to which the values of a column count as equal except for rounding.
ROUNDING = 4 * np.finfo(np.float64).eps


class Moments(NamedTuple):
    """Moments of columns, in units of ``2**exponent``; each field has the shape (n_columns,).

    exponent : of the unit
    weight : number of the known values, or the sum of their weights
    mean : NaN if there is no value
    squares : sum of weight times squared distance from the mean
    least, most : extreme values, NaN where there is no value
    """

    exponent: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @property
    def unit(self):
        """The unit that values are divided by."""
        return np.ldexp(1.0, self.exponent)

    @property
    def variance(self):
        """Weighted variance of the population."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.squares / self.weight

    def measure(self, spread):
        """The divisor for scaling: the spread (n_columns,), with a fallback where it is zero.

        The fallback is 1 for a constant column, as in scikit-learn. If values differ only by
        rounding, it is their magnitude, so that they remain close after scaling.
        """
        magnitude = np.maximum(np.abs(self.least), np.abs(self.most))
        is_rounding = (self.most - self.least <= ROUNDING * magnitude) | (spread == 0)
        spread = np.where(is_rounding, magnitude, spread)
        return np.where(self.least == self.most, 1 / self.unit, spread)


def exponents_of(magnitude):
    """Exponents of units in which these magnitudes, if normal numbers, are within [1, 4)."""
    exponent = np.frexp(magnitude)[1] - 1
    exponent = np.where(magnitude > 0, exponent, -MOST_EXPONENT)  # also where there is no value
    return np.clip(exponent, -MOST_EXPONENT, MOST_EXPONENT)


def moments_of(rows, weights=None):
    """The Moments of rows (n_rows, n_columns), weighted by `weights` (n_rows,)."""
    if weights is not None:
        weights = weights.astype(np.float64)
        if not weights.all():
            rows, weights = rows[weights > 0], weights[weights > 0]
    with np.errstate(invalid="ignore"):
        extremes = np.fmin.reduce(rows, axis=0), np.fmax.reduce(rows, axis=0)
    least, most = (extreme.astype(np.float64) for extreme in extremes)
    exponent = exponents_of(np.maximum(np.abs(least), np.abs(most)))
    unit = np.ldexp(1.0, exponent)
    least, most = least / unit, most / unit
    whole = None
    size = max(1, CHUNK // rows.shape[1])
    for start in range(0, len(rows), size):
        values = rows[start : start + size].T / unit[:, None]  # (n_columns, n_rows), float64
        part_weights = None if weights is None else weights[start : start + size]
        sums = _sums(values, least, part_weights)
        part = Moments(exponent, *sums, least, most)
        whole = part if whole is None else joined(whole, part)
    return whole


def _sums(values, pivot, weights):
    """Weight, mean and squares of values (n_columns, n_rows).

    By the corrected two-pass algorithm of Chan, Golub and LeVeque, from a value of each column on,
    which makes the mean of equal values exact.
    """
    is_known = ~np.isnan(values)
    weights = is_known * (1.0 if weights is None else weights)
    total = weights.sum(axis=1)
    distance = np.where(is_known, values - pivot[:, None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weights * distance).sum(axis=1) / total
        distance -= np.where(total > 0, mean, 0.0)[:, None]
        weighted = weights * distance
        squares = (weighted * distance).sum(axis=1)
        squares -= np.where(total > 0, weighted.sum(axis=1) ** 2 / total, 0.0)
    return total, pivot + mean, np.maximum(squares, 0.0)


def joined(left, right):
    """The combined Moments of two parts.

    T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for Computing the Sample Variance: Analysis
    and Recommendations", The American Statistician 37(3), 1983, equation 2.1, with weights.
    """
    exponent = np.maximum(left.exponent, right.exponent)
    left, right = in_units(left, exponent), in_units(right, exponent)
    weight = left.weight + right.weight
    share = np.divide(right.weight, weight, out=np.zeros_like(weight), where=weight > 0)
    left_mean = np.where(left.weight > 0, left.mean, 0.0)
    difference = np.where(right.weight > 0, right.mean, 0.0) - left_mean
    return Moments(
        exponent,
        weight,
        mean=np.where(weight > 0, left_mean + difference * share, np.nan),
        squares=left.squares + right.squares + difference**2 * (left.weight * share),
        least=np.fmin(left.least, right.least),
        most=np.fmax(left.most, right.most),
    )


def in_units(moments, exponent):
    """The same moments in other units, ``2**exponent``."""
    by = moments.exponent - exponent
    return Moments(
        exponent,
        moments.weight,
        mean=np.ldexp(moments.mean, by),
        squares=np.ldexp(moments.squares, 2 * by),
        least=np.ldexp(moments.least, by),
        most=np.ldexp(moments.most, by),
    )


class Scaling(NamedTuple):
    """``(x / 2**exponent - offset) / scale``, each of the shape (n_columns,), and its inverse."""

    exponent: np.ndarray
    offset: np.ndarray
    scale: np.ndarray

    def in_plain_units(self):
        """The same scaling, with unit 1 for columns that are only shifted.

        In the tiny unit of a column of zeros, other values would overflow.
        """
        unit = np.ldexp(1.0, self.exponent)
        is_shifted = self.scale == 1 / unit
        return Scaling(
            np.where(is_shifted, 0, self.exponent),
            np.where(is_shifted, self.offset * unit, self.offset),
            np.where(is_shifted, 1.0, self.scale),
        )

    def scaled(self, rows):
        """Rows (n_rows, n_columns), scaled in float64."""
        return (rows / np.ldexp(1.0, self.exponent) - self.offset) / self.scale

    def restored(self, rows, dtype):
        """Undo the scaling of rows (n_rows, n_columns).

        Values that rounding moves beyond the largest number of the dtype become that number.
        """
        values = rows * self.scale + self.offset
        limits = np.finfo(dtype)
        with np.errstate(over="ignore"):
            most = np.ldexp(np.float64(limits.max), -self.exponent)
        is_close = np.abs(values) <= most * (1 + 8 * np.float64(limits.eps))
        values = np.where(is_close, np.clip(values, -most, most), values)
        return values * np.ldexp(1.0, self.exponent)


def quantile_scaling(column, quantile_range, factor):
    """Center and spread of one column (n_rows,): its median, and the distance of two quantiles.

    Parameters
    ----------
    column : ndarray of shape (n_rows,)
    quantile_range : tuple of two percentages
    factor : float
        Factor that the distance is multiplied by.

    Returns
    -------
    exponent : int
    center, spread : float
        In units of ``2**exponent``. If the quantiles are equal but the values are not, the spread
        is the standard deviation. NaN if there is no value.
    """
    known = column[~np.isnan(column)].astype(np.float64)
    if len(known) == 0:
        return -MOST_EXPONENT, np.nan, np.nan
    wanted = (*quantile_range, 50.0)
    ends = [np.percentile(known, wanted, method=method) for method in ("lower", "higher")]
    exponent = exponents_of(np.abs(ends).max())
    with np.errstate(over="ignore"):
        # Of values far outside the quantiles, only the side matters.
        inside = np.clip(known / np.ldexp(1.0, exponent), -4.0, 4.0)
    center = np.median(inside)
    lower, upper = np.percentile(inside, quantile_range)
    if upper - lower > ROUNDING * max(abs(lower), abs(upper)):
        return exponent, center, (upper - lower) * factor
    moments = moments_of(known[:, None])
    (spread,) = moments.measure(np.sqrt(moments.variance))
    (unit_exponent,) = moments.exponent
    return unit_exponent, np.ldexp(center, exponent - unit_exponent), spread
