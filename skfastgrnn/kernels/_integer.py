"""Networks in integers: the compiled source, or NumPy where there is none.

Both return the same integers. The environment variable SKFASTGRNN_KERNEL chooses here, too.
"""

import os
from functools import cache
from weakref import WeakKeyDictionary

from ..network import SequenceBatch
from ._dispatch import VARIABLE
from .reference import _integer

try:
    from . import _integer_bindings
except ImportError:  # built without a C compiler
    _integer_bindings = None

#: Networks as the compiled source takes them.
MODELS = WeakKeyDictionary()


def integer_instruction_sets():
    """Names of the compiled forms that run here and their index, the best last."""
    return {} if _integer_bindings is None else _integer_bindings.instruction_sets()


@cache
def chosen_instruction_set():
    """The index of the one in use, chosen once in a process; None for NumPy."""
    compiled, forced = integer_instruction_sets(), os.environ.get(VARIABLE)
    if forced == "reference" or not compiled:
        return None
    return compiled.get(forced, max(compiled.values()))


def integer_outputs(network, sequences):
    """Outputs (n_sequences, n_outputs) int32 of an IntegerNetwork.

    Values of the sequences may be int16, or float32 or float64, which are made int16 first.
    """
    isa, values = chosen_instruction_set(), sequences.values
    if isa is None:
        if values.dtype.kind == "f":
            stacked = sequences.stacked()  # without padding, which may be NaN
            values = _integer.quantized_input(network, stacked.values)
            sequences = SequenceBatch(values, stacked.starts, stacked.lengths)
        return _integer.outputs(network, sequences)
    model = MODELS.get(network)
    if model is None:
        model = MODELS.setdefault(network, _integer_bindings.Model(network))
    return model.outputs(isa, values, sequences.starts, sequences.lengths)
