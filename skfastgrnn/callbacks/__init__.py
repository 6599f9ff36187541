"""Callbacks: monitor, log, save or stop training.

They follow scikit-learn's callback protocol, and need scikit-learn 1.9 or newer. They are set on a
network, which may be inside a pipeline or a search:

>>> from skfastgrnn import FastGRNNClassifier
>>> from skfastgrnn.callbacks import TimeLimit
>>> model = FastGRNNClassifier(random_state=0).set_callbacks(TimeLimit(60))

scikit-learn's `ProgressBar` and `ScoringMonitor` work on networks, too.
"""

from .._public import set_public_module
from ._checkpoint import Checkpoint
from ._history import JSONLinesLogger
from ._limits import TimeLimit
from ._monitors import GradientMonitor, LearningRateMonitor, handed_over
from ._stopping import EarlyStoppingOnMetric
from ._tensorboard import TensorBoardLogger

__all__ = [
    "Checkpoint",
    "EarlyStoppingOnMetric",
    "GradientMonitor",
    "JSONLinesLogger",
    "LearningRateMonitor",
    "TensorBoardLogger",
    "TimeLimit",
]

# Pickles of monitors name the last one.
set_public_module(__name__, [*__all__, handed_over.__name__])
