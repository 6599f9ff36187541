"""A dense fit, whose matrices the factors of low rank begin from."""

from dataclasses import replace

from sklearn.exceptions import ConvergenceWarning

from ..kernels import active_kernel
from ..network import converted
from ..training import Phases, collected_warnings, train, warn


def train_prepared(prepared, config, notifier=None, ending=None):
    """Train a `PreparedFit`, from a dense fit if it is to begin with one.

    Where the dense fit is interrupted, no epoch follows. Where both diverge, only the second one
    warns.

    Parameters
    ----------
    prepared : PreparedFit
    config : TrainingConfig
    notifier : FitNotifier or None
        Not called for the dense fit.
    ending : Ending or None
        Asked after every epoch whether to end, where there is no notifier.

    Returns
    -------
    TrainingResult
    """
    if prepared.dense is None:
        return train_from_state(prepared, config, notifier or ending)
    with collected_warnings() as warnings:
        dense = begin_from_dense(prepared, config, ending)
    if dense.interrupted:
        config = replace(config, max_iter=0, should_converge=False)
    else:
        # Factors of a rank too low for the dense matrices begin far above the loss of guessing.
        score = active_kernel().loss(prepared.network, prepared.state.initial, *prepared.training)
        threshold = max(config.divergence_threshold, score.mean_loss)
        config = replace(config, divergence_threshold=threshold)
    result = train_from_state(prepared, config, notifier or ending)
    for message, category in warnings:
        if not (result.diverged and category is ConvergenceWarning):
            warn(message, category)
    return replace(result, interrupted=result.interrupted or dense.interrupted)


def train_from_state(prepared, config, notifier):
    """Train a `PreparedFit` from the state that it has."""
    return train(
        active_kernel(),
        prepared.network,
        prepared.training,
        prepared.validation,
        prepared.objective,
        prepared.state,
        config,
        notifier,
    )


def begin_from_dense(prepared, config, ending=None):
    """Train a dense network, and let the state of a `PreparedFit` begin from its best factors.

    Parameters
    ----------
    prepared : PreparedFit
        Its `dense` is the state that is trained; `state` is changed in place.
    config : TrainingConfig
        That of the network with factors.
    ending : Ending or None
        Asked after every epoch whether to end.

    Returns
    -------
    TrainingResult
        Of the dense network.
    """
    network = prepared.network
    if config.verbose:
        print(f"{config.label}Training a dense network, for the factors to begin from.")
    config = replace(
        config,
        should_converge=False,
        phases=Phases.of(None, network.dense, config.max_iter),
    )
    result = train(
        active_kernel(),
        network.dense,
        prepared.training,
        prepared.validation,
        prepared.objective,
        prepared.dense,
        config,
        ending,
    )
    prepared.state.begin_with(converted(network.dense, result.parameters, network))
    return result
