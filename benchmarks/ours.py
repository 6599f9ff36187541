"""``FastGRNNClassifier``, measured as its users run it: a whole ``fit``, input checks included."""

import warnings

from sklearn.exceptions import ConvergenceWarning

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.kernels import active_kernel

from .settings import BETA_1, BETA_2, CLIP_NORM, EPSILON, LEARNING_RATE


class Ours:
    """Train and predict with `FastGRNNClassifier`."""

    def __init__(self, n_jobs=1, equal_lengths=False):
        warnings.simplefilter("ignore", ConvergenceWarning)
        self.n_jobs = n_jobs
        self.equal_lengths = equal_lengths
        # A RuntimeError here says that the machine lacks the kernel that was forced.
        self.facts = {"instruction_set": active_kernel().instruction_set}

    def trainer(self, workload):
        """Return ``train(n_epochs) -> loss`` of a whole fit."""
        if self.equal_lengths:
            workload = workload.of_equal_length()
        X, y = workload.data()
        return lambda n_epochs: self._fitted(workload, X, y, n_epochs).loss_

    def predictor(self, workload, n_rows):
        """Prepare ``predict_proba`` of the first rows."""
        X, y = workload.data()
        model = self._fitted(workload, X, y, n_epochs=1)
        rows = X[:n_rows]
        return lambda: model.predict_proba(rows)

    def _fitted(self, workload, X, y, n_epochs):
        return FastGRNNClassifier(
            hidden_size=workload.hidden_size,
            batch_size=workload.batch_size,
            learning_rate_init=LEARNING_RATE,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
            clip_norm=CLIP_NORM,
            max_iter=n_epochs,
            early_stopping=False,
            tol=0.0,
            n_iter_no_change=n_epochs,
            n_jobs=self.n_jobs,
            random_state=0,
        ).fit(X, y)


def one_thread():
    """Return the contender on one thread."""
    return Ours(n_jobs=1)


def two_threads():
    """Return the contender on two threads."""
    return Ours(n_jobs=2)


def equal_lengths():
    """Return the contender that has the same number of steps in sequences of equal length."""
    return Ours(equal_lengths=True)
