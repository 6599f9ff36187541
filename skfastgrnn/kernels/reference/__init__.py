"""The kernel in NumPy, against which the compiled one is tested. Twins bear the names of c/.

_cell.py        a cell's equations, forward and backward
_stack.py       cells in layers and directions
_head.py        pooling and the linear head
_losses.py      from outputs to losses and their gradients
_optimizers.py  from gradients to new parameters
_dropout.py     which states are dropped
_kernel.py      whole networks and epochs
"""
