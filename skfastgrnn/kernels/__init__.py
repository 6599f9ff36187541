"""Kernels: compiled, or NumPy.

reference/     the normative implementation in NumPy
c/             the same in C: whole epochs, vectorised, on any number of threads
_bindings.pyx  from Python to C; _bindings.pxd declares what there is
_compiled.py   the compiled kernel behind the interface of the reference
_dispatch.py   which of them is in use
"""

from ._dispatch import active_kernel, available_kernels, kernel_named
from .reference._expansion import expand, pull_back
from .reference._parametrizations import IDENTITY, Frozen, Parametrization

__all__ = [
    "IDENTITY",
    "Frozen",
    "Parametrization",
    "active_kernel",
    "available_kernels",
    "expand",
    "kernel_named",
    "pull_back",
]
