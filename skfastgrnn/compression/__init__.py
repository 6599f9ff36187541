"""Models in few bytes: smaller networks after or during training, and their sizes."""

# _best_under.py     best_under: the best candidate of a search within a budget of bytes

from .._public import set_public_module
from ._best_under import best_under

__all__ = ["best_under"]

set_public_module(__name__, __all__)
