"""Monitors: values of every epoch, collected from all processes by scikit-learn's monitor."""

import math
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, Options, validate_params

from .._validation._printing import plain
from ..training import warn
from ._base import is_epoch, refuse_others
from ._shared_monitor import SharedMonitor
from ._sklearn import fit_context


class EpochMonitor(SharedMonitor):
    """Base class of monitors: logs what `_measure` returns for a network after each epoch.

    scikit-learn's monitor calls a scorer with a copy of the estimator, and sends the result to the
    process that set the callback. Here the values are measured on the network in training and
    passed in place of the copy.
    """

    def __init__(self) -> None:
        super().__init__(scoring=handed_over)

    def setup(self, estimator, context):
        """Refuse other estimators."""
        refuse_others(self, estimator)
        super().setup(estimator, context)

    def on_fit_task_end(self, estimator, context, *, X, y):
        """Log an epoch."""
        if is_epoch(context):
            numbers = self._measure(estimator)
            super().on_fit_task_end(estimator, context, X=X, y=y, fitted_estimator=numbers)


def handed_over(numbers, X, y):
    """The scorer of an `EpochMonitor`."""
    return numbers


class LearningRateMonitor(EpochMonitor):
    """Log the learning rate of every epoch.

    Raises
    ------
    ImportError
        Before scikit-learn 1.9.

    See Also
    --------
    GradientMonitor : Logs norms of gradients.
    skfastgrnn.inspection.LossCurveDisplay : Plots the learning rate of one fit.

    Notes
    -----
    It is a :class:`sklearn.callback.ScoringMonitor` with one score, `learning_rate`: that of the
    optimizer in the epoch. `history_` of a fitted network contains the same; the monitor collects
    it from all fits of a search, also from other processes on the same machine.

    Examples
    --------
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.callbacks import LearningRateMonitor
    >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 10, ["rises", "falls"] * 10
    >>> model = FastGRNNClassifier(2, learning_rate="exponential", max_iter=3, random_state=0)
    >>> model = model.set_params(n_iter_no_change=float("inf"))
    >>> monitor = LearningRateMonitor()
    >>> model = model.set_callbacks(monitor).fit(X, y)
    >>> [round(row["learning_rate"], 5) for row in monitor.get_logs().data]
    [0.02, 0.019, 0.01805]
    """

    def _measure(self, estimator):
        return {"learning_rate": fit_context(estimator).state.history["learning_rate"][-1]}


class GradientMonitor(EpochMonitor):
    """Log the gradient norm of each parameter, and warn if it vanishes or explodes.

    Parameters
    ----------
    n_sequences : int, default=16
        Number of training sequences, evenly spaced, whose mean loss is differentiated. They are the
        same after each epoch, and take as long as training on them.
    vanishing : float, default=1e-7
        Warn about norms below this; 0 never warns.
    exploding : float, default=1e3
        Warn about norms above this, and about any that is not finite. May be infinity.

    Raises
    ------
    InvalidParameterError, ValueError
        If a parameter is out of its range, or `vanishing` is not below `exploding`.
    ImportError
        Before scikit-learn 1.9.

    Warns
    -----
    RuntimeWarning
        In `fit`, once for each parameter, unless it is frozen.

    See Also
    --------
    TensorBoardLogger : Writes histograms of gradients.

    Notes
    -----
    It is a :class:`sklearn.callback.ScoringMonitor` whose scores are Euclidean norms, under the
    names of the parameters in `params_`. The gradient is that of the loss alone, without penalty,
    dropout and augmentation, before `clip_norm` and `clip_value`, at the weights after the epoch.
    For a regressor it refers to targets scaled to unit variance.

    Backpropagation through time multiplies by the same matrix at every step, so over long sequences
    gradients tend to vanish or explode [1]_. FastGRNN's residual connection is meant to prevent
    this [2]_. A gradient also vanishes if there is nothing left to learn.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural
       networks", ICML 2013.
    .. [2] A. Kusupati, M. Singh, K. Bhatia, A. Kumar, P. Jain, M. Varma, "FastGRNN: A Fast,
       Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network", NeurIPS 2018.

    Examples
    --------
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.callbacks import GradientMonitor
    >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 10, ["rises", "falls"] * 10
    >>> model = FastGRNNClassifier(2, max_iter=3, n_iter_no_change=float("inf"), random_state=0)
    >>> monitor = GradientMonitor()
    >>> model = model.set_callbacks(monitor).fit(X, y)
    >>> [0.001 < row["W"] < 0.1 for row in monitor.get_logs().data]
    [True, True, True]
    """

    @validate_params(
        {
            "n_sequences": [Interval(Integral, 1, None, closed="left")],
            "vanishing": [Interval(Real, 0, None, closed="left")],
            "exploding": [Interval(Real, 0, None, closed="neither"), Options(Real, {math.inf})],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self, *, n_sequences: int = 16, vanishing: float = 1e-7, exploding: float = 1e3
    ) -> None:
        if not vanishing < exploding:
            raise ValueError(
                f"vanishing={plain(vanishing)!r} must be below exploding={plain(exploding)!r}; "
                "norms between them are not warned about."
            )
        super().__init__()
        self.n_sequences = n_sequences
        self.vanishing = vanishing
        self.exploding = exploding
        self._fits = {}  # names of the parameters warned about, by fit

    def setup(self, estimator, context):
        """Reset the warnings."""
        super().setup(estimator, context)
        self._fits[id(estimator)] = set()

    def teardown(self, estimator, context):
        """Forget the fit."""
        super().teardown(estimator, context)
        self._fits.pop(id(estimator), None)

    def _measure(self, estimator):
        running = fit_context(estimator)
        norms = {name: norm(part) for name, part in running.gradients(self.n_sequences).items()}
        warned = self._fits[id(estimator)]
        for name, value in norms.items():
            is_fine = math.isfinite(value) and self.vanishing <= value <= self.exploding
            if not (is_fine or name in warned or name in running.frozen):
                warned.add(name)
                self._warn(name, value, running.state.n_iter)
        return norms

    def _warn(self, name, value, epoch):
        if value < self.vanishing:
            problem = (
                f"less than {self.vanishing:g}: unless all is learned, it is not trained any more. "
                "Scale the input, shorten the sequences or set pooling='mean'."
            )
        else:
            limit = f"more than {self.exploding:g}" if math.isfinite(value) else "not finite"
            problem = (
                f"{limit}: the training may diverge. Lower learning_rate_init or clip_norm, scale "
                "the input or shorten the sequences."
            )
        warn(
            f"The gradient of {name} has the norm {value:.3g} after epoch {epoch}, {problem}",
            RuntimeWarning,
        )


def norm(part):
    """The Euclidean norm of an array of any shape."""
    part = part.ravel()
    return math.sqrt(part @ part)
