"""Learning rates that change from epoch to epoch.

A schedule answers to an epoch, counted from 0, the factor by which `learning_rate_init` is
multiplied in it:

>>> from skfastgrnn.schedules import CosineDecay, StepDecay, WarmUp
>>> schedule = StepDecay(decay=0.5, every=10)
>>> [schedule(epoch) for epoch in (0, 9, 10, 25)]
[1.0, 1.0, 0.5, 0.25]
>>> WarmUp(5, then=CosineDecay())
WarmUp(n_epochs=5, then=CosineDecay(n_epochs=None, floor=0.0), start=None)

Those of this module are values: they cannot be changed, two with the same parameters are equal, and
they can be pickled and be the candidates of a grid search. They remember nothing of the epochs
before, so training that is interrupted and resumed goes on with the same rates.

Any other callable ``epoch -> factor`` is a schedule too. One with an attribute ``watches_loss``
that is true is called as ``schedule(epoch, losses)``, with the list of the losses of the epochs
before, one for each: the validation losses, or the training losses where nothing is held out.

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
from collections.abc import Callable
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
    """What those of this module share."""

    #: Whether it is called with the losses of the epochs before, too.
    watches_loss = False

    def __call__(self, epoch, losses=()):
        """The factor by which the learning rate is multiplied in an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        losses : sequence of float, default=()
            The watched loss of each epoch before. Only schedules that watch losses need them; those
            of this epoch and later ones do not matter.

        Returns
        -------
        float
        """
        return self._at(epoch, losses)

    def resolve(self, max_iter):
        """The schedule for a training of so many epochs, at most, or with None for a stream.

        ``n_epochs=None`` becomes `max_iter`. A stream has no end and no losses to compare: what
        needs them is constant there.
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
        By what the rate is multiplied, in (0, 1].
    every : int, default=50
        After how many epochs, at least 1.

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

    Of the decays that Senior et al. compare [1]_, the one with the rate of its fall as its only
    parameter: it halves the rate every ``log(0.5) / log(decay)`` epochs, 13.5 by default.

    Parameters
    ----------
    decay : float, default=0.95
        By what the rate is multiplied, in (0, 1].

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
    """Lower the rate in equal steps.

    ``factor(epoch) = 1 - (1 - floor) * epoch / n_epochs``, and `floor` from epoch `n_epochs` on
    [1]_.

    Parameters
    ----------
    n_epochs : int or None, default=None
        Epochs until the floor, at least 1. None: as many as the training has at most, `max_iter`;
        its last epoch is then the last one above the floor.
    floor : float, default=0.0
        The last factor, in [0, 1].

    Raises
    ------
    ValueError
        If a parameter is out of its range, or it is called while `n_epochs` is None.

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
    """Lower the rate along half a cosine.

    ``factor(epoch) = floor + (1 - floor) * (1 + cos(pi * epoch / n_epochs)) / 2``, and `floor` from
    epoch `n_epochs` on: one cycle of SGDR, without restarts [1]_.

    Parameters
    ----------
    n_epochs : int or None, default=None
        Epochs until the floor, at least 1. None: as many as the training has at most, `max_iter`;
        its last epoch is then the last one above the floor.
    floor : float, default=0.0
        The last factor, in [0, 1].

    Raises
    ------
    ValueError
        If a parameter is out of its range, or it is called while `n_epochs` is None.

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
    """Raise the rate in equal steps, then follow another schedule.

    Large rates harm most in the first epochs, when weights change quickly; Goyal et al. begin with
    small ones [1]_. ::

        factor(epoch) = start + (1 - start) * epoch / n_epochs     epoch < n_epochs
                      = then(epoch - n_epochs)                     otherwise

    Epoch 0 trains at `start`, never at 0; epoch `n_epochs` is the first of `then`.

    Parameters
    ----------
    n_epochs : int
        Epochs of the warm-up, at least 0.
    then : callable, default=Constant()
        What follows: a schedule of this module or any other, which counts epochs from the end of
        the warm-up. If it watches losses, it sees those since then. With ``n_epochs=None`` it is as
        long as the rest of the training.
    start : float or None, default=None
        The factor of epoch 0, in (0, 1]. None: ``1 / (n_epochs + 1)``, which makes the first step
        from 0 as large as the others.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or `then` is no schedule.

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
        """Whether what follows is called with the losses of the epochs before, too."""
        return watches_loss(self.then)

    def resolve(self, max_iter):
        """The same; what follows gets the epochs that are left, at least 1."""
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
    """Raise the rate and lower it again, far below where it began, each along half a cosine.

    Smith and Topin's policy for training in few epochs at a high rate [1]_, in two phases, as
    PyTorch's ``OneCycleLR`` with ``anneal_strategy="cos"``; here the rate changes once an epoch. ::

        peak = max(0, warm_up * n_epochs - 1)            last = n_epochs - 1
        factor(epoch) = from start to 1, at epoch / peak                      epoch <= peak
                      = from 1 to end, at (epoch - peak) / (last - peak)      epoch <= last
                      = end                                                   otherwise

    where "from a to b, at p" is ``b + (a - b) * (1 + cos(pi * p)) / 2``. So `learning_rate_init` is
    the highest rate. A warm-up of less than one epoch is none: epoch 0 has the highest rate.

    Parameters
    ----------
    n_epochs : int or None, default=None
        Epochs of the cycle, at least 1. None: as many as the training has at most, `max_iter`.
    warm_up : float, default=0.3
        The part of them in which the rate rises, in [0, 1].
    start : float, default=0.04
        The factor of epoch 0, in (0, 1]: 1 / `div_factor` of PyTorch.
    end : float, default=1e-4
        The factor of the last epoch and of any after it, in [0, 1]: 1 / (`div_factor` *
        `final_div_factor`) of PyTorch.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or it is called while `n_epochs` is None.

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
    """Multiply the rate by a number whenever the loss stops falling.

    It watches the validation loss, or the training loss where nothing is held out. An epoch whose
    loss is not below the lowest so far by more than `threshold` is a bad one; after more than
    `patience` of them in a row the rate falls, ``factor <- max(factor * self.factor, floor)``, and
    counting begins again. Bottou, Curtis and Nocedal discuss why that works [1]_; the rules are
    those of PyTorch's ``ReduceLROnPlateau`` with ``threshold_mode="abs"`` and ``eps=0``.

    Parameters
    ----------
    factor : float, default=0.1
        By what the rate is multiplied, in (0, 1).
    patience : int, default=10
        Bad epochs in a row that are put up with, at least 0. Where training stops early, choose it
        smaller than `n_iter_no_change` - 1: otherwise training ends before the rate falls.
    threshold : float, default=1e-4
        By more than what a loss must be lower, at least 0.
    floor : float, default=0.0
        The lowest factor of `learning_rate_init`, in [0, 1].
    cooldown : int, default=0
        Epochs after a fall of the rate in which bad ones do not count, at least 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or it is called with fewer losses than epochs before.

    Notes
    -----
    All is computed again from the losses of all epochs, in each of them: what it answers depends on
    nothing else. That costs some 0.2 ms in epoch 1000.

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
    """Rise from a part to the whole in equal stages: for the `curriculum` of distillation.

    ``share(epoch) = start + (1 - start) * stage / (n_stages - 1)`` with ``stage = n_stages * epoch
    // n_epochs``, and 1 from the last stage on: the easiest part of the samples first, then more of
    them, then all [1]_. As a schedule of the learning rate it is a warm-up in stages.

    Parameters
    ----------
    n_stages : int, default=3
        At least 2.
    start : float, default=0.3
        The share of the first stage, in (0, 1].
    n_epochs : int or None, default=None
        Epochs of all stages together, at least 1. None: as many as the training has at most,
        `max_iter`.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or it is called while `n_epochs` is None.

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


