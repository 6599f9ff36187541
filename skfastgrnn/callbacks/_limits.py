"""TimeLimit: stop training after a number of seconds."""

import time
from numbers import Real

from sklearn.utils._param_validation import Interval, validate_params

from ._base import Callback, is_epoch


class TimeLimit(Callback):
    """Stop training after the first epoch that ends after a number of seconds.

    The estimator is then fitted as after any other end of training: with the weights of its best
    epoch if something is held out.

    Parameters
    ----------
    seconds : float
        Time limit from the beginning of `fit` or `resume`, at least 0; 0 trains for one epoch. The
        second training run of `refit=True` is not included.

    Raises
    ------
    InvalidParameterError
        If `seconds` is negative or not a number.

    Examples
    --------
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.callbacks import TimeLimit
    >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 10, ["rises", "falls"] * 10
    >>> model = FastGRNNClassifier(2, random_state=0).set_callbacks(TimeLimit(0))
    >>> model.fit(X, y).n_iter_
    1
    """

    @validate_params(
        {"seconds": [Interval(Real, 0, None, closed="left")]}, prefer_skip_nested_validation=True
    )
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._fits = {}  # when each has begun

    def setup(self, estimator, context):
        """Begin to count."""
        super().setup(estimator, context)
        self._fits[id(estimator)] = time.monotonic()

    def on_fit_task_end(self, estimator, context):
        """Return whether the time is over."""
        return is_epoch(context) and time.monotonic() - self._fits[id(estimator)] >= self.seconds

    def teardown(self, estimator, context):
        """Forget the fit."""
        self._fits.pop(id(estimator), None)
