"""Networks: their specification, their tensors and the data that they read.

_spec.py            what a network is, apart from its parameters
_tensors.py         its parameters: one flat vector with named parts
_rounding.py        weights of few bits
_factors.py         factors of low rank
_initialization.py  their initial values
_losses.py          what a training minimises
_size.py            its bytes on a device, its operations per step
_state.py           what a device keeps of a sequence
_integer.py         a network in integers, as a device stores it
_data.py            what kernels read and return
"""

from ._data import Dropout, EpochTotals, Optimizer, Score, SequenceBatch, Targets
from ._factors import best_factors, converted, largest_ranks
from ._initialization import initial
from ._integer import (
    INTEGER_GATES,
    INTEGER_POOLINGS,
    LEAST_SHIFT,
    MOST_BIAS_SHIFT,
    MOST_NU,
    MOST_OF_ROW,
    MOST_ROWS,
    MOST_SHIFT,
    MOST_ZETA,
    IntegerCell,
    IntegerMatrix,
    IntegerNetwork,
)
from ._losses import LOSSES, Loss
from ._rounding import first_log_steps, integers, set_log_steps, steps, with_log_steps
from ._size import (
    BLOCK_SIZES,
    FLOAT,
    GAPS,
    SIZE_PARTS,
    bytes_by_part,
    bytes_of_index,
    n_operations_per_step,
    stored_matrices,
)
from ._spec import (
    ACTIVATIONS,
    GATES_TO_1,
    LEVELS,
    MAX_LAYERS,
    POOLINGS,
    SOLVERS,
    UPDATES_TO_1,
    Network,
)
from ._state import bytes_of_state, state_members
from ._tensors import (
    FACTORS,
    HEAD,
    OF_OUTPUTS,
    by_kind,
    cell_parts,
    n_decayed,
    n_parameters,
    named_views,
    shapes,
    tensors,
    zeros,
)

__all__ = [
    "ACTIVATIONS",
    "BLOCK_SIZES",
    "FACTORS",
    "FLOAT",
    "GAPS",
    "GATES_TO_1",
    "HEAD",
    "INTEGER_GATES",
    "INTEGER_POOLINGS",
    "LEAST_SHIFT",
    "LEVELS",
    "LOSSES",
    "MAX_LAYERS",
    "MOST_BIAS_SHIFT",
    "MOST_NU",
    "MOST_OF_ROW",
    "MOST_ROWS",
    "MOST_SHIFT",
    "MOST_ZETA",
    "OF_OUTPUTS",
    "POOLINGS",
    "SIZE_PARTS",
    "SOLVERS",
    "UPDATES_TO_1",
    "Dropout",
    "EpochTotals",
    "IntegerCell",
    "IntegerMatrix",
    "IntegerNetwork",
    "Loss",
    "Network",
    "Optimizer",
    "Score",
    "SequenceBatch",
    "Targets",
    "best_factors",
    "by_kind",
    "bytes_by_part",
    "bytes_of_index",
    "bytes_of_state",
    "cell_parts",
    "converted",
    "first_log_steps",
    "initial",
    "integers",
    "largest_ranks",
    "n_decayed",
    "n_operations_per_step",
    "n_parameters",
    "named_views",
    "set_log_steps",
    "shapes",
    "state_members",
    "steps",
    "stored_matrices",
    "tensors",
    "with_log_steps",
    "zeros",
]
