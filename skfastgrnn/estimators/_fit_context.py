"""What the callbacks of this package see of a training while it runs."""

from copy import copy

import numpy as np

from ..callbacks._sklearn import FitContext
from ..kernels import active_kernel
from ..network import named_views
from ._warm_start import frozen_parts


def make_fit_context(estimator, prepared, phases, scoring_data):
    """The `FitContext` of an estimator that is at a `PreparedFit`.

    Before support and rounding are final, its estimators are those that the training would end with
    if it ended now.
    """
    network, objective, state = prepared.network, prepared.objective, prepared.state

    def gradients(n_sequences):
        training = objective.soften(prepared.training)
        rows, weights = training.rows, training.targets.weights
        if weights is not None:
            rows = rows[weights[rows] > 0]
        rows = rows[:: max(1, len(rows) // n_sequences)][:n_sequences].copy()  # contiguous
        current, theta, *_ = phases.current(state)
        score, gradient = active_kernel().loss_gradient(
            current, theta, training.sequences, training.targets, training.loss, rows
        )
        return named_views(current, gradient.astype(np.float64) / score.weight)

    def fitted(parameters, epoch, *, has_steps):
        parameters = phases.completed(parameters, has_steps=has_steps)
        copied = copy(estimator)
        attributes = estimator._fitted_attributes(
            network, objective, state, parameters.copy(), epoch
        )
        vars(copied).update(attributes)
        return copied

    return FitContext(
        state,
        checkpoint_state=lambda: {
            "start": prepared.start,
            "fingerprint": prepared.fingerprint,
            "state": state.to_dict(),
        },
        current_estimator=lambda: fitted(state.averaged, state.n_iter, has_steps=state.is_rounded),
        best_estimator=lambda: fitted(
            state.early_stopping.best_parameters, state.early_stopping.best_epoch, has_steps=True
        ),
        gradients=gradients,
        frozen=frozen_parts(network, state.parametrization),
        scoring_data=scoring_data,
    )
