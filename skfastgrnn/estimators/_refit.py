"""Refit: a second training on all rows, the validation set included."""

from copy import deepcopy
from dataclasses import replace

import numpy as np

from ..kernels import active_kernel
from ..training import begins_dense, concatenated, train
from ._config import make_training_config
from ._start import new_state


def refit(estimator, prepared, config, n_epochs):
    """Train once more on all rows, at the rates of the first training.

    Parameters
    ----------
    estimator : the one that is fitted
    prepared : PreparedFit
        Of the first training, after it.
    config : TrainingConfig
        Of the first training.
    n_epochs : int

    Returns
    -------
    TrainingResult
    """
    network, whole, objective = prepared.network, prepared.whole, prepared.objective
    if len(prepared.training.rows) == len(whole.rows):  # validation came by itself
        whole = concatenated(whole, prepared.validation)
    rng = deepcopy(prepared.state.rng)  # so that a checkpoint is of the first run
    state = new_state(
        estimator, network, whole, objective, rng, patience=np.inf, frozen=estimator.frozen
    )
    if estimator.n_init > 1 or begins_dense(estimator.compression, network):
        state.begin_with(prepared.state.initial)  # what the kept training began with
    rates = prepared.state.history["learning_rate"]
    config = replace(
        make_training_config(estimator, network, whole, objective, config.max_iter),
        max_iter=n_epochs,
        should_converge=False,
        converged_loss=0.0,
        schedule=lambda epoch: rates[epoch] / estimator.learning_rate_init,
    )
    return train(active_kernel(), network, whole, None, objective, state, config)
