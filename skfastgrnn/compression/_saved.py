"""Networks in integers in files: settings and arrays, and back, everything checked.

What is computed of a checked network can neither overflow nor leave its arrays.
"""

import numpy as np
from sklearn.pipeline import Pipeline

from .._validation._dataclasses import registered
from ..estimators import FastGRNNClassifier, FastGRNNRegressor
from ..network import (
    ACTIVATIONS,
    INTEGER_GATES,
    INTEGER_POOLINGS,
    LEAST_SHIFT,
    LEVELS,
    MAX_LAYERS,
    MOST_BIAS_SHIFT,
    MOST_NU,
    MOST_ROWS,
    MOST_SHIFT,
    MOST_ZETA,
    IntegerCell,
    IntegerMatrix,
    IntegerNetwork,
)
from ..persistence._schema import (
    boolean,
    classes,
    count,
    feature_names,
    list_of,
    one_of,
    record,
    refuse,
    refuse_differences,
)
from ..persistence._serialization import Refused
from ._affine import OURS, SKLEARNS

#: Matrices of a cell, and of the head, of which the first of a pair may be None.
OF_CELL = ("w_low", "w", "u_low", "u")
OF_HEAD = ("attention", "head")
#: Numbers of a cell, and what they may be.
NUMBERS = {
    "bias_shift": count(0, MOST_BIAS_SHIFT),
    "zeta": count(0, MOST_ZETA),
    "nu": count(0, MOST_NU),
    "state_bits": count(0, 15),
}
BIASES = ("bias_gate", "bias_update")
BORDER = ("input_center", "input_factor")
OUTPUT = ("output_center", "output_unit")

#: What `estimator` of a model in a file can be made of.
for kind in (Pipeline, FastGRNNClassifier, FastGRNNRegressor, *OURS, *SKLEARNS):
    registered(kind)

SHIFT = count(LEAST_SHIFT, MOST_SHIFT)
SETTINGS = record(
    {
        "gate_activation": one_of(*INTEGER_GATES),
        "update_activation": one_of(*ACTIVATIONS),
        "pooling": one_of(*INTEGER_POOLINGS),
        "bits": count(min(LEVELS), max(LEVELS)),
        "output_bits": count(-15, 16),
        "cells": list_of(record({**NUMBERS, "shifts": record({}, dict.fromkeys(OF_CELL, SHIFT))})),
        "shifts": record({}, dict.fromkeys(OF_HEAD, SHIFT)),
    }
)
READING = {"n_features_in_": count(1), "n_channels_": count(1), "_reads_sequences": boolean}
SOMETIMES = {"feature_names_in_": feature_names}
CLASSIFIER = {"classes_": classes, "_is_multilabel": boolean}
REGRESSOR = {"_y_is_1d": boolean}


def settings_of(network):
    """What a file keeps of a network beside its arrays."""
    return {
        "gate_activation": network.gate_activation,
        "update_activation": network.update_activation,
        "pooling": network.pooling,
        "bits": network.head.bits,
        "output_bits": network.output_bits,
        "cells": [
            {**{name: getattr(cell, name) for name in NUMBERS}, "shifts": shifts_of(cell, OF_CELL)}
            for cell in network.cells
        ],
        "shifts": shifts_of(network, OF_HEAD),
    }


def shifts_of(owner, names):
    """Shifts of the matrices that there are, by name."""
    found = {name: getattr(owner, name) for name in names}
    return {name: matrix.shift for name, matrix in found.items() if matrix is not None}


def arrays_of(network):
    """Arrays of a network, by name."""
    arrays = {name: getattr(network, name) for name in (*BORDER, "head_bias", *OUTPUT)}
    for owner, names, prefix in owners(network):
        for name in names:
            matrix = getattr(owner, name)
            if matrix is not None:
                arrays[f"{prefix}{name}/weights"] = matrix.weights
                arrays[f"{prefix}{name}/multiplier"] = matrix.multiplier
        if names is OF_CELL:
            arrays.update({f"{prefix}{name}": getattr(owner, name) for name in BIASES})
    return arrays


def owners(network):
    """Cells and network, the names of their matrices, and how names of their arrays begin."""
    cells = [(cell, OF_CELL, f"cells/{i}/") for i, cell in enumerate(network.cells)]
    return [*cells, (network, OF_HEAD, "")]


