"""Displays of fitted estimators, in the way of scikit-learn's; plotting needs matplotlib."""

# _estimators.py     what a display reads: an estimator, by itself or at the end of a Pipeline
# _loss_curve.py     LossCurveDisplay: how a training went
# _gate_display.py   GateDisplay: what a cell keeps of one sequence

from .._public import set_public_module
from ._gate_display import GateDisplay
from ._loss_curve import LossCurveDisplay

__all__ = ["GateDisplay", "LossCurveDisplay"]

set_public_module(__name__, __all__)
