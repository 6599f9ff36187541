"""Learning-rate schedules.

A schedule returns, for an epoch counted from 0, the factor by which `learning_rate_init` is
multiplied:

>>> from skfastgrnn.schedules import CosineDecay, StepDecay, WarmUp
>>> schedule = StepDecay(decay=0.5, every=10)
>>> [schedule(epoch) for epoch in (0, 9, 10, 25)]
[1.0, 1.0, 0.5, 0.25]
>>> WarmUp(5, then=CosineDecay())
WarmUp(n_epochs=5, then=CosineDecay(n_epochs=None, floor=0.0), start=None)

The schedules of this module are immutable, compare equal if their parameters do, can be pickled,
and can be candidates of a grid search. They are stateless, so training that is interrupted and
resumed continues with the same rates.

Any other callable ``epoch -> factor`` is a schedule, too. If its attribute ``watches_loss`` is
true, it is called as ``schedule(epoch, losses)``, with the list of losses of all earlier epochs:
the validation losses, or the training losses if nothing is held out.

>>> class Bold:
...     watches_loss = True
...
...     def __call__(self, epoch, losses):
...         return 2.0 if epoch and losses[-1] > 1 else 1.0
>>> Bold()(2, [1.7, 1.4])
2.0
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real

import numpy as np

from ._validation._dataclasses import Number, ValidatedDataclass, registered
from ._validation._printing import plain

__all__ = [
    "Constant",
    "CosineDecay",
    "ExponentialDecay",
    "LinearDecay",
    "OneCycle",
    "ReduceOnPlateau",
    "Stages",
    "StepDecay",
    "WarmUp",
]


FRACTION = Number(Real, 0, 1, closed="both")
POSITIVE_FRACTION = Number(Real, 0, 1, closed="right")
POSITIVE_INTEGER = Number(Integral, 1, None, closed="left")
COUNT = Number(Integral, 0, None, closed="left")


class Schedule(ValidatedDataclass):
    """Base class of the schedules."""

    #: Whether it is called with the losses of earlier epochs, too.
    watches_loss = False

    def __call__(self, epoch: int, losses: Sequence[float] = ()) -> float:
        """The factor by which the learning rate is multiplied in an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        losses : sequence of float, default=()
            The monitored loss of each earlier epoch. Only schedules that monitor losses need them;
            those of this epoch and later ones are ignored.

        Returns
        -------
        float
        """
        return self._at(epoch, losses)

    def resolve(self, max_iter):
        """The schedule for training of a known length, or for a stream.

        Parameters
        ----------
        max_iter : int or None
            Maximum number of epochs; None for a stream.

        Returns
        -------
        callable
            The schedule with `max_iter` in place of ``n_epochs=None``. For a stream, which has no
            end and no comparable losses, a constant rate if the schedule needs either.
        """
        is_open = getattr(self, "n_epochs", 0) is None
        if max_iter is None:
            return Constant() if is_open or self.watches_loss else self
        return replace(self, n_epochs=max_iter) if is_open else self


@registered
@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate in every epoch: ``factor(epoch) = 1``.

    Examples
    --------
    >>> from skfastgrnn.schedules import Constant
    >>> Constant()(100)
    1.0
    """

    def _at(self, epoch, losses):
        return 1.0


