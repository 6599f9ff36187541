"""What the callbacks of this package see of a training while it runs."""

from copy import copy

import numpy as np

from ..callbacks._sklearn import OngoingFit
from ..kernels import active_kernel
from ..network import named_views
from ._warm_start import frozen_parts


def ongoing_fit(estimator, task, scored):
    """The `OngoingFit` of an estimator that is at a `Task`."""
    network, training, state = task.network, task.training, task.state

    def gradients(n_sequences):
        rows, weights = training.rows, training.targets.weights
        if weights is not None:
            rows = rows[weights[rows] > 0]
        rows = rows[:: max(1, len(rows) // n_sequences)][:n_sequences].copy()  # contiguous
        score, gradient = active_kernel().loss_gradient(
            network, state.parameters, training.sequences, training.targets, rows
        )
        return named_views(network, gradient.astype(np.float64) / score.weight)

    def fitted(parameters, epoch):
        copied = copy(estimator)
        vars(copied).update(estimator._learned(network, state, parameters.copy(), epoch))
        return copied

    return OngoingFit(
        state,
        as_dict=lambda: {"start": task.start, "facts": task.facts, "state": state.as_dict()},
        now=lambda: fitted(state.parameters, state.n_iter),
        best=lambda: fitted(state.watched.best_parameters, state.watched.best_epoch),
        gradients=gradients,
        frozen=frozen_parts(network, state.optimizer.trained),
        scored=scored,
    )
