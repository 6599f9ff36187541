"""scikit-learn's ``MLPClassifier``, for tabular data and for the time of a single row."""

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from .settings import BETA_1, BETA_2, EPSILON, LEARNING_RATE


class MLPContender:
    """Train and predict with one hidden layer of the workload's size.

    A sequence becomes one flat row. ``MLPClassifier`` has no gradient clipping, so it does
    a little less than the others.
    """

    def __init__(self):
        warnings.simplefilter("ignore", ConvergenceWarning)
        self.facts = {}

    def trainer(self, workload):
        """Return ``train(n_epochs) -> loss`` of a whole fit."""
        X, y = _flat_data(workload)
        return lambda n_epochs: _fitted(workload, X, y, n_epochs).loss_

    def predictor(self, workload, n_rows):
        """Prepare ``predict_proba`` of the first rows."""
        X, y = _flat_data(workload)
        model = _fitted(workload, X, y, n_epochs=1)
        rows = X[:n_rows]
        return lambda: model.predict_proba(rows)


def _flat_data(workload):
    X, y = workload.data()
    return X.reshape(len(X), -1), y


def _fitted(workload, X, y, n_epochs):
    return MLPClassifier(
        (workload.hidden_size,),
        solver="adam",
        batch_size=workload.batch_size,
        learning_rate_init=LEARNING_RATE,
        beta_1=BETA_1,
        beta_2=BETA_2,
        epsilon=EPSILON,
        max_iter=n_epochs,
        tol=0.0,
        n_iter_no_change=n_epochs,
        random_state=0,
    ).fit(X, y)
