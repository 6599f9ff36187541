"""The network: its parameters, a reference in NumPy, a compiled kernel, and the choice of one.

_network.py           what a network is, apart from its numbers
_params.py            its numbers: one flat vector with named parts
_batch.py             what kernels read and answer
_reference.py         a cell's equations in NumPy, forward and backward
_reference_stack.py   cells in layers and directions
_optimizers.py        the optimizers in NumPy
_dropout.py           which states are dropped
_reference_kernel.py  whole networks and epochs in NumPy
_compiled.py          the same through _kernel.pyx and the C in kernel/
_choice.py            which of them is in use
"""

from ._batch import Dropout, EpochTotals, Optimizer, Score, SequenceBatch, Targets
from ._choice import active_kernel, available_kernels, kernel_named
from ._network import ACTIVATIONS, MAX_LAYERS, READOUTS, SOLVERS, Network
from ._params import initial, n_parameters, named_views, shapes

__all__ = [
    "ACTIVATIONS",
    "MAX_LAYERS",
    "READOUTS",
    "SOLVERS",
    "Dropout",
    "EpochTotals",
    "Network",
    "Optimizer",
    "Score",
    "SequenceBatch",
    "Targets",
    "active_kernel",
    "available_kernels",
    "initial",
    "kernel_named",
    "n_parameters",
    "named_views",
    "shapes",
]
