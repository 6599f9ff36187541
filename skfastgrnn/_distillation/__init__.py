"""Knowledge distillation: what a large estimator knows, in a small network.

_teachers.py     what teachers answer
_labels.py       labels, some of them unknown
_students.py     students, and what their fits are called with
_report.py       how a student compares
_base.py         what both faces share
_classifier.py   DistilledFastGRNN
_regressor.py    DistilledFastGRNNRegressor
"""

from ._classifier import DistilledFastGRNN
from ._regressor import DistilledFastGRNNRegressor

__all__ = ["DistilledFastGRNN", "DistilledFastGRNNRegressor"]
