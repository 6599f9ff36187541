"""Going on from an earlier training: what is taken over, what stays frozen, what must agree."""

import zlib

import numpy as np

from . import cell
from ._packing import same
from ._printing import plain

HEAD = ("head_weight", "head_bias")


def take_over_cells(parts, earlier, network, earlier_network):
    """Copy all but the head's parameters; both are dicts of arrays by name, `parts` is changed."""
    differences = [
        f"{name} is {getattr(network, name)!r}, and was {getattr(earlier_network, name)!r}"
        for name in vars(network)
        if name != "n_outputs" and getattr(network, name) != getattr(earlier_network, name)
    ]
    if differences:
        raise ValueError(
            "Training cannot go on with the weights that were learned before, since the network "
            f"is another one: {'; '.join(differences)}. Set them back, set warm_start=False and "
            "call fit, or clone the estimator."
        )
    for name in parts.keys() - set(HEAD):
        parts[name][...] = earlier[name]


def take_over_head(parts, earlier, classes, earlier_classes):
    """Copy the head's rows of the classes that were known; those of new ones stay as drawn.

    The single logit o of two classes is taken for the two logits (-o / 2, o / 2), which give the
    same probabilities; from two logits comes their difference.
    """
    rows = {name: rows_of_classes(parts[name]) for name in HEAD}
    place = {label: i for i, label in enumerate(earlier_classes.tolist())}
    for name in HEAD:
        known = rows_of_classes(earlier[name])
        for i, label in enumerate(classes.tolist()):
            if label in place:
                rows[name][i] = known[place[label]]
        parts[name][...] = rows[name] if len(parts[name]) > 1 else rows[name][1:] - rows[name][:1]


def rows_of_classes(head):
    """A head's array (n_outputs, ...) with one row a class (n_classes, ...)."""
    return head.copy() if len(head) > 1 else np.concatenate([-0.5 * head, 0.5 * head])


def trained_mask(network, frozen, dtype):
    """1 for each parameter of the flat vector that is trained, 0 for those frozen; None for all.

    frozen : "cell", "head", a parameter's name, a list of such names, or None
    """
    if frozen is None:
        return None
    mask = np.ones(cell.n_parameters(network), dtype=dtype)
    parts = cell.named_views(network, mask)
    groups = {"cell": set(parts) - set(HEAD), "head": set(HEAD)}
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
    return mask


def frozen_parts(network, trained):
    """Names of the parameters that are not trained, given the mask of `trained_mask`."""
    if trained is None:
        return set()
    return {name for name, part in cell.named_views(network, trained).items() if not part.any()}


def moments_of(optimizer):
    """What an optimizer remembers of its updates by now, as plain arrays."""
    return {
        "solver": optimizer.solver,
        "first": optimizer.first.copy(),
        "second": optimizer.second.copy(),
        "step": optimizer.step,
    }


def take_over_moments(optimizer, moments):
    """Go on with the moments of another training, unless its solver was another one.

    Frozen parameters begin without: moments would go on moving them.
    """
    if moments is not None and moments["solver"] == optimizer.solver:
        trained = 1 if optimizer.trained is None else optimizer.trained
        optimizer.first[:] = moments["first"] * trained
        optimizer.second[:] = moments["second"] * trained
        optimizer.step = moments["step"]


def facts_of(training, validation, classes):
    """What data a training learns from, as far as names and numbers can tell."""
    facts = {} if classes is None else {"classes": classes.tolist()}
    for name, part in (("training", training), ("validation", validation)):
        if part is not None:
            facts |= {
                f"{name} sequences": len(part.rows),
                f"{name} steps": int(part.sequences.lengths[part.rows].sum()),
                f"{name} channels": part.sequences.values.shape[1],
                f"{name} dtype": part.sequences.values.dtype.name,
                f"{name} weights": part.targets.weights is not None,
                f"{name} loss": part.targets.loss,
                f"checksum of {name} data": checksum(part),
            }
    return facts


def checksum(data):
    """A number that changes with targets and weights of a DataSet, and its ends' sequences."""
    sequences, targets = data.sequences, data.targets
    wanted = targets.values if targets.labels is None else targets.labels
    parts = [wanted[data.rows]]
    if targets.weights is not None:
        parts.append(targets.weights[data.rows])
    for row in data.rows[[0, -1]]:
        start = sequences.starts[row]
        parts.append(sequences.values[start : start + sequences.lengths[row]])
    number = 0
    for part in parts:
        number = zlib.crc32(np.ascontiguousarray(part) + 0, number)  # -0.0 is 0.0
    return number


def check_agreement(path, saved, now, *, ignored=()):
    """Refuse to take up a training with something else than it had; both are dicts by name.

    What is compared are values: order in a dict, or a list for a tuple, makes no difference.
    """
    differences = [
        f"{name}: {saved.get(name)!r} in the checkpoint, {now.get(name)!r} here"
        for name in {**saved, **now}
        if name not in ignored and not same(saved.get(name), now.get(name))
    ]
    if differences:
        raise ValueError(
            f"The training in {path} cannot be taken up, since not all is as it was:\n  "
            + "\n  ".join(differences)
        )
