"""The way to scikit-learn's callbacks: the one file that imports `sklearn.callback`, an experiment.

Callbacks follow the protocol `sklearn.callback.FitCallback`. The fit of a network is a task whose
subtasks are its epochs. Their hooks get the X, y and weights that `fit` got and, only if they ask
for it, a `fitted_estimator`: a copy of the estimator with the weights and the history of now. Those
of this package may also look at ``estimator._ongoing``, an `OngoingFit`.
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
    """What networks inherit: the subtasks are epochs, and there is an `OngoingFit` to look at."""


class OngoingFit:
    """What the callbacks of this package see of a training, beside scikit-learn's arguments.

    state : TrainingState
    as_dict : callable, answers all that another process needs to take the training up
    now, best : callables, answer the estimator as fitted with the weights of now, or the best ones
    gradients : callable, n_sequences -> dict of float64 arrays: the gradient of their mean loss
    frozen : set of the names of parameters that are not trained
    scored : callable, answers the (X, y) of a score: those of validation, or else of training
    """

    def __init__(self, state, *, as_dict, now, best, gradients, frozen, scored):
        self.state = state
        self.as_dict = as_dict
        self.now = now
        self.best = best
        self.gradients = gradients
        self.frozen = frozen
        self.scored = scored


class FitCalls:
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
        self._ongoing = None
        self._fit = estimator._init_callback_context(max_subtasks=None)
        self._epoch = None

    def fit_begins(self, ongoing, n_epochs):
        """Open the task of the fit, of so many epochs at most; `ongoing` is its `OngoingFit`."""
        self._ongoing = ongoing
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
        return {"__dict__": vars(self._ongoing.now())}

    def fit_ends(self):
        """Close the task of the fit; the estimator is fitted."""
        self._fit.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=dict, **self._given
        )


def calls_of_fit(estimator, X, y, sample_weight):
    """`FitCalls` for an estimator, or None if it has no callbacks."""
    if not getattr(estimator, "_skl_callbacks", ()):
        return None
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return FitCalls(estimator, {"X": X, "y": y, "metadata": metadata})


class StepCalls:
    """Tells the callbacks of a meta-estimator which estimators it fits, one after the other.

    Callbacks that are propagated, as progress bars are, follow those fits as well. Like `FitCalls`,
    to be made inside of a method `with_callbacks`. Without callbacks of its own the fit is a task
    all the same: an estimator inside may have some, which ask what it is a part of.
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
