"""Networks in integers: the compiled source, or NumPy where there is none.

Both return the same integers. The environment variable SKFASTGRNN_KERNEL chooses here, too.
"""

import os
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


def integer_outputs(network, sequences):
    """Outputs (n_sequences, n_outputs) int32 of an IntegerNetwork.

    Values of the sequences may be int16, or float32 or float64, which are made int16 first.
    """
    compiled, forced = integer_instruction_sets(), os.environ.get(VARIABLE)
    if forced == "reference" or not compiled:
        values = sequences.values
        if values.dtype.kind == "f":
            values = _integer.quantized_input(network, values)
        return _integer.outputs(
            network, SequenceBatch(values, sequences.starts, sequences.lengths)
        )
    isa = compiled.get(forced, max(compiled.values()))
    model = MODELS.get(network)
    if model is None:
        model = MODELS.setdefault(network, _integer_bindings.Model(network))
    return model.outputs(isa, sequences.values, sequences.starts, sequences.lengths)
