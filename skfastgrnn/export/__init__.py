"""Models on devices: C99 that computes what Python computes."""

# _device.py     device_model: what of a fitted model is carried to a device
# _to_c.py       to_c: a fitted model as C
# _c_integer.py  the C of a model in integers
# _c_model.py    CModel: the C, and the program that a compiler makes of it
# _program.py    that program: compiling and running it

from .._public import set_public_module
from ._c_model import CModel
from ._to_c import to_c

__all__ = ["CModel", "to_c"]

set_public_module(__name__, __all__)
