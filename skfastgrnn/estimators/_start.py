"""A training before its first epoch."""

from copy import deepcopy

import numpy as np

from ..network import initial
from ..training import EarlyStopping, Phases, TrainingState, begins_dense, new_history
from ._config import make_optimizer
from ._warm_start import (
    continue_from,
    make_parametrization,
    names_in,
    restore_optimizer_state,
)


def first_states(estimator, network, training, objective, rng, *, patience):
    """The states of a training from fresh parameters, and of the dense one that it begins from.

    The latter, or None, draws what a fit without compression does. Arguments as in `new_state`.
    """
    dense = None
    if begins_dense(estimator.compression, network):
        dense = new_state(
            estimator,
            network.dense,
            training,
            objective,
            deepcopy(rng),
            patience=patience,
            frozen=names_in(network.dense, estimator.frozen),
        )
    state = new_state(
        estimator,
        network,
        training,
        objective,
        rng,
        patience=patience,
        frozen=estimator.frozen,
    )
    return state, dense


def new_state(estimator, network, training, objective, rng, earlier=None, *, patience, frozen):
    """A `TrainingState` that begins with fresh parameters, or with those learned `earlier`.

    Parameters
    ----------
    estimator : estimator with the parameters of the training
    network, training, objective, rng
        See `train`.
    earlier : estimator or None
        A fitted one.
    patience : int or inf
    frozen : str, list of str or None
        Parameters of the network that are not trained.
    """
    sequences = training.sequences
    typical_length = np.median(sequences.lengths)
    parameters = initial(network, typical_length, rng, sequences.values.dtype)
    parametrization = make_parametrization(network, frozen, parameters.dtype)
    optimizer = make_optimizer(estimator, parameters)
    if earlier is not None:
        continue_from(network, parameters, objective, earlier, earlier._parameters)
        known, moments = earlier._fitted_objective(), getattr(earlier, "_moments", None)
        is_same = earlier._network == network and objective.has_head_of(known)
        if is_same and moments is not None:
            moments = objective.rescale_moments(moments, network, known)
            restore_optimizer_state(optimizer, moments, parametrization)
    if estimator.ema is not None:
        optimizer.begin_average(parameters, float(estimator.ema))
    state = TrainingState(
        parameters=parameters,
        initial=parameters.copy(),
        optimizer=optimizer,
        parametrization=parametrization,
        rng=rng,
        early_stopping=EarlyStopping(parameters, tol=estimator.tol, patience=patience),
        history=new_history(objective.metric),
        is_warm_start=earlier is not None,
    )
    if earlier is not None:
        phases = Phases.of(estimator.compression, network, None)
        phases.continue_from(state, is_rounded=earlier._network.bits == network.bits)
    return state
