"""Random changes of the training sequences that preserve their meaning.

An augmentation changes each sequence a little in every epoch, by noise, scaling, shifts or masks.
The augmentations of a list are applied in turn when a minibatch is assembled, with the random
numbers of the fit; validation and prediction use unchanged sequences. Zero and the default sizes of
changes assume standardised channels, see
:class:`~skfastgrnn.preprocessing.SequenceStandardScaler`.

Any object with a method ``apply(values, starts, lengths, rng)`` is an augmentation. It receives a
copy, which it may change in place, and returns it, or another array of the same shape and dtype:

>>> from dataclasses import dataclass
>>> import numpy as np
>>> @dataclass(frozen=True)
... class Flip:
...     p: float = 0.5
...
...     def apply(self, values, starts, lengths, rng):
...         signs = np.where(rng.random(len(lengths)) < self.p, -1, 1)  # one for each sequence
...         return values * np.repeat(signs, lengths)[:, None].astype(values.dtype)
>>> values = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
>>> Flip().apply(values, np.array([0, 2]), np.array([2, 3]), np.random.default_rng(6)).ravel()
array([ 1.,  2., -3., -4., -5.])
"""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import StrOptions

from ._validation._dataclasses import Number, ValidatedDataclass, registered
from ._validation._finite import all_finite
from .network import SequenceBatch

__all__ = ["ChannelDrop", "Jitter", "Scaling", "TimeMask", "TimeShift"]


PROBABILITY = Number(Real, 0, 1, closed="both")
SIZE = Number(Real, 0, np.inf, closed="left")
COUNT = Number(Integral, 1, None, closed="left")