@registered
@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiply the rate by a number every few epochs.

    ``factor(epoch) = decay ** (epoch // every)``, as in the training of residual networks [1]_.

    Parameters
    ----------
    decay : float, default=0.1
        Factor that the rate is multiplied by, in (0, 1].
    every : int, default=50
        Number of epochs between two reductions, at least 1.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition",
       CVPR 2016.

    Examples
    --------
    >>> from skfastgrnn.schedules import StepDecay
    >>> schedule = StepDecay(decay=0.5, every=2)
    >>> [schedule(epoch) for epoch in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    decay: float = 0.1
    every: int = 50

    _parameter_constraints = {"decay": [POSITIVE_FRACTION], "every": [POSITIVE_INTEGER]}

    def _at(self, epoch, losses):
        return self.decay ** (epoch // self.every)


@registered
@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """Multiply the rate by a number every epoch: ``factor(epoch) = decay ** epoch``.

    One of the decays that Senior et al. compare [1]_: it halves the rate every ``log(0.5) /
    log(decay)`` epochs, 13.5 by default.

    Parameters
    ----------
    decay : float, default=0.95
        Factor that the rate is multiplied by, in (0, 1].

    Raises
    ------
    ValueError
        If `decay` is out of its range.

    References
    ----------
    .. [1] A. Senior, G. Heigold, M. Ranzato, K. Yang, "An Empirical Study of Learning Rates in Deep
       Neural Networks for Speech Recognition", ICASSP 2013.

    Examples
    --------
    >>> from skfastgrnn.schedules import ExponentialDecay
    >>> schedule = ExponentialDecay(decay=0.5)
    >>> [schedule(epoch) for epoch in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    decay: float = 0.95

    _parameter_constraints = {"decay": [POSITIVE_FRACTION]}

    def _at(self, epoch, losses):
        return self.decay**epoch


@registered
@dataclass(frozen=True)
class LinearDecay(Schedule):
    """Reduce the rate in equal steps.

    ``factor(epoch) = 1 - (1 - floor) * epoch / n_epochs``, and `floor` from epoch `n_epochs` on
    [1]_.

    Parameters
    ----------
    n_epochs : int or None, default=None
        Number of epochs until the floor, at least 1. None: `max_iter`; the last epoch is then the
        last one above the floor.
    floor : float, default=0.0
        The last factor, in [0, 1].

    Raises
    ------
    ValueError
        If a parameter is out of its range, or the schedule is called while `n_epochs` is None.

    References
    ----------
    .. [1] A. Defazio, A. Cutkosky, H. Mehta, K. Mishchenko, "Optimal Linear Decay Learning Rate
       Schedules and Further Refinements", arXiv:2310.07831, 2023.

    Examples
    --------
    >>> from skfastgrnn.schedules import LinearDecay
    >>> schedule = LinearDecay(n_epochs=4, floor=0.2)
    >>> [round(schedule(epoch), 2) for epoch in range(6)]
    [1.0, 0.8, 0.6, 0.4, 0.2, 0.2]
    """

    n_epochs: int | None = None
    floor: float = 0.0

    _parameter_constraints = {"n_epochs": [POSITIVE_INTEGER, None], "floor": [FRACTION]}

    def _at(self, epoch, losses):
        progress = min(1.0, epoch / known_length(self))
        return self.floor * progress + (1 - progress)


@registered
@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Reduce the rate along half a cosine.

    ``factor(epoch) = floor + (1 - floor) * (1 + cos(pi * epoch / n_epochs)) / 2``, and `floor` from
    epoch `n_epochs` on: one cycle of SGDR, without restarts [1]_.

    Parameters
    ----------
    n_epochs : int or None, default=None
        Number of epochs until the floor, at least 1. None: `max_iter`; the last epoch is then the
        last one above the floor.
    floor : float, default=0.0
        The last factor, in [0, 1].

    Raises
    ------
    ValueError
        If a parameter is out of its range, or the schedule is called while `n_epochs` is None.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
       ICLR 2017.

    Examples
    --------
    >>> from skfastgrnn.schedules import CosineDecay
    >>> schedule = CosineDecay(n_epochs=4, floor=0.1)
    >>> [round(schedule(epoch), 2) for epoch in range(6)]
    [1.0, 0.87, 0.55, 0.23, 0.1, 0.1]
    """

    n_epochs: int | None = None
    floor: float = 0.0

    _parameter_constraints = {"n_epochs": [POSITIVE_INTEGER, None], "floor": [FRACTION]}

    def _at(self, epoch, losses):
        return half_cosine(self.floor, min(1.0, epoch / known_length(self)))


@registered
@dataclass(frozen=True)
class WarmUp(Schedule):
    """Increase the rate in equal steps, then follow another schedule.

    Large rates are most harmful in the first epochs, when weights change quickly; Goyal et al.
    start with small ones [1]_. ::

        factor(epoch) = start + (1 - start) * epoch / n_epochs     epoch < n_epochs
                      = then(epoch - n_epochs)                     otherwise

    Epoch 0 uses `start`, never 0; epoch `n_epochs` is the first of `then`.

    Parameters
    ----------
    n_epochs : int
        Number of epochs of the warm-up, at least 0.
    then : callable, default=Constant()
        The schedule that follows, which counts epochs from the end of the warm-up. If it monitors
        losses, it receives those since then. With ``n_epochs=None`` it covers the rest of the
        training.
    start : float or None, default=None
        The factor of epoch 0, in (0, 1]. None: ``1 / (n_epochs + 1)``, so that all steps are equal.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or `then` is not a schedule.

    References
    ----------
    .. [1] P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour",
       arXiv:1706.02677, 2017.

    Examples
    --------
    >>> from skfastgrnn.schedules import StepDecay, WarmUp
    >>> schedule = WarmUp(3, then=StepDecay(decay=0.1, every=2))
    >>> [schedule(epoch) for epoch in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.1]
    """

    n_epochs: int
    then: Callable = Constant()
    start: float | None = None

    _parameter_constraints = {
        "n_epochs": [COUNT],
        "then": [callable],
        "start": [POSITIVE_FRACTION, None],
    }

    def __post_init__(self):
        super().__post_init__()
        refuse_class("The 'then' parameter of WarmUp", self.then)

    @property
    def watches_loss(self):
        """Whether `then` is called with the losses of earlier epochs, too."""
        return watches_loss(self.then)

    def resolve(self, max_iter):
        """The schedule with `then` resolved for the remaining epochs.

        Parameters
        ----------
        max_iter : int or None
            Maximum number of epochs; None for a stream.

        Returns
        -------
        WarmUp
            With `then` resolved for the epochs after the warm-up, at least 1.
        """
        if max_iter is None:
            return replace(self, then=for_stream(self.then))
        return replace(self, then=for_training(self.then, max(1, max_iter - self.n_epochs)))

    def _at(self, epoch, losses):
        if epoch >= self.n_epochs:
            return called(self.then, epoch - self.n_epochs, losses[self.n_epochs :])
        start = 1 / (self.n_epochs + 1) if self.start is None else self.start
        return start + (1 - start) * epoch / self.n_epochs


@registered
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Increase the rate, then reduce it far below its start, each along half a cosine.

    Smith and Topin's policy for training in few epochs at a high rate [1]_, in two phases, like
    PyTorch's ``OneCycleLR`` with ``anneal_strategy="cos"``, but changed once per epoch. ::

        peak = max(0, warm_up * n_epochs - 1)            last = n_epochs - 1
        factor(epoch) = from start to 1, at epoch / peak                      epoch <= peak
                      = from 1 to end, at (epoch - peak) / (last - peak)      epoch <= last
                      = end                                                   otherwise

    where "from a to b, at p" is ``b + (a - b) * (1 + cos(pi * p)) / 2``. So `learning_rate_init` is
    the highest rate. A warm-up of less than one epoch is skipped: epoch 0 has the highest rate.

    Parameters
    ----------
    n_epochs : int or None, default=None
        Number of epochs of the cycle, at least 1. None: `max_iter`.
    warm_up : float, default=0.3
        The fraction of the epochs in which the rate rises, in [0, 1].
    start : float, default=0.04
        The factor of epoch 0, in (0, 1]: PyTorch's 1 / `div_factor`.
    end : float, default=1e-4
        The factor of the last and any later epoch, in [0, 1]: PyTorch's 1 / (`div_factor` *
        `final_div_factor`).

    Raises
    ------
    ValueError
        If a parameter is out of its range, or the schedule is called while `n_epochs` is None.

    References
    ----------
    .. [1] L. N. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using
       Large Learning Rates", arXiv:1708.07120, 2018.

    Examples
    --------
    >>> from skfastgrnn.schedules import OneCycle
    >>> schedule = OneCycle(n_epochs=10)
    >>> [round(schedule(epoch), 3) for epoch in range(10)]
    [0.04, 0.52, 1.0, 0.95, 0.812, 0.611, 0.389, 0.188, 0.05, 0.0]
    """

    n_epochs: int | None = None
    warm_up: float = 0.3
    start: float = 0.04
    end: float = 1e-4

    _parameter_constraints = {
        "n_epochs": [POSITIVE_INTEGER, None],
        "warm_up": [FRACTION],
        "start": [POSITIVE_FRACTION],
        "end": [FRACTION],
    }

    def _at(self, epoch, losses):
        n_epochs = known_length(self)
        last = n_epochs - 1
        peak = max(0.0, self.warm_up * n_epochs - 1)
        if epoch <= peak:
            return half_cosine(self.start, 1 - epoch / peak) if peak else 1.0
        if epoch >= last:
            return self.end
        return half_cosine(self.end, (epoch - peak) / (last - peak))


@registered
@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """Reduce the rate whenever the loss stops falling.

    It monitors the validation loss, or the training loss if nothing is held out. An epoch whose
    loss is not lower than the lowest so far by more than `threshold` is without improvement; after
    more than `patience` of these in a row the rate is reduced, ``factor <- max(factor *
    self.factor, floor)``, and the count starts again. Bottou, Curtis and Nocedal discuss why this
    works [1]_; the rules are those of PyTorch's ``ReduceLROnPlateau`` with ``threshold_mode="abs"``
    and ``eps=0``.

    Parameters
    ----------
    factor : float, default=0.1
        Factor that the rate is multiplied by, in (0, 1).
    patience : int, default=10
        Epochs without improvement before the rate is reduced, at least 0. With early stopping,
        choose it smaller than `n_iter_no_change` - 1: otherwise training ends before the rate is
        reduced.
    threshold : float, default=1e-4
        Minimum decrease that counts as an improvement, at least 0.
    floor : float, default=0.0
        The lowest factor of `learning_rate_init`, in [0, 1].
    cooldown : int, default=0
        Epochs after a reduction during which epochs without improvement are not counted, at least
        0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or it is called with fewer losses than earlier epochs.

    Notes
    -----
    The factor is recomputed in each epoch from all earlier losses, and depends on nothing else.
    This takes about 0.2 ms in epoch 1000.

    References
    ----------
    .. [1] L. Bottou, F. E. Curtis, J. Nocedal, "Optimization Methods for Large-Scale Machine
       Learning", SIAM Review 60(2), 223-311, 2018, section 4.2.

    Examples
    --------
    >>> from skfastgrnn.schedules import ReduceOnPlateau
    >>> schedule = ReduceOnPlateau(factor=0.5, patience=1)
    >>> losses = [0.9, 0.5, 0.6, 0.7, 0.4]
    >>> [schedule(epoch, losses) for epoch in range(6)]
    [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    floor: float = 0.0
    cooldown: int = 0

    watches_loss = True

    _parameter_constraints = {
        "factor": [Number(Real, 0, 1, closed="neither")],
        "patience": [COUNT],
        "threshold": [Number(Real, 0, np.inf, closed="left")],
        "floor": [FRACTION],
        "cooldown": [COUNT],
    }

    def _at(self, epoch, losses):
        if len(losses) < epoch:
            raise ValueError(
                f"{self!r} needs the losses of the epochs before epoch {epoch}, one for each, got "
                f"{len(losses)}."
            )
        factor, best, n_bad, n_cooling = 1.0, math.inf, 0, 0
        for loss in losses[:epoch]:
            n_bad += 1
            if loss < best - self.threshold:
                best, n_bad = loss, 0
            if n_cooling > 0:
                n_cooling -= 1
                n_bad = 0
            if n_bad > self.patience:
                factor = max(factor * self.factor, self.floor)
                n_cooling, n_bad = self.cooldown, 0
        return factor


@registered
@dataclass(frozen=True)
class Stages(Schedule):
    """Rise from a fraction to 1 in equal stages, for the `curriculum` of distillation.

    ``share(epoch) = start + (1 - start) * stage / (n_stages - 1)`` with ``stage = n_stages * epoch
    // n_epochs``, and 1 from the last stage on: first the easiest samples, then more of them, then
    all [1]_. As a learning-rate schedule it is a warm-up in stages.

    Parameters
    ----------
    n_stages : int, default=3
        Number of stages, at least 2.
    start : float, default=0.3
        The fraction in the first stage, in (0, 1].
    n_epochs : int or None, default=None
        Number of epochs of all stages together, at least 1. None: `max_iter`.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or the schedule is called while `n_epochs` is None.

    References
    ----------
    .. [1] Y. Bengio, J. Louradour, R. Collobert, J. Weston, "Curriculum Learning", ICML 2009.

    Examples
    --------
    >>> from skfastgrnn.schedules import Stages
    >>> schedule = Stages(n_stages=3, start=0.5, n_epochs=6)
    >>> [schedule(epoch) for epoch in range(8)]
    [0.5, 0.5, 0.75, 0.75, 1.0, 1.0, 1.0, 1.0]
    """

    n_stages: int = 3
    start: float = 0.3
    n_epochs: int | None = None

    _parameter_constraints = {
        "n_stages": [Number(Integral, 2, None, closed="left")],
        "start": [POSITIVE_FRACTION],
        "n_epochs": [POSITIVE_INTEGER, None],
    }

    def _at(self, epoch, losses):
        last = self.n_stages - 1
        stage = min(last, self.n_stages * epoch // known_length(self))
        return (self.start * (last - stage) + stage) / last


#: Schedules by name.
NAMES = {
    "constant": Constant,
    "step": StepDecay,
    "exponential": ExponentialDecay,
    "linear": LinearDecay,
    "cosine": CosineDecay,
    "one_cycle": OneCycle,
    "plateau": ReduceOnPlateau,
}


def schedule_named(name, *, lr_decay=None, lr_decay_step=None):
    """The schedule of a name.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    lr_decay : float or None, default=None
        `decay` of "step" and "exponential"; None for their own default. Others ignore it.
    lr_decay_step : int or None, default=None
        `every` of "step"; None for its default. Others ignore it.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If there is no such name, or a setting in use is out of its range.

    Examples
    --------
    >>> from skfastgrnn.schedules import schedule_named
    >>> schedule_named("step", lr_decay=0.5)
    StepDecay(decay=0.5, every=50)
    """
    if name not in NAMES:
        raise ValueError(f"No schedule is called {name!r}; there are {', '.join(NAMES)}.")
    settings = {"decay": lr_decay, "every": lr_decay_step}
    wanted = {field.name for field in fields(NAMES[name])}
    given = {key: value for key, value in settings.items() if value is not None and key in wanted}
    return NAMES[name](**given)


def for_training(schedule, max_iter):
    """A schedule with ``n_epochs=None`` replaced by the length of the training.

    Parameters
    ----------
    schedule : callable
    max_iter : int
        Epochs of the training, at most; at least 1.

    Returns
    -------
    callable
        The schedule with `max_iter` in place of ``n_epochs=None``; the one after a warm-up gets the
        remaining epochs, at least 1. Any other schedule is returned unchanged.

    Raises
    ------
    ValueError
        If it is a class instead of an object.

    Examples
    --------
    >>> from skfastgrnn.schedules import CosineDecay, WarmUp, for_training
    >>> for_training(WarmUp(5, then=CosineDecay()), max_iter=100)
    WarmUp(n_epochs=5, then=CosineDecay(n_epochs=95, floor=0.0), start=None)
    """
    refuse_class("A schedule", schedule)
    return schedule.resolve(max_iter) if isinstance(schedule, Schedule) else schedule


def for_stream(schedule):
    """A schedule for the batches of a stream, which has no end and no comparable losses.

    Parameters
    ----------
    schedule : callable

    Returns
    -------
    callable
        The constant rate in place of a schedule that has ``n_epochs=None`` or monitors losses, also
        after a warm-up. Any other schedule is returned unchanged.

    Raises
    ------
    ValueError
        If it is a class instead of an object.

    Examples
    --------
    >>> from skfastgrnn.schedules import CosineDecay, StepDecay, WarmUp, for_stream
    >>> for_stream(CosineDecay())
    Constant()
    >>> for_stream(WarmUp(5, then=CosineDecay()))
    WarmUp(n_epochs=5, then=Constant(), start=None)
    >>> for_stream(StepDecay(every=10))
    StepDecay(decay=0.1, every=10)
    """
    refuse_class("A schedule", schedule)
    if isinstance(schedule, Schedule):
        return schedule.resolve(None)
    return Constant() if watches_loss(schedule) else schedule


def checked_factor(schedule, epoch, losses):
    """The factor that a schedule returns, validated.

    Parameters
    ----------
    schedule : callable
        Called with `epoch`, and with `losses` if its `watches_loss` is true.
    epoch : int
        Counted from 0.
    losses : list of float
        The monitored loss of each earlier epoch, ``len(losses) == epoch``.

    Returns
    -------
    float
        Finite, at least 0.

    Raises
    ------
    ValueError
        If it is not a real number, not finite or negative.

    Examples
    --------
    >>> from skfastgrnn.schedules import checked_factor
    >>> checked_factor(lambda epoch: 1 / (1 + epoch), epoch=3, losses=[0.9, 0.6, 0.5])
    0.25
    """
    returned = called(schedule, epoch, losses)
    factor = returned
    if isinstance(returned, np.generic | np.ndarray) and returned.ndim == 0:
        factor = returned.item()
    is_number = isinstance(factor, Real) and not isinstance(factor, bool)
    # The comparison is exact for integers of any size, and false for NaN.
    if not is_number or not 0 <= factor <= sys.float_info.max:
        raise ValueError(
            f"The schedule {schedule!r} returned {plain(returned)!r} at epoch {epoch}; it must "
            "return a finite number, 0 or above."
        )
    return float(factor)


def watches_loss(schedule):
    """Whether a schedule is called with the losses of earlier epochs, too."""
    return bool(getattr(schedule, "watches_loss", False))


def called(schedule, epoch, losses):
    return schedule(epoch, losses) if watches_loss(schedule) else schedule(epoch)


def half_cosine(low, progress):
    """Half a cosine from 1 to `low`, as progress goes from 0 to 1: exact at both ends."""
    return low + (1 - low) * (1 + math.cos(math.pi * progress)) / 2


def known_length(schedule):
    if schedule.n_epochs is None:
        raise ValueError(
            f"{schedule!r} takes its length from the training; to call it directly, set n_epochs."
        )
    return schedule.n_epochs


def refuse_class(what, schedule):
    """Raise if a schedule is a class, which would be called with the epoch as a parameter."""
    if isinstance(schedule, type):
        name = schedule.__name__
        raise ValueError(f"{what} must be an object, not the class {name}: write {name}(...).")
