"""Models in few bytes: smaller networks after or during training, and their sizes."""

# _size.py           size_report, neg_n_bytes_scorer: the bytes of a model
# _low_rank.py       low_rank: the matrices of a fitted estimator as products of factors
# _prune.py          prune: a fitted estimator without its smallest weights
# _fitted.py         the estimators that these two take
# _best_under.py     best_under: the best candidate of a search within a budget of bytes
# _display.py        CompressionDisplay: score by size of the candidates of a search

from .._public import set_public_module
from ..training import Compression
from ._best_under import best_under
from ._display import CompressionDisplay
from ._low_rank import low_rank
from ._prune import prune
from ._size import SizeReport, neg_n_bytes_scorer, size_report

__all__ = [
    "Compression",
    "CompressionDisplay",
    "SizeReport",
    "best_under",
    "low_rank",
    "neg_n_bytes_scorer",
    "prune",
    "size_report",
]

set_public_module(__name__, __all__)
