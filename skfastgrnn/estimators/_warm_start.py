"""Warm start: what is copied from an earlier training, and what stays frozen."""

import numpy as np

from .._validation._printing import plain
from ..kernels import IDENTITY, Frozen
from ..network import HEAD, OF_OUTPUTS, n_parameters, named_views


def continue_from(parts, learned, network, objective, earlier):
    """Take over parameters of an earlier estimator, in the units of its targets.

    parts : the parameters to change; learned : the estimator's, both dicts of arrays by name
    """
    copy_cells(parts, learned, network, earlier._network)
    objective.init_head(parts, learned, earlier._fitted_objective())


def copy_cells(parts, earlier, network, earlier_network):
    """Copy all but what the head has for each output; `parts` (arrays by name) is changed."""
    differences = [
        f"{name} is {getattr(network, name)!r}, and was {getattr(earlier_network, name)!r}"
        for name in vars(network)
        if name != "n_outputs" and getattr(network, name) != getattr(earlier_network, name)
    ]
    if differences:
        raise ValueError(
            "Training cannot continue from the earlier weights, since the network "
            f"differs: {'; '.join(differences)}. Set them back, set warm_start=False and "
            "call fit, or clone the estimator."
        )
    for name in parts.keys() - set(OF_OUTPUTS):
        parts[name][...] = earlier[name]


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


def frozen_parts(network, parametrization):
    """Names of the parameters that are not trained."""
    trained = parametrization.restricted(np.ones(n_parameters(network)))
    return {name for name, part in named_views(network, trained).items() if not part.any()}


def continue_average(state, network, objective, earlier, moments):
    """Train on from what `earlier` has trained, of which its parameters are the average."""
    if state.optimizer.average is None or "trained" not in moments:
        return
    learned, parts = (named_views(network, v) for v in (moments["trained"], state.parameters))
    continue_from(parts, learned, network, objective, earlier)
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
