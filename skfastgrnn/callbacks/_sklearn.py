"""The way to scikit-learn's callbacks: the one file that imports `sklearn.callback`, an experiment.

Callbacks follow the protocol `sklearn.callback.FitCallback`. The fit of a network is a task whose
subtasks are its epochs. Their hooks get the X, y and weights that `fit` got and, only if they ask
for it, a `fitted_estimator`: a copy of the estimator with the weights and the history of now. Those
of this package may also look at the `fit_context` of the estimator.
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
        """Answer the method as it is."""
        return method


class CallbackSupport(CallbackSupportMixin):
    """What estimators inherit whose fit is a task with subtasks."""


class EpochSupport(CallbackSupport):
    """What networks inherit: the subtasks are epochs, and there is an `FitContext` to look at."""


class FitContext:
    """What the callbacks of this package see of a training, beside scikit-learn's arguments.

    state : TrainingState
    checkpoint_state : callable, returns all that another process needs to resume the training
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
    """Tells the callbacks of an estimator what its fit does.

    Making one sets the callbacks up; it has to be made inside of a method `with_callbacks`, which
    tears them down.

    Parameters
    ----------
    estimator : BaseFastGRNN
    given : dict
        X, y and metadata (the weights) of the fit: what hooks get as it is.
    """

    def __init__(self, estimator, given):
        self._estimator = estimator
        self._given = given
        self._context = None
        self._fit = estimator._init_callback_context(max_subtasks=None)
        self._epoch = None

    def fit_begins(self, running, n_epochs):
        """Open the task of the fit, of so many epochs at most; `running` is its `FitContext`."""
        self._context = running
        self._fit.max_subtasks = n_epochs  # not known before X has been read
        self._fit.call_on_fit_task_begin(estimator=self._estimator, **self._given)

    def epoch_begins(self):
        """Open the task of an epoch."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._given)

    def epoch_ends(self):
        """Close it; answers whether a callback ends the training."""
        return self._epoch.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=self._attributes, **self._given
        )

    def _attributes(self):
        """All at once, so that those of an earlier fit do not remain beside them."""
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
    """Tells the callbacks of a meta-estimator which estimators it fits, one after the other.

    Callbacks that are propagated, as progress bars are, follow those fits as well. Like
    `FitNotifier`, to be made inside of a method `with_callbacks`. Without callbacks of its own the
    fit is a task all the same: an estimator inside may have some, which ask what it is a part of.
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
