"""Models on devices: C99, and pages for browsers, that compute what Python computes."""

# _device.py     device_model: what of a fitted model is carried to a device
# _to_html.py    to_html: a fitted model as a page
# _html_page.py  HTMLPage: the page, made of the files in page/
# _to_c.py       to_c: a fitted model as C
# _c_integer.py  the C of a model in integers
# _c_float.py    that of one in single precision; _float_network.py, _float_matrix.py: its numbers
# _c_interface.py, _c_text.py, _names.py: headers, arrays, identifiers and texts in C
# _specialise.py from C for any model to the C of one
# runtime/       C that is a part of every model, beside kernels/c/integer/fastgrnn_...
# _c_model.py    CModel: the C, and the program that a compiler makes of it
# _emulate.py    emulate: a model in C on an emulated device
# _emulation.py  Emulation: what it returned and what it cost there
# _targets.py    the devices: compilers, emulators, packages
# _test_program.py, _program_output.py, _linker_map.py, emulators/
#                the program that runs a model on a device, what it writes and of what it is linked
# _program.py    that program: compiling and running it
# _layouts.py    files of libraries for Arduino, Zephyr and PlatformIO
# _save.py       files that are replaced together

from .._public import set_public_module
from ._c_model import CModel
from ._emulate import emulate
from ._emulation import Emulation
from ._html_page import HTMLPage
from ._to_c import to_c
from ._to_html import to_html

__all__ = ["CModel", "Emulation", "HTMLPage", "emulate", "to_c", "to_html"]

set_public_module(__name__, __all__)
