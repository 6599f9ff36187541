"""Kilobyte-sized gated recurrent networks (FastGRNN) for scikit-learn.

The house::

    _classifier.py   FastGRNNClassifier: labels, probabilities
    _base.py         what such estimators share: parameters, fit, states
    _sequences.py    the one gate for input: X -> SequenceBatch
    training/        the epochs: schedule, early stopping, history
    cell/            the network: parameters, NumPy reference, compiled kernel

    _classifier -> _base -> training -> cell -> numpy, scipy
                         -> _sequences -> cell
"""

from ._classifier import FastGRNNClassifier
from ._versions import show_versions

__version__ = "0.1.0"

__all__ = ["FastGRNNClassifier", "__version__", "show_versions"]
