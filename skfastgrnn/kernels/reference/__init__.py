"""The kernel in NumPy, the reference for the compiled one; files are named as in c/.

_activations.py       activation functions and their slopes
_cell.py              a cell's equations, forward and backward
_stack.py             cells in layers and directions
_pooling.py           from the states of all steps to a summary
_head.py              the linear head
_class_losses.py      losses of classes that exclude each other
_losses.py            from outputs to losses and their gradients
_expansion.py         whole matrices from factors, rounded weights
_parametrizations.py  what the optimizer may move
_optimizers.py        from gradients to new parameters
_dropout.py           which states are dropped
_kernel.py            whole networks and epochs
_tables.py            functions by name, none of which may be missing
"""

from ._stack import gates_and_states

__all__ = ["gates_and_states"]
