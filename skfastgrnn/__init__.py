"""Kilobyte-sized gated recurrent networks (FastGRNN) for scikit-learn.

The house::

    _classifier.py   FastGRNNClassifier: labels, probabilities
    _regressor.py    FastGRNNRegressor: numbers
    _distillation/   DistilledFastGRNN and its regressor: teachers, students
    _base.py         what such estimators share: parameters, fit, states
    _settings.py     from these parameters to what network and training take
    _continuing.py   going on: what is taken over, frozen, and must agree
    persistence.py   models and checkpoints in files: save, load
    _packing.py      Python's values as JSON and arrays, and back
    _sequences.py    the one gate for input: X -> SequenceBatch
    _forms.py        lists and object arrays: the forms of X
    _views.py        sequences read where they lie
    _finite.py       padding, gaps and infinity: located
    _guards.py       errors that change nothing and name their argument
    _values.py       small objects that are values
    _weights.py      weights of samples, checked
    _streaming.py    partial_fit: one epoch over each piece
    _watching.py     what callbacks see of a training
    preprocessing/   scalers, imputer, clipper, temporal features, windows
    inspection/      displays of losses and gates
    callbacks/       what looks at a training while it runs
    augmentation.py  what training does to sequences
    schedules.py     learning rates from epoch to epoch
    training/        the epochs: early stopping, history
    cell/            the network: parameters, NumPy reference, compiled kernel

    _classifier, _regressor -> _base -> _settings -> training -> augmentation, schedules
                                                              -> cell -> numpy, scipy
                                     -> _continuing -> cell
                                     -> _sequences -> cell
                                     -> persistence -> _packing -> augmentation, schedules
    _distillation -> _classifier, _regressor
    callbacks -> persistence, training
    preprocessing -> _sequences          inspection -> fitted attributes only
"""

from ._classifier import FastGRNNClassifier
from ._distillation import DistilledFastGRNN, DistilledFastGRNNRegressor
from ._regressor import FastGRNNRegressor
from ._versions import show_versions
from .persistence import load, save

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
