"""Kernels: compiled, or NumPy.

reference/     the normative implementation in NumPy
c/             the same in C: whole epochs, vectorised, on any number of threads
_bindings.pyx  from Python to C; _bindings.pxd declares what there is
_compiled.py   the compiled kernel behind the interface of the reference
_dispatch.py   which of them is in use
_integer.py    networks in integers: c/integer/ behind _integer_bindings.pyx, or NumPy
"""

from ._dispatch import active_kernel, available_kernels, kernel_named
from ._integer import integer_instruction_sets, integer_outputs
from .reference._expansion import expand, pull_back
from .reference._parametrizations import IDENTITY, Frozen, Parametrization

__all__ = [
    "IDENTITY",
    "Frozen",
    "Parametrization",
    "active_kernel",
    "available_kernels",
    "expand",
    "integer_instruction_sets",
    "integer_outputs",
    "kernel_named",
    "pull_back",
]
