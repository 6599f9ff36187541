"""Knowledge distillation: train a small network on the predictions of a large estimator.

_teachers.py     the logits of fitted teachers
_folds.py        clones of a teacher, asked about samples that they were not fitted on
_soft_targets.py what a classifier as teacher says of all samples
_calibration.py  how sure it may be
_labels.py       labels, some of them unknown
_students.py     students, and what their fits are called with
_report.py       how a student compares
_base.py         base class of both estimators
_classifier.py   DistilledFastGRNN
_regressor.py    DistilledFastGRNNRegressor
"""

from ._classifier import DistilledFastGRNN
from ._regressor import DistilledFastGRNNRegressor

__all__ = ["DistilledFastGRNN", "DistilledFastGRNNRegressor"]
