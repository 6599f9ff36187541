"""Python's values as JSON and arrays, and back, without code.

None, booleans, finite numbers, strings and lists of them are themselves in JSON; anything else is
an object with one key that says what it is.
"""

import math
from dataclasses import fields

import numpy as np

from . import augmentation, schedules

#: Small objects that may be in a file, by their name.
VALUES = {
    name: getattr(module, name) for module in (augmentation, schedules) for name in module.__all__
}


class Unwritable:
    """Stands for what only code could restore."""


def pack(value, name, tensors):
    """The JSON of a value.

    Its arrays go to the dict `tensors`, under names that begin with `name`, or with None to JSON.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic) and not isinstance(value.item(), np.generic):
        return pack(value.item(), name, tensors)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, np.ndarray):
        if tensors is not None and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
            return {"array": put(tensors, name, value)}
        return {"labels": packed_list(value.tolist(), name, tensors), "dtype": value.dtype.str}
    if isinstance(value, list):
        if tensors is not None and set(map(type, value)) == {float}:
            return {"floats": put(tensors, name, np.array(value))}
        return packed_list(value, name, tensors)
    if isinstance(value, tuple):
        return {"tuple": packed_list(value, name, tensors)}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {"dict": {key: pack(v, f"{name}/{key}", tensors) for key, v in value.items()}}
        pairs = [list(pair) for pair in value.items()]
        return {"pairs": packed_list(pairs, name, tensors)}
    kind = type(value)
    if VALUES.get(kind.__name__) is kind:
        settings = {
            field.name: pack(getattr(value, field.name), f"{name}/{field.name}", tensors)
            for field in fields(value)
        }
        return {"value": kind.__name__, "settings": settings}
    origin = value if hasattr(value, "__qualname__") else kind
    return {"unwritable": f"{origin.__module__}.{origin.__qualname__}"}


def put(tensors, name, array):
    """Add an array; answers its name."""
    if name in tensors:
        raise TypeError(f"There are two arrays {name}; the estimator has an attribute too many.")
    tensors[name] = array
    return name


def packed_list(values, name, tensors):
    return [pack(value, f"{name}/{i}", tensors) for i, value in enumerate(values)]


def unpack(packed, tensors):
    """The value that `pack` was given, or an `Unwritable` if that held one.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is not what `pack` answers.
    """
    try:
        return unpacked(packed, tensors)
    except NeedsCode:
        return Unwritable()


class NeedsCode(Exception):
    """There is an unwritable object inside."""


def unpacked(packed, tensors):
    if isinstance(packed, list):
        return [unpacked(entry, tensors) for entry in packed]
    if not isinstance(packed, dict):
        return packed
    if "value" in packed:
        settings = {key: unpacked(value, tensors) for key, value in packed["settings"].items()}
        return VALUES[packed["value"]](**settings)
    if "labels" in packed:
        return np.array(unpacked(packed["labels"], tensors), dtype=np.dtype(packed["dtype"]))
    ((kind, content),) = packed.items()
    if kind == "array":
        return tensors[content]
    if kind == "floats":
        return tensors[content].tolist()
    if kind == "float":
        return float(content)
    if kind == "tuple":
        return tuple(unpacked(content, tensors))
    if kind == "dict":
        return {key: unpacked(value, tensors) for key, value in content.items()}
    if kind == "pairs":
        return dict(unpacked(content, tensors))
    if kind == "unwritable":
        raise NeedsCode
    raise ValueError(f"it holds a {kind!r}, which is unknown here.")
