"""Kilobyte-sized gated recurrent networks (FastGRNN) for scikit-learn.

The package::

    estimators/         FastGRNNClassifier, FastGRNNRegressor
    distillation/       DistilledFastGRNN and its regressor: teachers, students
    compression/        models in few bytes, and their sizes
    export/             models in C, on devices
    callbacks/          what looks at a training while it runs: logs, checkpoints, limits
    inspection/         displays of losses and gates
    preprocessing/      scalers, imputer, clipper, temporal features, windows
    training/           the epochs: sampling, early stopping, history
    schedules.py        learning rates from epoch to epoch
    augmentation.py     random changes of the training sequences
    persistence/        models and checkpoints in files: save, load
    kernels/            who computes: NumPy (reference/) or the compiled kernel (c/)
    network/            what a network is: specification, tensors, data
    _validation/        what users pass in
    _statistics.py      statistics of columns of any magnitude
    _show_versions.py   show_versions
    _public.py          modules that public names belong to

Imports point downward::

    distillation  -> estimators, callbacks, training, schedules, network, _validation
    export        -> compression, estimators, persistence, preprocessing, kernels, network,
                     _validation
    compression   -> estimators, training, persistence, preprocessing, kernels, network, _validation
    estimators    -> callbacks, training, persistence, kernels, augmentation, schedules, network,
                     _validation
    callbacks     -> training, persistence, _validation
    training      -> kernels, augmentation, schedules, network, _statistics, _validation
    persistence   -> augmentation, schedules, network, _validation
    preprocessing -> _validation, _statistics
    inspection    -> estimators, kernels, _validation
    kernels       -> network
    augmentation  -> network, _validation
    schedules     -> _validation
    _validation   -> network
"""

from importlib import import_module

from ._public import set_public_module
from ._show_versions import show_versions
from .distillation import DistilledFastGRNN, DistilledFastGRNNRegressor
from .estimators import FastGRNNClassifier, FastGRNNRegressor
from .persistence import IMPORTED_LATER, load, save

__version__ = "0.1.0"

__all__ = [
    "DistilledFastGRNN",
    "DistilledFastGRNNRegressor",
    "FastGRNNClassifier",
    "FastGRNNRegressor",
    "__version__",
    "load",
    "save",
    "show_versions",
]

set_public_module(__name__, __all__)

SUBMODULES = (
    "augmentation",
    "callbacks",
    "compression",
    "export",
    "inspection",
    "preprocessing",
    "schedules",
)


def _import_compression():
    """Import what a file may name and nobody may have asked for yet."""
    import_module(f"{__name__}.compression")


for _name in ("QuantizedFastGRNNClassifier", "QuantizedFastGRNNRegressor"):
    IMPORTED_LATER[_name] = _import_compression


def __getattr__(name):
    """Import a public submodule when it is first asked for."""
    if name in SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    """Return the public names, submodules included."""
    return sorted([*__all__, *SUBMODULES])
