"""Adapter to scikit-learn's callbacks: the only file that imports the experimental module.

Callbacks follow the protocol `sklearn.callback.FitCallback`. The fit of a network is a task whose
subtasks are its epochs. Hooks receive the X, y and weights passed to `fit` and, only if they
request it, a `fitted_estimator`: a copy of the estimator with the current weights and history.
The callbacks of this package may also use the `fit_context` of the estimator.
"""

from contextlib import contextmanager, nullcontext

import sklearn

try:
    from sklearn.callback import CallbackSupportMixin, ScoringMonitor, _transport, with_callbacks
except ImportError:  # before scikit-learn 1.9
    _transport = None

    def refuse_callbacks(*args, **kwargs):
        """Say what to upgrade."""
        raise ImportError(
            f"Callbacks need scikit-learn 1.9 or newer, this is {sklearn.__version__}: "
            "pip install --upgrade 'scikit-learn>=1.9'."
        )

    class CallbackSupportMixin:
        """Stands in for scikit-learn's."""

        def set_callbacks(self, *callbacks):
            """Set callbacks for the estimator: needs scikit-learn 1.9 or newer."""
            refuse_callbacks()

    class ScoringMonitor:
        """Stands in for scikit-learn's."""

        __init__ = refuse_callbacks

    def with_callbacks(method):
        """Return the method unchanged."""
        return method


class CallbackSupport(CallbackSupportMixin):
    """Mixin of estimators whose fit is a task with subtasks."""


class EpochSupport(CallbackSupport):
    """Mixin of networks: the subtasks are epochs, and a `FitContext` is available."""


class FitContext:
    """State of a fit for the callbacks of this package, besides scikit-learn's arguments.

    state : TrainingState
    checkpoint_state : callable, returns the state that another process needs to resume training
    current_estimator, best_estimator : callables, return the estimator fitted with the current or
        the best weights
    gradients : callable, n_sequences -> dict of float64 arrays: the gradient of their mean loss
    frozen : set of the names of parameters that are not trained
    scoring_data : callable, returns the (X, y) of a score: those of validation, or of training
    """

    def __init__(
        self,
        state,
        *,
        checkpoint_state,
        current_estimator,
        best_estimator,
        gradients,
        frozen,
        scoring_data,
    ):
        self.state = state
        self.checkpoint_state = checkpoint_state
        self.current_estimator = current_estimator
        self.best_estimator = best_estimator
        self.gradients = gradients
        self.frozen = frozen
        self.scoring_data = scoring_data


def fit_context(estimator):
    """The `FitContext` of an estimator whose fit runs."""
    return estimator._running_fit


class FitNotifier:
    """Calls the hooks of an estimator's callbacks during its fit.

    The constructor sets the callbacks up; it must be called inside a method `with_callbacks`, which
    tears them down.

    Parameters
    ----------
    estimator : BaseFastGRNN
    given : dict
        X, y and metadata (the weights) of the fit, passed to hooks unchanged.
    """

    def __init__(self, estimator, given):
        self._estimator = estimator
        self._given = given
        self._context = None
        self._fit = estimator._init_callback_context(max_subtasks=None)
        self._epoch = None

    def fit_begins(self, running, n_epochs):
        """Open the task of the fit, of at most `n_epochs`; `running` is its `FitContext`."""
        self._context = running
        self._fit.max_subtasks = n_epochs  # not known before X has been read
        self._fit.call_on_fit_task_begin(estimator=self._estimator, **self._given)

    def follow(self, running):
        """The epochs to come are those of another `FitContext`."""
        self._context = running

    def epoch_begins(self):
        """Open the task of an epoch."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._given)

    def epoch_ends(self):
        """Close the task of an epoch; returns whether a callback stops training."""
        return self._epoch.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=self._attributes, **self._given
        )

    def _attributes(self):
        """The whole `__dict__`, so that no attributes of an earlier fit remain."""
        return {"__dict__": vars(self._context.current_estimator())}

    def fit_ends(self):
        """Close the task of the fit; the estimator is fitted."""
        self._fit.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=dict, **self._given
        )


def make_notifier(estimator, X, y, sample_weight):
    """`FitNotifier` for an estimator, or None if it has no callbacks."""
    if not getattr(estimator, "_skl_callbacks", ()):
        return None
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return FitNotifier(estimator, {"X": X, "y": y, "metadata": metadata})


class StepNotifier:
    """Calls the hooks of a meta-estimator's callbacks for each estimator that it fits.

    Propagated callbacks, such as progress bars, follow those fits as well. Like `FitNotifier`, to
    be constructed inside a method `with_callbacks`. The fit is a task even without callbacks of its
    own: inner estimators may have callbacks, which need their parent tasks.
    """

    def __init__(self, estimator, n_steps, X, y):
        self._estimator = estimator
        self._given = {"X": X, "y": y}
        self._fit = None
        if hasattr(estimator, "_init_callback_context"):  # of scikit-learn 1.9
            self._fit = estimator._init_callback_context(max_subtasks=n_steps)
            self._fit.call_on_fit_task_begin(estimator=estimator, **self._given)

    @contextmanager
    def step(self, name, sub_estimator):
        """The task of one of the fits."""
        if self._fit is None:
            yield
            return
        step = self._fit.subcontext(task_name=name)
        follows = hasattr(sub_estimator, "set_callbacks")
        with step.propagate_callback_context(sub_estimator) if follows else nullcontext():
            step.call_on_fit_task_begin(estimator=self._estimator, **self._given)
            yield
            step.call_on_fit_task_end(estimator=self._estimator, **self._given)

    def end(self):
        """Close the task of the whole fit; the estimator is fitted."""
        if self._fit is not None:
            self._fit.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes=dict, **self._given
            )
