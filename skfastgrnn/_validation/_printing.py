"""Values for messages: 0 and not ``np.int64(0)``."""

import numpy as np


def plain(value):
    """A number of NumPy as one of Python, which prints as a number; containers likewise."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {plain(key): plain(entry) for key, entry in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(map(plain, value))
    return value
