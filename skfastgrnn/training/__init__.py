"""Training loop: the kernel runs whole epochs; this package controls what happens between them.

_compression.py     which ranks, densities and bits a network shall have
_phases.py          from when on which of its weights are zero, and rounded
_early_stopping.py  when to stop, and which weights to keep
_state.py           what changes from epoch to epoch
_report.py          the lines that verbose=1 prints, and warnings
_metrics.py         R², beside the loss
_target_scaling.py  center and scale of targets that are numbers
_data.py            data sets, and parts of them held out
_sampling.py        rows drawn so that classes come equally often
_epoch.py           one epoch
_objective.py       what a training minimises, and when its epochs can be compared
_classification.py  labels and the cross-entropy
_multilabel.py      any number of labels for each sequence
_regression.py      numbers, scaled, and the squared or Huber's loss
_trainer.py         all of them
_restarts.py        several trainings, of which the best is kept
_stream.py          one over each piece of a stream
"""

from ._classification import Classification
from ._compression import Compression, begins_dense, check_compression, check_ranks
from ._data import DataSet, concatenated, hold_out
from ._early_stopping import EarlyStopping
from ._epoch import EpochConfig
from ._multilabel import Multilabel
from ._objective import Objective
from ._phases import Phases, n_nonzero, number_kept
from ._regression import Regression
from ._report import collected_warnings, warn
from ._restarts import best_training
from ._state import TrainingState, new_history
from ._stream import joined_history, lowest_loss, train_on_piece
from ._target_scaling import check_statistics
from ._trainer import TrainingConfig, train

__all__ = [
    "Classification",
    "Compression",
    "DataSet",
    "EarlyStopping",
    "EpochConfig",
    "Multilabel",
    "Objective",
    "Phases",
    "Regression",
    "TrainingConfig",
    "TrainingState",
    "begins_dense",
    "best_training",
    "check_compression",
    "check_ranks",
    "check_statistics",
    "collected_warnings",
    "concatenated",
    "hold_out",
    "joined_history",
    "lowest_loss",
    "n_nonzero",
    "new_history",
    "number_kept",
    "train",
    "train_on_piece",
    "warn",
]
