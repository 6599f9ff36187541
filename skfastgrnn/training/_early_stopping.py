"""When to stop, and which weights to keep."""

import numpy as np


class BestSoFar:
    """Watches one loss over the epochs and keeps the parameters of its best.

    Parameters
    ----------
    parameters : ndarray
        Before the first epoch: the best so far until a finite loss is seen.
    tol : float
        An epoch counts as an improvement if it lowers the loss by more than this below the last
        improvement.
    patience : int or inf
        Epochs without improvement before `exhausted`.
    """

    def __init__(self, parameters, *, tol, patience):
        self.tol = tol
        self.patience = patience
        self.best_loss = np.inf
        self.best_epoch = 0
        self.best_parameters = parameters.copy()
        self.loss_to_beat = np.inf
        self.waited = 0
        self.improved = False  # by what it saw last

    def see(self, epoch, loss, parameters):
        """Take note of the loss of the parameters after so many epochs."""
        self.improved = loss < self.best_loss
        if self.improved:
            self.best_loss, self.best_epoch = loss, epoch
            self.best_parameters[:] = parameters
        if loss < self.loss_to_beat - self.tol:
            self.loss_to_beat, self.waited = loss, 0
        else:
            self.waited += 1

    @property
    def exhausted(self):
        """Whether `patience` epochs went by without improvement."""
        return self.waited >= self.patience
