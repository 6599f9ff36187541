"""EarlyStoppingOnMetric: stop when a score has stopped improving."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._validation._printing import plain
from ._base import Callback, is_epoch
from ._sklearn import fit_context


class EarlyStoppingOnMetric(Callback):
    """Stop training when a score has stopped improving.

    The network's own early stopping monitors the loss. This one monitors a score of your choice,
    such as `"balanced_accuracy"`, `"f1_macro"` or a custom function.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        A scorer, where higher is better: a name as in :func:`sklearn.metrics.get_scorer`, a
        function of ``(estimator, X, y)`` that returns a number, or None for the estimator's
        `score`.
    X_val : array-like or list, default=None
        Sequences to score, in the form of the network's input: in a pipeline, after the
        transformers. None uses the held-out part or, if nothing is held out, the training data.
    y_val : array-like, default=None
        Targets of X_val.
    patience : int, default=10
        Number of epochs in a row without an improvement after which training stops.
    tol : float, default=0.0
        Minimum increase over the best score that counts as an improvement.

    Raises
    ------
    InvalidParameterError, ValueError
        If a parameter is out of its range, or only one of X_val and y_val is given.
    ValueError, TypeError
        In `fit`, if `scoring` does not suit the estimator, or does not return a number, or returns
        NaN.

    See Also
    --------
    TimeLimit : Stops training after some time.

    Notes
    -----
    It decides when to stop, not which weights to keep. These are chosen as usual: with a held-out
    part (`early_stopping` and `X_val` of the network) those of the epoch with the lowest validation
    loss; without, the last ones, unless those of an earlier epoch fit the training data better.

    The network's own early stopping remains active. Set ``n_iter_no_change=float("inf")`` of
    the network so that only this callback stops training.

    All samples have equal weight in the score, unless the scorer supplies weights. After `resume`
    the count of epochs starts at 0.

    Examples
    --------
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.callbacks import EarlyStoppingOnMetric
    >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 10, ["rises", "falls"] * 10
    >>> model = FastGRNNClassifier(2, n_iter_no_change=float("inf"), random_state=0)
    >>> stopping = EarlyStoppingOnMetric("balanced_accuracy", patience=5)
    >>> model.set_callbacks(stopping).fit(X, y).n_iter_ < 50  # it cannot get better than 1
    True
    """

    @validate_params(
        {
            "scoring": [StrOptions(set(get_scorer_names())), callable, None],
            "X_val": ["array-like", None],
            "y_val": ["array-like", None],
            "patience": [Interval(Integral, 1, None, closed="left")],
            "tol": [Interval(Real, 0, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        scoring: str | Callable | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        patience: int = 10,
        tol: float = 0.0,
    ) -> None:
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} is provided, but {missing} was not provided.")
        self.scoring = scoring
        self.X_val = X_val
        self.y_val = y_val
        self.patience = patience
        self.tol = tol
        self._fits = {}  # the Watch of each

    def setup(self, estimator, context):
        """Find the scorer."""
        super().setup(estimator, context)
        self._fits[id(estimator)] = Watch(check_scoring(estimator, self.scoring))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Return whether the score has not improved for `patience` epochs."""
        if not is_epoch(context):
            return False
        watch = self._fits[id(estimator)]
        if watch.data is None:
            is_own = self.X_val is not None
            watch.data = (
                (self.X_val, self.y_val) if is_own else fit_context(estimator).scoring_data()
            )
        score = watch.scorer(fitted_estimator, *watch.data)
        epoch = fit_context(estimator).state.n_iter
        return watch.sees(self._checked(score, epoch), self.tol) >= self.patience

    def _checked(self, score, epoch):
        what = f"scoring={self.scoring!r}"
        if isinstance(score, np.ndarray | np.generic) and score.size == 1:
            score = score.item()
        if not isinstance(score, Real):
            raise TypeError(f"{what} must return a number, not {plain(score)!r}.")
        if np.isnan(score):
            raise ValueError(f"{what} returned NaN after epoch {epoch}, which is not a score.")
        return score

    def teardown(self, estimator, context):
        """Forget the fit."""
        self._fits.pop(id(estimator), None)


class Watch:
    """The best score of a fit so far, and how many epochs ago it was."""

    def __init__(self, scorer):
        self.scorer = scorer
        self.data = None
        self.best = -np.inf
        self.n_bad_epochs = 0

    def sees(self, score, tol):
        """Return the number of epochs without an improvement of the score."""
        improved = score > self.best + tol
        self.n_bad_epochs = 0 if improved else self.n_bad_epochs + 1
        if improved:
            self.best = score
        return self.n_bad_epochs
