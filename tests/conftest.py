"""The same examples in every run; examples in documents only where what they need is there."""

from importlib.util import find_spec

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.load_profile("steady")

# What the examples of docstrings and documents need, by a word that they use it by.
NEEDED_BY = {
    "set_callbacks": ("sklearn.callback", "scikit-learn 1.9"),
    "TensorBoardLogger": ("tensorboard", "tensorboard"),
}


def pytest_collection_modifyitems(items):
    """Skip examples that need what is not installed."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            source = "".join(example.source for example in item.dtest.examples)
            for word, (module, package) in NEEDED_BY.items():
                if word in source and find_spec(module) is None:
                    # A skipped item needs a line; doctest finds none of classes whose
                    # `__module__` is not the file that they are defined in.
                    item.dtest.lineno = item.dtest.lineno or 0
                    item.add_marker(pytest.mark.skip(reason=f"needs {package}"))
