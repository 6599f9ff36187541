"""Transformers of sequences, and windows of long series.

Every transformer accepts 2-D X (with `n_timesteps`), 3-D X and lists, and returns the same form.

_base.py       base class: validation of X, conversion back to its form
_scalers.py    standard, min-max and robust scaling, by channel or time step
_imputer.py    gaps inside sequences
_clipper.py    extreme values
_temporal.py   lags, differences, rolling statistics as additional channels
_reshaper.py   2-D <-> 3-D
_windows.py    long series into windows and targets
_steps.py      positions of steps, and blocks of sequences with time as the first axis
"""

from .._public import set_public_module
from .._statistics import Moments, Scaling
from ._clipper import SequenceClipper
from ._imputer import SequenceImputer
from ._reshaper import SequenceReshaper
from ._scalers import SequenceMinMaxScaler, SequenceRobustScaler, SequenceStandardScaler
from ._temporal import Feature, TemporalFeatures
from ._windows import sliding_windows

__all__ = [
    "SequenceClipper",
    "SequenceImputer",
    "SequenceMinMaxScaler",
    "SequenceReshaper",
    "SequenceRobustScaler",
    "SequenceStandardScaler",
    "TemporalFeatures",
    "sliding_windows",
]

# Fitted transformers, and so their pickles, hold the last three.
set_public_module(__name__, [*__all__, Feature.__name__, Moments.__name__, Scaling.__name__])
