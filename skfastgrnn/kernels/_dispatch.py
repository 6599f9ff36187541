"""Kernel selection: the best compiled one that this machine supports, or NumPy.

The environment variable SKFASTGRNN_KERNEL forces one by name: "reference", "baseline", "avx2" or
"avx512".
"""

import os
import warnings
from functools import cache
from pathlib import Path

from .reference._kernel import ReferenceKernel

try:
    from . import _bindings
    from ._compiled import CompiledKernel
except ImportError as error:  # built without a C compiler, usually
    _bindings, _import_error = None, error

VARIABLE = "SKFASTGRNN_KERNEL"


def available_kernels():
    """Names of the kernels that can run here, the slowest first."""
    compiled = () if _bindings is None else tuple(_bindings.instruction_sets())
    return ("reference", *compiled)


def kernel_named(name):
    """The kernel of that name; a RuntimeError says what there is where it cannot run here."""
    if name not in available_kernels():
        raise RuntimeError(
            f"{VARIABLE}={name!r} names a kernel that cannot run here; available are "
            f"{', '.join(available_kernels())}."
        )
    if name == "reference":
        return ReferenceKernel()
    return CompiledKernel(name)


def why_not_compiled():
    """What is the matter, and what to do."""
    folder = Path(__file__).parent
    if any(folder.glob("_bindings*.so")) or any(folder.glob("_bindings*.pyd")):
        return f"cannot load its compiled kernel ({_import_error})"
    if (Path(__file__).parents[2] / "meson.build").exists():
        return (
            "is imported from its source folder, which has no compiled kernel (install it, and run "
            "Python elsewhere or with the option -P),"
        )
    return (
        "was installed without a C compiler (install GCC or Clang, then skfastgrnn again, to get "
        "the compiled kernel)"
    )


@cache
def active_kernel():
    """The kernel in use, chosen once in a process. Warns once where only NumPy is left."""
    forced = os.environ.get(VARIABLE)
    if forced:
        return kernel_named(forced)
    if _bindings is None:
        warnings.warn(
            f"skfastgrnn {why_not_compiled()} and computes through NumPy: the same results, but "
            "many times slower.",
            RuntimeWarning,
            stacklevel=2,
        )
    return kernel_named(available_kernels()[-1])