class Augmentation(ValidatedDataclass):
    """Base class of the augmentations; a subclass implements `_change`."""

    def apply(
        self,
        values: np.ndarray,
        starts: np.ndarray,
        lengths: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Change contiguous sequences, each independently.

        Parameters
        ----------
        values : ndarray of shape (n_steps, n_channels), float32 or float64
            Their steps, changed in place.
        starts, lengths : ndarray of shape (n_sequences,), int
            Sequence i is ``values[starts[i] : starts[i] + lengths[i]]``; starts are the cumulative
            lengths, lengths at least 1.
        rng : numpy.random.Generator
            The draws depend on the lengths and on the shape and dtype of `values`, not on their
            contents.

        Returns
        -------
        ndarray of shape (n_steps, n_channels)
            `values` itself.
        """
        self._change(values, starts, lengths, rng)
        return values


@registered
@dataclass(frozen=True)
class Jitter(Augmentation):
    """Add noise to every value: ``x + e``, with ``e`` drawn from N(0, std²).

    Models sensor noise, as proposed by Um et al. [1]_.

    Parameters
    ----------
    std : float, default=0.05
        Standard deviation of the noise, in the unit of the values; at least 0.
    p : float, default=1.0
        Probability that a sequence is changed.

    References
    ----------
    .. [1] T. T. Um et al., "Data Augmentation of Wearable Sensor Data for Parkinson's Disease
       Monitoring using Convolutional Neural Networks", ICMI 2017.

    Examples
    --------
    One sequence of three steps and one of two, of one channel:

    >>> import numpy as np
    >>> from skfastgrnn.augmentation import Jitter
    >>> values, starts, lengths = np.ones((5, 1)), np.array([0, 3]), np.array([3, 2])
    >>> rng = np.random.default_rng(0)
    >>> Jitter(std=0.1).apply(values, starts, lengths, rng).ravel().round(2)
    array([1.06, 1.01, 0.95, 1.04, 1.13])
    """

    std: float = 0.05
    p: float = 1.0

    _parameter_constraints = {"std": [SIZE], "p": [PROBABILITY]}

    def _change(self, values, starts, lengths, rng):
        is_noisy = np.repeat(chosen(self.p, lengths, rng), lengths)
        shape = np.count_nonzero(is_noisy), values.shape[1]
        noise = rng.standard_normal(shape, dtype=values.dtype)
        noise *= self.std
        if len(noise) == len(values):
            values += noise
        else:
            values[is_noisy] += noise


@registered
@dataclass(frozen=True)
class Scaling(Augmentation):
    """Multiply sequences by a random factor: ``f x``, with ``f`` drawn from N(1, std²).

    Models stronger and weaker movements, as proposed by Um et al. [1]_.

    Parameters
    ----------
    std : float, default=0.1
        Standard deviation of the factor; at least 0. From about 0.3 on some factors are negative.
    p : float, default=1.0
        Probability that a sequence is changed.
    per : {'sequence', 'channel'}, default='sequence'
        Whether all channels of a sequence share a factor, as in the paper, or each has its own, as
        in the code of its authors.

    References
    ----------
    .. [1] T. T. Um et al., "Data Augmentation of Wearable Sensor Data for Parkinson's Disease
       Monitoring using Convolutional Neural Networks", ICMI 2017.

    Examples
    --------
    One sequence of three steps and one of two, of one channel:

    >>> import numpy as np
    >>> from skfastgrnn.augmentation import Scaling
    >>> values, starts, lengths = np.ones((5, 1)), np.array([0, 3]), np.array([3, 2])
    >>> rng = np.random.default_rng(0)
    >>> Scaling(std=0.1).apply(values, starts, lengths, rng).ravel().round(2)
    array([1.06, 1.06, 1.06, 1.01, 1.01])
    """

    std: float = 0.1
    p: float = 1.0
    per: str = "sequence"

    _parameter_constraints = {
        "std": [SIZE],
        "p": [PROBABILITY],
        "per": [StrOptions({"sequence", "channel"})],
    }

    def _change(self, values, starts, lengths, rng):
        is_scaled = chosen(self.p, lengths, rng)
        n_factors = values.shape[1] if self.per == "channel" else 1
        factors = 1 + self.std * rng.standard_normal((len(lengths), n_factors))
        factors[~is_scaled] = 1
        values *= np.repeat(factors.astype(values.dtype), lengths, axis=0)


@registered
@dataclass(frozen=True)
class TimeMask(Augmentation):
    """Mask random spans of a sequence, in all channels.

    The time masks of SpecAugment [1]_: of a sequence of T steps, ``w`` steps from step ``b`` on
    become `value`, with ``w`` drawn uniformly from 0 to ``fraction * T`` and ``b`` from 0 to
    ``T - w``, both inclusive.

    Parameters
    ----------
    fraction : float, default=0.1
        Largest fraction of the steps that a mask covers, rounded down, in [0, 1]: sequences of
        fewer than ``1 / fraction`` steps are unchanged. 1 may mask a sequence entirely.
    n_masks : int, default=1
        Number of masks per sequence, from 1 to 10 000; they may overlap.
    p : float, default=1.0
        Probability that a sequence is changed.
    value : float, default=0.0
        Masked values are set to this: 0 is the mean of a standardised channel.

    References
    ----------
    .. [1] D. S. Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech
       Recognition", Interspeech 2019.

    Examples
    --------
    Two sequences of eight steps, of one channel:

    >>> import numpy as np
    >>> from skfastgrnn.augmentation import TimeMask
    >>> values, starts, lengths = np.ones((16, 1)), np.array([0, 8]), np.array([8, 8])
    >>> rng = np.random.default_rng(6)
    >>> TimeMask(fraction=0.5).apply(values, starts, lengths, rng).reshape(2, 8)
    array([[1., 1., 1., 0., 0., 0., 0., 1.],
           [1., 1., 0., 1., 1., 1., 1., 1.]])
    """

    fraction: float = 0.1
    n_masks: int = 1
    p: float = 1.0
    value: float = 0.0

    _parameter_constraints = {
        "fraction": [PROBABILITY],
        "n_masks": [Number(Integral, 1, 10_000, closed="both")],
        "p": [PROBABILITY],
        "value": [Number(Real, -np.inf, np.inf, closed="neither")],
    }

    def _change(self, values, starts, lengths, rng):
        is_masked = chosen(self.p, lengths, rng)
        # 29 % of 100 steps are 28.999999999999996 in floating point.
        widest = np.floor(self.fraction * lengths + 1e-9).astype(np.intp)
        shape = len(lengths), self.n_masks
        widths = rng.integers(widest[:, None], size=shape, endpoint=True)
        begins = starts[:, None] + rng.integers(lengths[:, None] - widths, endpoint=True)
        widths[~is_masked] = 0
        values[stretches(begins.ravel(), widths.ravel())] = self.value


@registered
@dataclass(frozen=True)
class ChannelDrop(Augmentation):
    """Set random channels of a sequence to 0, like a failed sensor.

    Every channel of every sequence becomes 0 with probability `p`, independently [1]_. If a
    sequence would lose all channels, a random one is kept, since nothing could be learned from its
    label otherwise. Unlike in dropout, the others are not scaled up, since prediction uses unscaled
    channels.

    Parameters
    ----------
    p : float, default=0.1
        Probability that a channel of a sequence becomes 0. In the other augmentations, `p` is per
        sequence.

    References
    ----------
    .. [1] A. Saeed, D. Grangier, O. Pietquin, N. Zeghidour, "Learning from Heterogeneous EEG
       Signals with Differentiable Channel Reordering", ICASSP 2021.

    Examples
    --------
    One sequence of three steps and one of two, of three channels:

    >>> import numpy as np
    >>> from skfastgrnn.augmentation import ChannelDrop
    >>> values, starts, lengths = np.ones((5, 3)), np.array([0, 3]), np.array([3, 2])
    >>> ChannelDrop(p=0.5).apply(values, starts, lengths, np.random.default_rng(0))
    array([[1., 0., 0.],
           [1., 0., 0.],
           [1., 0., 0.],
           [0., 1., 1.],
           [0., 1., 1.]])
    """

    p: float = 0.1

    _parameter_constraints = {"p": [PROBABILITY]}

    def _change(self, values, starts, lengths, rng):
        n_channels = values.shape[1]
        if n_channels == 1:
            raise ValueError(
                f"{self!r} needs at least 2 channels, got 1: a sequence without its only channel "
                "teaches nothing. Leave it out."
            )
        draws = rng.random((len(lengths), n_channels))
        is_dropped = draws < self.p
        lost = np.flatnonzero(is_dropped.all(axis=1))
        is_dropped[lost, draws[lost].argmax(axis=1)] = False
        np.copyto(values, 0, where=np.repeat(is_dropped, lengths, axis=0))


@registered
@dataclass(frozen=True)
class TimeShift(Augmentation):
    """Shift a sequence to start earlier or later by a random number of steps.

    Step t becomes step ``t - s`` of the same sequence, with ``s`` drawn uniformly from
    ``-max_steps`` to ``max_steps``, as for spoken words [1]_. The first or last step is repeated to
    fill the gap; steps shifted beyond the other end are lost.

    Parameters
    ----------
    max_steps : int
        Largest shift to either side, at least 1. A sequence of T steps is shifted by at most
        ``T - 1``.
    p : float, default=1.0
        Probability that a sequence is changed.

    References
    ----------
    .. [1] R. Tang, J. Lin, "Deep Residual Learning for Small-Footprint Keyword Spotting",
       ICASSP 2018.

    Examples
    --------
    Two sequences of six steps, of one channel:

    >>> import numpy as np
    >>> from skfastgrnn.augmentation import TimeShift
    >>> values = np.array([[1.0, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]]).reshape(12, 1)
    >>> starts, lengths, rng = np.array([0, 6]), np.array([6, 6]), np.random.default_rng(6)
    >>> TimeShift(max_steps=3).apply(values, starts, lengths, rng).reshape(2, 6)
    array([[ 1.,  1.,  1.,  1.,  2.,  3.],
           [20., 30., 40., 50., 60., 60.]])
    """

    max_steps: int
    p: float = 1.0

    _parameter_constraints = {"max_steps": [COUNT], "p": [PROBABILITY]}

    def _change(self, values, starts, lengths, rng):
        is_shifted = chosen(self.p, lengths, rng)
        # Limit by the longest first: not every max_steps fits into NumPy's integers.
        most = np.minimum(min(self.max_steps, int(lengths.max())), lengths - 1)
        shifts = rng.integers(-most, most, endpoint=True)
        shifts[~is_shifted] = 0
        sources = np.arange(len(values)) - np.repeat(shifts, lengths)
        first, last = np.repeat(starts, lengths), np.repeat(starts + lengths - 1, lengths)
        values[...] = values[np.clip(sources, first, last, out=sources)]


def chosen(p, lengths, rng):
    """Which sequences are changed, (n_sequences,) bool: each with probability p."""
    return rng.random(len(lengths)) < p


def stretches(starts, lengths):
    """Concatenated steps of the spans with these starts and lengths."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(starts - (ends - lengths), lengths)


def checked_augmentations(augment):
    """The augmentations of a parameter `augment`, as a tuple; () where it is None or empty.

    Raises
    ------
    TypeError
        If it is not a list or tuple, or an entry has no method `apply`.
    """
    if augment is None:
        return ()
    if not isinstance(augment, list | tuple):
        advice = f": write augment=[{augment!r}]" if is_augmentation(augment) else ""
        raise TypeError(
            "augment must be None or a list of augmentations, such as "
            f"[Jitter(), TimeMask()], got {type(augment).__name__}{advice}."
        )
    for i, augmentation in enumerate(augment):
        if isinstance(augmentation, type):
            name = augmentation.__name__
            raise TypeError(f"augment[{i}] is the class {name}; pass an object: {name}(...).")
        if not is_augmentation(augmentation):
            raise TypeError(
                f"augment[{i}] is not an augmentation, but {augmentation!r}: it needs a method "
                "apply(values, starts, lengths, rng). skfastgrnn.augmentation has some."
            )
    return tuple(augment)


def is_augmentation(candidate):
    """Whether it is an object with a method `apply`."""
    return not isinstance(candidate, type) and callable(getattr(candidate, "apply", None))


def augmented(sequences, rows, augment, rng):
    """Some sequences, copied and augmented.

    Parameters
    ----------
    sequences : SequenceBatch
        Its values are only read.
    rows : ndarray of shape (n_rows,), intp
        Indices of the sequences, in this order; an index may be repeated.
    augment : tuple
        Augmentations, applied in turn.
    rng : numpy.random.Generator

    Returns
    -------
    SequenceBatch
        Contiguous sequences of the same lengths: sequence i is ``rows[i]``, changed.

    Raises
    ------
    ValueError
        If an augmentation returns anything but finite values of the same shape and dtype.
    """
    lengths = sequences.lengths[rows]
    starts = np.cumsum(lengths) - lengths
    lengths.flags.writeable = starts.flags.writeable = False  # augmentations must not change them
    steps = stretches(sequences.starts[rows], lengths)
    values = np.take(np.asarray(sequences.values), steps, axis=0)  # a copy, also of an np.memmap
    for i, augmentation in enumerate(augment):
        with np.errstate(over="ignore", invalid="ignore"):
            result = augmentation.apply(values, starts, lengths, rng)
        check_result(result, values, f"augment[{i}], {augmentation!r},", rows, starts)
        # Another array may be read-only, or reused by the augmentation for the next minibatch.
        values = result if result is values else np.array(result, order="C")
    return SequenceBatch(values, starts, lengths)


def check_result(result, values, name, rows, starts):
    """Raise unless `result` can replace `values`; the error locates what is not finite."""
    if not isinstance(result, np.ndarray):
        raise ValueError(
            f"{name} returned an object of type {type(result).__name__}; apply must return the "
            "array of values."
        )
    if result.shape != values.shape or result.dtype != values.dtype:
        raise ValueError(
            f"{name} returned {result.dtype} values of shape {result.shape} for {values.dtype} "
            f"values of shape {values.shape}; it must keep both."
        )
    if not all_finite(result):
        step, channel = np.argwhere(~np.isfinite(result))[0]
        i = np.searchsorted(starts, step, side="right") - 1
        raise ValueError(
            f"{name} turned a finite value into {result[step, channel]} at sample {rows[i]}, step "
            f"{step - starts[i]}, channel {channel}; make it weaker, or scale X."
        )
