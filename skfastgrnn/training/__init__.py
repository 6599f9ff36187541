"""Training: whole epochs come from the kernel; what happens between two epochs is decided here.

_early_stopping.py  when to stop, and which weights to keep
_state.py           what changes from epoch to epoch
_report.py          the lines that verbose=1 prints, and warnings
_metrics.py         accuracy and R², beside the loss
_target_scaling.py  center and scale of targets that are numbers
_data.py            data sets, and parts of them held out
_lesson.py          what a teacher adds to the targets
_sampling.py        rows drawn so that classes come equally often
_epoch.py           one epoch
_trainer.py         all of them
_stream.py          one over each piece of a stream
"""

from ._data import DataSet, concatenated, hold_out
from ._early_stopping import EarlyStopping
from ._epoch import EpochConfig
from ._lesson import Lesson
from ._report import warn
from ._state import TrainingState, new_history
from ._stream import joined_history, lowest_loss, train_on_piece
from ._target_scaling import center_and_scale, check_statistics, target_statistics
from ._trainer import TrainingConfig, train

__all__ = [
    "DataSet",
    "EarlyStopping",
    "EpochConfig",
    "Lesson",
    "TrainingConfig",
    "TrainingState",
    "center_and_scale",
    "check_statistics",
    "concatenated",
    "hold_out",
    "joined_history",
    "lowest_loss",
    "new_history",
    "target_statistics",
    "train",
    "train_on_piece",
    "warn",
]
