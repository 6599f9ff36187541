"""Training: whole epochs come from the kernel; what happens between two epochs is decided here.

_stopping.py        when to stop, and which weights to keep
_report.py          the lines that verbose=1 prints
_metrics.py         accuracy and R², beside the loss
_data.py            data sets, and parts of them held out
_sampling.py        rows drawn so that classes come equally often
_epoch.py           one epoch
_trainer.py         all of them
"""

from ._data import DataSet, concatenated, hold_out
from ._epoch import EpochPlan
from ._metrics import center_and_scale
from ._trainer import Plan, TrainingResult, train

__all__ = [
    "DataSet",
    "EpochPlan",
    "Plan",
    "TrainingResult",
    "center_and_scale",
    "concatenated",
    "hold_out",
    "train",
]
