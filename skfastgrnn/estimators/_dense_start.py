"""A dense fit, whose matrices the factors of low rank begin from."""

from dataclasses import replace

from ..kernels import active_kernel
from ..network import converted
from ..training import Phases, train


def begin(prepared, config, ending=None):
    """Let a `PreparedFit` begin from a dense fit, if it is to.

    Returns the TrainingConfig to go on with: without an epoch where the dense fit was interrupted.
    """
    if prepared.dense is None:
        return config
    if begin_from_dense(prepared, config, ending).interrupted:
        return replace(config, max_iter=0, should_converge=False)
    # Factors of a rank too low for the dense matrices begin far above the loss of guessing.
    score = active_kernel().loss(prepared.network, prepared.state.initial, *prepared.training)
    threshold = max(config.divergence_threshold, score.mean_loss)
    return replace(config, divergence_threshold=threshold)


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