def network_from(attributes, arrays, of_kind):
    """The IntegerNetwork of a file; `attributes` are all of the estimator, `of_kind` their checks.

    Raises
    ------
    Refused
        If an entry is not what it must be, or does not fit the others; the error names it.
    """
    record({**READING, **of_kind, "_settings": SETTINGS}, SOMETIMES)("attributes", attributes)
    settings, arrays = attributes["_settings"], dict(arrays)
    if settings["bits"] not in LEVELS:
        refuse("attributes/_settings/bits", f"one of {sorted(LEVELS)}", settings["bits"])
    if not 1 <= len(settings["cells"]) <= MAX_LAYERS:
        refuse("attributes/_settings/cells", f"1 to {MAX_LAYERS}", settings["cells"])
    taken = Taken(arrays, settings["bits"])
    D = attributes["n_channels_"]
    H = taken.length("cells/0/bias_gate")
    border = {name: taken.vector(name, np.float32, D) for name in BORDER}
    if (border["input_factor"] <= 0).any():
        refuse("the array input_factor", "positive", border["input_factor"])
    cells = []
    for i, numbers in enumerate(settings["cells"]):
        numbers, read = dict(numbers), D if i == 0 else H
        shifts, prefix = numbers.pop("shifts"), f"cells/{i}/"
        cells.append(
            IntegerCell(
                **taken.factors("w", shifts, prefix, H, read),
                **taken.factors("u", shifts, prefix, H, H),
                **{name: taken.vector(f"{prefix}{name}", np.int16, H) for name in BIASES},
                **numbers,
            )
        )
    outputs = n_outputs(attributes) or taken.length("head_bias")
    if max(D, H, outputs) > MOST_ROWS:
        raise Refused(f"it has more than {MOST_ROWS} channels, units or outputs.")
    head_bias = taken.vector("head_bias", np.int32, outputs)
    if np.abs(head_bias.astype(np.int64)).max() > 2**29:
        refuse("the array head_bias", "at most 2^29", head_bias)
    has_attention = settings["pooling"] == "attention"
    refuse_differences(
        "attributes/_settings",
        {"shifts": ({*settings["shifts"]}, {"head", "attention"} if has_attention else {"head"})},
    )
    attention = None
    if has_attention:
        attention = taken.matrix("attention", settings["shifts"]["attention"], 1, H)
    network = IntegerNetwork(
        **{name: settings[name] for name in ("gate_activation", "update_activation", "pooling")},
        **border,
        cells=tuple(cells),
        attention=attention,
        head=taken.matrix("head", settings["shifts"]["head"], outputs, H),
        head_bias=head_bias,
        output_bits=settings["output_bits"],
        **{name: taken.vector(name, np.float64, outputs) for name in OUTPUT},
    )
    if arrays:
        raise Refused(f"it has arrays that belong to nothing: {sorted(arrays)}.")
    n_columns, is_1d = attributes["n_features_in_"], attributes.get("_y_is_1d", False)
    refuse_differences(
        "attributes",
        {
            "n_channels_ (columns of a step)": (n_columns % D, 0),
            "n_features_in_": (n_columns, D if attributes["_reads_sequences"] else n_columns),
            "feature_names_in_ (its length)": (
                len(attributes.get("feature_names_in_", range(n_columns))),
                n_columns,
            ),
            "_y_is_1d": (is_1d, is_1d and outputs == 1),
        },
    )
    return network


def n_outputs(attributes):
    """Outputs of a classifier; None for a regressor."""
    if "classes_" not in attributes:
        return None
    labels, is_multilabel = attributes["classes_"], attributes["_is_multilabel"]
    if is_multilabel and labels.tolist() != list(range(len(labels))):
        refuse("attributes/classes_", "0, 1, ... of labels", labels)
    return len(labels) if is_multilabel or len(labels) > 2 else 1


class Taken:
    """Arrays of a file, taken out by name and checked."""

    def __init__(self, arrays, bits):
        self.arrays = arrays
        self.bits = bits

    def take(self, name, dtype, shape):
        """An array of a dtype and shape, finite."""
        if name not in self.arrays:
            raise Refused(f"it has no array {name}.")
        array = self.arrays.pop(name)
        if array.dtype != dtype or array.shape != shape:
            refuse(
                f"the array {name}",
                f"{np.dtype(dtype).name} of shape {shape}",
                f"{array.dtype} {array.shape}",
            )
        if not np.isfinite(array).all():
            refuse(f"the array {name}", "finite", array)
        return array

    def length(self, name):
        """Entries of a 1-D array, which stays where it is."""
        if name not in self.arrays or self.arrays[name].ndim != 1 or not len(self.arrays[name]):
            refuse(f"the array {name}", "there, and 1-D", self.arrays.get(name))
        return len(self.arrays[name])

    def vector(self, name, dtype, length):
        """A 1-D array."""
        return self.take(name, dtype, (length,))

    def matrix(self, name, shift, rows, columns):
        """An IntegerMatrix whose sums of products fit their integers."""
        matrix = IntegerMatrix(
            self.take(f"{name}/weights", np.int8, (rows, columns)),
            self.take(f"{name}/multiplier", np.int16, (rows,)),
            shift,
            self.bits,
        )
        if np.abs(matrix.weights.astype(np.int16)).max() > LEVELS[self.bits]:
            refuse(f"the array {name}/weights", f"of {self.bits} bits", matrix.weights)
        if (matrix.multiplier < 0).any():
            refuse(f"the array {name}/multiplier", "not negative", matrix.multiplier)
        if not matrix.fits:
            refuse(f"the array {name}/weights", "small enough for sums of 32 bits", matrix.weights)
        return matrix

    def factors(self, name, shifts, prefix, rows, columns):
        """The fields of a cell for W or U: two factors, or None and the whole matrix."""
        if name not in shifts:
            raise Refused(f"attributes/_settings/{prefix}shifts lacks {name!r}.")
        low = None
        if f"{name}_low" in shifts:
            full = f"{prefix}{name}_low"
            rank = self.length(f"{full}/multiplier")
            low, columns = self.matrix(full, shifts[f"{name}_low"], rank, columns), rank
        whole = self.matrix(f"{prefix}{name}", shifts[name], rows, columns)
        return {f"{name}_low": low, name: whole}
