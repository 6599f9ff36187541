"""Python's values as JSON and arrays, and back, without code.

None, booleans, finite numbers, strings and lists of them are themselves in JSON; anything else is
an object with one key that says what it is.
"""

import math
import re

import numpy as np

from .. import augmentation, schedules  # noqa: F401  (they register their classes)
from .._validation._dataclasses import REGISTRY, settings_of

#: Bytes that the labels of a file may take in memory: their dtype alone can ask for any number.
MOST_BYTES = 2**26


class Refused(ValueError):
    """An entry of a file is not what it must be; the message names it."""


class NotSerializable:
    """Stands for what only code could restore: a function or an object by its name.

    `parts` are the settings of an object of this package that has such an object inside.
    """

    def __init__(self, name, parts=None):
        self.name = name
        self.parts = parts

    def __repr__(self):
        if self.parts is None:
            return f"<{self.name}>"
        return f"{self.name}({', '.join(f'{key}={value!r}' for key, value in self.parts.items())})"


def to_json(value, name, tensors):
    """The JSON of a value.

    Its arrays go to the dict `tensors`, under names that begin with `name`, or with None to JSON.

    Raises
    ------
    TypeError
        If only code could restore it; with None for `tensors` its name is packed instead.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic) and not isinstance(value.item(), np.generic):
        return to_json(value.item(), name, tensors)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, np.ndarray):
        if tensors is not None and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
            return {"array": put(tensors, name, value)}
        if value.ndim == 0:
            return to_json(value.item(), name, tensors)
        if tensors is not None and value.dtype.kind not in "OU":
            refuse_to_pack(name, value)
        return {"labels": packed_list(value.tolist(), name, tensors), "dtype": value.dtype.str}
    if isinstance(value, list):
        if tensors is not None and set(map(type, value)) == {float}:
            return {"floats": put(tensors, name, np.array(value))}
        return packed_list(value, name, tensors)
    if isinstance(value, tuple):
        return {"tuple": packed_list(value, name, tensors)}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {"dict": {key: to_json(v, f"{name}/{key}", tensors) for key, v in value.items()}}
        pairs = [list(pair) for pair in value.items()]
        return {"pairs": packed_list(pairs, name, tensors)}
    kind = type(value)
    if REGISTRY.get(kind.__name__) is kind:
        settings = {
            key: to_json(setting, f"{name}/{key}", tensors)
            for key, setting in settings_of(value).items()
        }
        return {"value": kind.__name__, "settings": settings}
    if tensors is not None:
        refuse_to_pack(name, value)
    origin = value if hasattr(value, "__qualname__") else kind
    return {"unwritable": f"{origin.__module__}.{origin.__qualname__}"}


def refuse_to_pack(name, value):
    """Raise the error of what has no place in a file."""
    raise TypeError(f"{name} cannot be saved, since only code could restore it: {value!r}.")


def put(tensors, name, array):
    """Add an array; returns its name."""
    if name in tensors:
        raise TypeError(f"There are two arrays {name}; the estimator has an attribute too many.")
    tensors[name] = array
    return name


def packed_list(values, name, tensors):
    return [to_json(value, f"{name}/{i}", tensors) for i, value in enumerate(values)]


def from_json(packed, name, tensors):
    """The value that `to_json` was given; `NotSerializable` takes the place of what needs code.

    Takes the arrays out of the dict `tensors`, so that no two values share one.

    Raises
    ------
    Refused
        If it is not what `to_json` returns; the error names the entry.
    """
    if isinstance(packed, list):
        return [from_json(entry, f"{name}/{i}", tensors) for i, entry in enumerate(packed)]
    if isinstance(packed, int):
        if abs(packed) > 2**1023:
            raise Refused(f"{name} must be a number that a float can hold, got one beyond.")
        return packed
    if not isinstance(packed, dict):
        return packed
    for keys, unpacked in UNPACKED.items():
        if packed.keys() == set(keys):
            try:
                return unpacked(*(packed[key] for key in keys), name, tensors)
            except Refused:
                raise
            except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
                raise Refused(f"{name} cannot be made of {shortened(packed)}: {error}") from error
    raise Refused(f"{name} must be one of the known kinds of values, got {shortened(packed)}.")


def unpacked_array(key, name, tensors):
    if key not in tensors:
        raise Refused(f"{name} must be an array, and the file has none called {key!r} for it.")
    array = tensors.pop(key)
    if array.dtype.kind not in "biuf":
        raise Refused(f"{name} must be an array of numbers, got {array.dtype}.")
    return array


def unpacked_floats(key, name, tensors):
    array = unpacked_array(key, name, tensors)
    if array.ndim != 1 or array.dtype != np.float64:
        raise Refused(f"{name} must be a row of float64, got {array.dtype} {array.shape}.")
    return array.tolist()


def unpacked_labels(labels, dtype, name, tensors):
    labels = from_json(labels, name, tensors)
    width = re.fullmatch(r"[<>|=]?[OUbiuf](\d{0,9})", dtype)
    if not isinstance(labels, list) or width is None:
        raise Refused(f"{name} must be a list of labels of a known dtype, got {dtype!r}.")
    if 4 * int(width[1] or 1) * len(labels) > MOST_BYTES:
        raise Refused(f"{name} must not take more than {MOST_BYTES} bytes, as {dtype} does.")
    array = np.empty(len(labels), np.dtype(dtype))
    array[:] = labels
    if array.tolist() != labels:
        raise Refused(f"{name} must be a list of labels of the dtype {dtype}, and is not.")
    return array


def unpacked_float(text, name, tensors):
    if text not in ("inf", "-inf", "nan"):
        raise Refused(f"{name} must be inf, -inf or nan where JSON has no number, got {text!r}.")
    return float(text)


def unpacked_pairs(pairs, name, tensors):
    return dict(from_json(pairs, name, tensors))


def unpacked_value(kind, settings, name, tensors):
    if kind not in REGISTRY:
        raise Refused(f"{name} must be one of {sorted(REGISTRY)}, got {kind!r}.")
    settings = unpacked_dict(settings, name, tensors)
    return NotSerializable(kind, settings) if needs_code(settings) else REGISTRY[kind](**settings)


def unpacked_dict(content, name, tensors):
    return {key: from_json(value, f"{name}/{key}", tensors) for key, value in content.items()}


#: What makes a value of each object that `to_json` returns, by the keys of that.
UNPACKED = {
    ("array",): unpacked_array,
    ("floats",): unpacked_floats,
    ("labels", "dtype"): unpacked_labels,
    ("float",): unpacked_float,
    ("tuple",): lambda content, name, tensors: tuple(from_json(content, name, tensors)),
    ("dict",): unpacked_dict,
    ("pairs",): unpacked_pairs,
    ("value", "settings"): unpacked_value,
    ("unwritable",): lambda content, name, tensors: NotSerializable(str(content)),
}


def shortened(value, length=80):
    """The `repr` of a value, truncated."""
    text = repr(value)
    return text if len(text) <= length else text[: length - 3] + "..."


def needs_code(value):
    """Whether there is an `NotSerializable` inside."""
    if isinstance(value, list | tuple):
        return any(map(needs_code, value))
    if isinstance(value, dict):
        return needs_code(list(value.items()))
    return isinstance(value, NotSerializable)


def same(one, other):
    """Whether two unpacked values are equal, whatever their parts are kept in.

    Lists, tuples and arrays are the same if their entries are, dicts in any order, 1 and 1.0; what
    needs code if it has the same name.
    """
    return comparable(one) == comparable(other)


def comparable(value):
    """A value as lists, dicts, numbers and strings, which can be compared."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [comparable(entry) for entry in value]
    if isinstance(value, dict):
        return {key: comparable(entry) for key, entry in value.items()}
    if isinstance(value, NotSerializable):
        return ["code", value.name, comparable(value.parts)]
    if REGISTRY.get(type(value).__name__) is type(value):
        settings = {key: comparable(setting) for key, setting in settings_of(value).items()}
        return ["value", type(value).__name__, settings]
    return value