#: What the names of schedules mean.
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
    """The schedule that a string stands for.

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
        If there is no such name, or a setting that counts is out of its range.

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
    """A schedule whose length is known, where it is to be as long as the training.

    Parameters
    ----------
    schedule : callable
    max_iter : int
        Epochs of the training, at most; at least 1.

    Returns
    -------
    callable
        The schedule with `max_iter` in place of ``n_epochs=None``; what follows a warm-up gets what
        that leaves, at least 1. Any other schedule is answered as it is.

    Raises
    ------
    ValueError
        If it is a class, not an object.

    Examples
    --------
    >>> from skfastgrnn.schedules import CosineDecay, WarmUp, for_training
    >>> for_training(WarmUp(5, then=CosineDecay()), max_iter=100)
    WarmUp(n_epochs=5, then=CosineDecay(n_epochs=95, floor=0.0), start=None)
    """
    refuse_class("A schedule", schedule)
    return schedule.resolve(max_iter) if isinstance(schedule, Schedule) else schedule


def for_stream(schedule):
    """A schedule for epochs over pieces of a stream, which has no end and no losses to compare.

    Parameters
    ----------
    schedule : callable

    Returns
    -------
    callable
        The constant rate in place of what has ``n_epochs=None`` or watches losses, also after a
        warm-up. Any other schedule is returned as it is.

    Raises
    ------
    ValueError
        If it is a class, not an object.

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
    """What a schedule answers, if the learning rate can be multiplied by it.

    Parameters
    ----------
    schedule : callable
        Called with `epoch`, and with `losses` if its `watches_loss` is true.
    epoch : int
        Counted from 0.
    losses : list of float
        The watched loss of each epoch before, ``len(losses) == epoch``.

    Returns
    -------
    float
        Finite, at least 0.

    Raises
    ------
    ValueError
        If the answer is no real number, not finite or negative.

    Examples
    --------
    >>> from skfastgrnn.schedules import checked_factor
    >>> checked_factor(lambda epoch: 1 / (1 + epoch), epoch=3, losses=[0.9, 0.6, 0.5])
    0.25
    """
    answer = called(schedule, epoch, losses)
    factor = answer
    if isinstance(answer, np.generic | np.ndarray) and answer.ndim == 0:
        factor = answer.item()
    is_number = isinstance(factor, Real) and not isinstance(factor, bool)
    # The comparison is exact for integers of any size, and false for NaN.
    if not is_number or not 0 <= factor <= sys.float_info.max:
        raise ValueError(
            f"The schedule {schedule!r} answered {plain(answer)!r} at epoch {epoch}; it must "
            "answer a finite number, 0 or above."
        )
    return float(factor)


def watches_loss(schedule):
    """Whether a schedule is called with the losses of the epochs before, too."""
    return bool(getattr(schedule, "watches_loss", False))


def called(schedule, epoch, losses):
    return schedule(epoch, losses) if watches_loss(schedule) else schedule(epoch)


def half_cosine(low, progress):
    """From 1 to `low`, as progress goes from 0 to 1: never outside of these, exact at both ends."""
    return low + (1 - low) * (1 + math.cos(math.pi * progress)) / 2


def known_length(schedule):
    if schedule.n_epochs is None:
        raise ValueError(
            f"{schedule!r} is as long as a training: outside of one, say how many n_epochs it has."
        )
    return schedule.n_epochs


def refuse_class(what, schedule):
    """A class is callable, and would be called with the epoch as its first parameter."""
    if isinstance(schedule, type):
        name = schedule.__name__
        raise ValueError(f"{what} must be an object, not the class {name}: write {name}(...).")
