"""Where the numbers come from: processor, system and library versions; nothing private."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("skfastgrnn", "scikit-learn", "numpy", "scipy", "torch", "jax", "jaxlib")


def describe():
    """Describe processor, system and libraries.

    Returns
    -------
    dict
        JSON-ready; a library that is not installed is None.
    """
    return {
        "processor": _processor(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def _version(library):
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor()
