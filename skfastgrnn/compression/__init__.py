"""Models in few bytes: smaller networks after or during training, integers, and their sizes."""

# _quantize.py       quantize: a fitted model in integers
# _quantized.py      the estimators that compute in integers
# _integers.py       from parameters and sequences to integers
# _calibration.py    warnings of sequences that ranges should not be calibrated on
# _trainable.py      what can be trained and converted
# _saved.py          networks in integers in files
# _fold_scaler.py    fold_scaler: a network without the scaler in front of it
# _affine.py         scalers that are one affine function for each channel
# _other_models.py   what is said of models that these do not take
# _size.py           size_report, neg_n_bytes_scorer: the bytes of a model
# _low_rank.py       low_rank: the matrices of a fitted estimator as products of factors
# _prune.py          prune: a fitted estimator without its smallest weights
# _fitted.py         the estimators that these two take
# _best_under.py     best_under: the best candidate of a search within a budget of bytes
# _display.py        CompressionDisplay: score by size of the candidates of a search

from .._public import set_public_module
from ..network import IntegerCell, IntegerMatrix, IntegerNetwork
from ..training import Compression
from ._best_under import best_under
from ._display import CompressionDisplay
from ._fold_scaler import fold_scaler
from ._low_rank import low_rank
from ._prune import prune
from ._quantize import quantize
from ._quantized import QuantizedFastGRNNClassifier, QuantizedFastGRNNRegressor
from ._size import SizeReport, neg_n_bytes_scorer, size_report
from ._trainable import NotSaved

__all__ = [
    "Compression",
    "CompressionDisplay",
    "QuantizedFastGRNNClassifier",
    "QuantizedFastGRNNRegressor",
    "SizeReport",
    "best_under",
    "fold_scaler",
    "low_rank",
    "neg_n_bytes_scorer",
    "prune",
    "quantize",
    "size_report",
]

# Quantized estimators, and so their pickles, hold the last four.
INTEGERS = (IntegerCell, IntegerMatrix, IntegerNetwork, NotSaved)
set_public_module(__name__, [*__all__, *(cls.__name__ for cls in INTEGERS)])
