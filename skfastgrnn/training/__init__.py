"""Training: whole epochs come from the kernel; what happens between two epochs is decided here.

_schedules.py       the learning rate of each epoch
_stopping.py        when to stop, and which weights to keep
_report.py          the lines that verbose=1 prints
_metrics.py         accuracy and R², beside the loss
_data.py            data sets, and parts of them held out
_trainer.py         the epochs
"""

from ._data import DataSet, concatenated, hold_out
from ._metrics import center_and_scale
from ._schedules import learning_rate_of
from ._trainer import TrainingResult, train

__all__ = [
    "DataSet",
    "TrainingResult",
    "center_and_scale",
    "concatenated",
    "hold_out",
    "learning_rate_of",
    "train",
]
