"""Models on devices: C99 that computes what Python computes."""

# _device.py     device_model: what of a fitted model is carried to a device
# _to_c.py       to_c: a fitted model as C
# _c_integer.py  the C of a model in integers
# _c_float.py    that of one in single precision; _float_network.py, _float_matrix.py: its numbers
# _c_interface.py, _c_text.py, _names.py: headers, arrays, identifiers and texts in C
# _specialise.py from C for any model to the C of one
# runtime/       C that is a part of every model, beside kernels/c/integer/fastgrnn_...
# _c_model.py    CModel: the C, and the program that a compiler makes of it
# _program.py    that program: compiling and running it
# _layouts.py    files of libraries for Arduino, Zephyr and PlatformIO
# _save.py       files that are replaced together

from .._public import set_public_module
from ._c_model import CModel
from ._to_c import to_c

__all__ = ["CModel", "to_c"]

set_public_module(__name__, __all__)
