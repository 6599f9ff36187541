"""Fingerprints of data and parameters, which must match when training is resumed."""

import zlib

import numpy as np

from ._serialization import same


def data_fingerprint(training, validation, classes):
    """Fingerprint of the data of a fit: names and numbers that must match."""
    fingerprint = {} if classes is None else {"classes": classes.tolist()}
    for name, part in (("training", training), ("validation", validation)):
        if part is not None:
            fingerprint |= {
                f"{name} sequences": len(part.rows),
                f"{name} steps": int(part.sequences.lengths[part.rows].sum()),
                f"{name} channels": part.sequences.values.shape[1],
                f"{name} dtype": part.sequences.values.dtype.name,
                f"{name} weights": part.targets.weights is not None,
                f"{name} loss": part.loss.kind,
                f"checksum of {name} data": checksum(part),
            }
    return fingerprint


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


def check_fingerprint(path, saved, now, *, ignored=()):
    """Raise unless saved and current entries are equal; both are dicts by name.

    What is compared are values: order in a dict, or a list for a tuple, makes no difference.
    """
    differences = [
        f"{name}: {shown(saved, name)} in the checkpoint, {shown(now, name)} here"
        for name in {**saved, **now}
        if name not in ignored and not same(saved.get(name), now.get(name))
    ]
    if differences:
        raise ValueError(
            f"The training in {path} cannot be resumed, since these differ:\n  "
            + "\n  ".join(differences)
        )


def shown(entries, name):
    """An entry as an error shows it."""
    return repr(entries[name]) if name in entries else "absent"
