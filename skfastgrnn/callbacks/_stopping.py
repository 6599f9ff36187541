"""EarlyStoppingOnMetric: no longer than a score of the user's choice improves."""

from numbers import Integral, Real

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._validation._printing import plain
from ._base import Callback, is_epoch
from ._sklearn import fit_context


class EarlyStoppingOnMetric(Callback):
    """End the training when a score has stopped improving.

    The network's own early stopping watches the loss. This one watches what you are after, be it
    `"balanced_accuracy"`, `"f1_macro"` or a function of your own.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        A scorer, of which more is better: a name as in :func:`sklearn.metrics.get_scorer`, a
        function of ``(estimator, X, y)`` that answers a number, or None for the estimator's
        `score`.
    X_val : array-like or list, default=None
        Sequences to compute the score of, as the network gets them: inside of a pipeline, after the
        transformers. None takes those that the fit holds out or, if it holds none out, those that
        it trains on.
    y_val : array-like, default=None
        Targets of X_val.
    patience : int, default=10
        Epochs in a row without an improvement after which the training ends.
    tol : float, default=0.0
        An epoch is an improvement if its score is more than this above the best before.

    Raises
    ------
    InvalidParameterError, ValueError
        If a parameter is not in its range, or of X_val and y_val one comes without the other.
    ValueError, TypeError
        In `fit`, if `scoring` does not fit the estimator, or answers NaN or no number.

    See Also
    --------
    TimeLimit : Ends the training after some time.

    Notes
    -----
    It says when to stop, not which weights to keep. These are chosen as ever: with a held-out part
    (`early_stopping` and `X_val` of the network) those of the epoch of the lowest validation loss;
    without, the last ones, unless those of an earlier epoch fit the training data better.

    The network's own early stopping goes on working. ``n_iter_no_change=float("inf")`` of the
    network leaves the end to this callback alone.

    Scores are of all samples alike; a scorer that weighs them has to bring the weights along. After
    `resume` the counting of epochs begins anew.

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
    def __init__(self, scoring=None, *, X_val=None, y_val=None, patience=10, tol=0.0):
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
        """Answer whether the score has not improved for long enough."""
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
            raise TypeError(f"{what} must answer a number, not {plain(score)!r}.")
        if np.isnan(score):
            raise ValueError(f"{what} has answered NaN after epoch {epoch}, which is no score.")
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
        """Answer for how many epochs the score has not improved."""
        improved = score > self.best + tol
        self.n_bad_epochs = 0 if improved else self.n_bad_epochs + 1
        if improved:
            self.best = score
        return self.n_bad_epochs
