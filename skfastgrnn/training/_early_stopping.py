"""When to stop, and which weights to keep."""

import numpy as np


class EarlyStopping:
    """Early stopping: the lowest loss so far, its parameters, and when to stop.

    Parameters
    ----------
    parameters : ndarray
        Before the first epoch: the best so far until a finite loss is seen.
    tol : float
        An epoch counts as an improvement if it lowers the loss by more than this below the last
        improvement.
    patience : int or inf
        Epochs without improvement before `should_stop`.
    """

    def __init__(self, parameters, *, tol, patience):
        self.tol = tol
        self.patience = patience
        self.best_loss = np.inf
        self.best_epoch = 0
        self.best_parameters = parameters.copy()
        self.threshold = np.inf
        self.n_bad_epochs = 0
        self.improved = False  # by what it saw last

    def update(self, epoch, loss, parameters):
        """Take note of the loss of the parameters after an epoch."""
        self.improved = loss < self.best_loss
        if self.improved:
            self.best_loss, self.best_epoch = loss, epoch
            self.best_parameters[:] = parameters
        if loss < self.threshold - self.tol:
            self.threshold, self.n_bad_epochs = loss, 0
        else:
            self.n_bad_epochs += 1

    @property
    def should_stop(self):
        """Whether `patience` epochs went by without improvement."""
        return self.n_bad_epochs >= self.patience
