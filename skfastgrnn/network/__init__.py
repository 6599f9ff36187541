"""Networks: their specification, their tensors and the data that they read.

_spec.py            what a network is, apart from its parameters
_tensors.py         its parameters: one flat vector with named parts
_initialization.py  their initial values
_losses.py          what a training minimises
_data.py            what kernels read and return
"""

from ._data import Dropout, EpochTotals, Optimizer, Score, SequenceBatch, Targets
from ._initialization import initial
from ._losses import LOSSES, Loss
from ._spec import ACTIVATIONS, MAX_LAYERS, POOLINGS, SOLVERS, Network
from ._tensors import HEAD, cell_parts, n_decayed, n_parameters, named_views, shapes, tensors

__all__ = [
    "ACTIVATIONS",
    "HEAD",
    "LOSSES",
    "MAX_LAYERS",
    "POOLINGS",
    "SOLVERS",
    "Dropout",
    "EpochTotals",
    "Loss",
    "Network",
    "Optimizer",
    "Score",
    "SequenceBatch",
    "Targets",
    "cell_parts",
    "initial",
    "n_decayed",
    "n_parameters",
    "named_views",
    "shapes",
    "tensors",
]
