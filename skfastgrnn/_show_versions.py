"""show_versions: the environment, for bug reports."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from .kernels import active_kernel, available_kernels

PACKAGES = ("skfastgrnn", "scikit-learn", "numpy", "scipy", "joblib", "safetensors")


def show_versions() -> None:
    """Print the active kernel, its instruction set, threads, and versions of dependencies.

    Examples
    --------
    >>> import skfastgrnn
    >>> skfastgrnn.show_versions()  # doctest: +ELLIPSIS
    Kernel
              active: ...
    """
    kernel = active_kernel()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print_section(
        "Kernel",
        {
            "active": kernel.name,
            "instruction set": kernel.instruction_set,
            "available": ", ".join(available_kernels()),
            "threads": f"1 unless n_jobs says otherwise ({cores} available)",
        },
    )
    print_section("System", {"python": platform.python_version(), "machine": platform.platform()})
    print_section("Packages", {name: version_of(name) for name in PACKAGES})


def print_section(title, entries):
    """Print entries below a title, names aligned at their colons."""
    print(title)
    for name, value in entries.items():
        print(f"{name:>16}: {value}")
    print()


def version_of(package):
    """The installed version of a package, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
