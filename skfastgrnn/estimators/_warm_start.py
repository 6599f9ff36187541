"""Warm start: what is copied from an earlier training, and what stays frozen."""

from dataclasses import replace

import numpy as np

from .._validation._printing import plain
from ..kernels import IDENTITY, Frozen
from ..network import (
    HEAD,
    OF_OUTPUTS,
    converted,
    first_log_steps,
    n_parameters,
    named_views,
    shapes,
)

#: What of a network may differ from that of the earlier training.
CONVERTIBLE = ("rank_w", "rank_u", "bits")

#: Parameters of estimators that have another name than in a network.
PARAMETERS = {"bounded": "bounded_state"}


def continue_from(network, parameters, objective, earlier, learned):
    """Take over what an earlier estimator has learned, in the units of its targets.

    parameters : (P,) of the network, changed in place
    learned : parameters of the earlier estimator, those that it predicts with or others
    """
    parts, known = named_views(network, parameters), earlier._fitted_objective()
    learned = learned_parts(network, earlier._network, learned)
    for name in parts.keys() - set(OF_OUTPUTS):
        parts[name][...] = learned[name]
    objective.init_head(parts, learned, known)
    if network.bits is not None and not objective.has_head_of(known):
        log_steps = first_log_steps(parts["head_weight"], network.bits)
        parts["head_weight_log_step"][...] = log_steps


def learned_parts(network, earlier_network, learned):
    """Parameters of an earlier network by name, with the ranks and bits of a network.

    The head is that of the earlier network, whose number of outputs may be another one.
    """
    differences = [
        f"{PARAMETERS.get(name, name)} is {getattr(network, name)!r}, and was "
        f"{getattr(earlier_network, name)!r}"
        for name in vars(network)
        if name not in ("n_outputs", *CONVERTIBLE)
        and getattr(network, name) != getattr(earlier_network, name)
    ]
    if differences:
        raise ValueError(
            "Training cannot continue from the earlier weights, since the network "
            f"differs: {'; '.join(differences)}. Set them back, set warm_start=False and "
            "call fit, or clone the estimator."
        )
    wanted = replace(earlier_network, **{name: getattr(network, name) for name in CONVERTIBLE})
    return named_views(wanted, converted(earlier_network, learned, wanted))


def make_parametrization(network, frozen, dtype):
    """What the optimizer moves: all parameters of this dtype, or those that are not frozen.

    frozen : "cell", "head", a parameter's name, a list of such names, or None
    """
    if frozen is None:
        return IDENTITY
    mask = np.ones(n_parameters(network), dtype=dtype)
    parts = named_views(network, mask)
    groups = {"cell": set(parts) - set(HEAD), "head": set(parts) & set(HEAD)}
    names = [frozen] if isinstance(frozen, str) else list(frozen)
    unknown = [name for name in names if name not in groups and name not in parts]
    if unknown:
        raise ValueError(
            f"frozen names {plain(unknown)}, which this network does not have. There are 'cell', "
            f"'head', and the parameters {list(parts)}."
        )
    for name in names:
        for part in groups.get(name, [name]):
            parts[part][...] = 0
    if not mask.any():
        raise ValueError(f"frozen={plain(frozen)!r} leaves no parameter to train.")
    return Frozen(mask)


def names_in(network, frozen):
    """What of `frozen` a network has, for one with other parameters than that of the estimator."""
    names = [frozen] if isinstance(frozen, str) else list(frozen or ())
    known = {"cell", "head", *shapes(network)}
    return [name for name in names if name in known] or None


def frozen_parts(network, parametrization):
    """Names of the parameters that are not trained."""
    trained = parametrization.restricted(np.ones(n_parameters(network)))
    return {name for name, part in named_views(network, trained).items() if not part.any()}


def continue_average(state, network, objective, earlier, moments):
    """Train on from what `earlier` has trained, of which its parameters are the average."""
    is_same = earlier._network == network
    if state.optimizer.average is None or "trained" not in moments or not is_same:
        return
    continue_from(network, state.parameters, objective, earlier, moments["trained"])
    state.initial[:] = state.parameters
    state.optimizer.n_averaged = moments["n_averaged"]


def moments_of(optimizer):
    """What an optimizer remembers of its updates by now, as plain arrays."""
    return {
        "solver": optimizer.solver,
        "first": optimizer.first.copy(),
        "second": optimizer.second.copy(),
        "step": optimizer.step,
    }


def restore_optimizer_state(optimizer, moments, parametrization):
    """Continue with the moments of an earlier fit, unless its solver differs.

    Frozen parameters get none: moments would continue to move them.
    """
    if moments is not None and moments["solver"] == optimizer.solver:
        optimizer.first[:] = parametrization.restricted(moments["first"])
        optimizer.second[:] = parametrization.restricted(moments["second"])
        optimizer.step = moments["step"]
