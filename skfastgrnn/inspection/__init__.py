"""Displays of fitted estimators, like scikit-learn's; plotting needs matplotlib."""

# _estimators.py     the network of an estimator or at the end of a Pipeline
# _loss_curve.py     LossCurveDisplay: losses and learning rate by epoch
# _gate_display.py   GateDisplay: gates and states of a cell for one sequence

from .._public import set_public_module
from ._gate_display import GateDisplay
from ._loss_curve import LossCurveDisplay

__all__ = ["GateDisplay", "LossCurveDisplay"]

set_public_module(__name__, __all__)
