"""Pieces of C that models of every kind have."""

import numpy as np

#: Where constants are.
FLASH = """
/* Constants are in program memory where that is another one. */
#ifdef __AVR__
#ifndef __FLASH
#error "Compile this file as GNU C (-std=gnu99 or gnu11): ISO C has no program memory."
#endif
#define FASTGRNN_FLASH __flash
#else
#define FASTGRNN_FLASH
#endif
"""


def number(value):
    """A float32 as C reads it back exactly: nine digits are enough."""
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if set(text) & set(".e") else f"{text}.0f"


def array(c_type, name, values):
    """The definition of a constant array of numbers."""
    values = np.asarray(values).ravel()
    numbers = [number(v) if c_type == "float" else str(v) for v in values.tolist()]
    lines, line = [], "   "
    for text in numbers:
        if len(line) + len(text) > 98:
            lines.append(line)
            line = "   "
        line += f" {text},"
    lines.append(line)
    text = "\n".join(lines)
    return f"static const FASTGRNN_FLASH {c_type} {name}[{len(values)}] = {{\n{text}\n}};\n"
