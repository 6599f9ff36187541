"""The same examples in every run; examples in documents only where what they need is there."""

from importlib.util import find_spec
from shutil import which

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.load_profile("steady")


def found(programs):
    """The paths of programs, or None if one is missing."""
    paths = [which(program) for program in programs.split()]
    return None if None in paths else paths


# What the examples of docstrings and documents need, by a word that they use it by.
NEEDED_BY = {
    "set_callbacks": ("scikit-learn 1.9", find_spec, "sklearn.callback"),
    "TensorBoardLogger": ("tensorboard", find_spec, "tensorboard"),
    "emulate(": ("avr-gcc and simavr", found, "avr-gcc simavr"),
}


def pytest_collection_modifyitems(items):
    """Skip examples that need what is not installed."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            source = "".join(example.source for example in item.dtest.examples)
            for word, (named, find, name) in NEEDED_BY.items():
                if word in source and find(name) is None:
                    # A skipped item needs a line; doctest finds none of classes whose
                    # `__module__` is not the file that they are defined in.
                    item.dtest.lineno = item.dtest.lineno or 0
                    item.add_marker(pytest.mark.skip(reason=f"needs {named}"))
