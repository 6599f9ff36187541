"""Files with something wrong in them: bytes, headers, JSON and arrays changed at random."""

import contextlib
import copy
import json
import struct

import numpy as np
import safetensors
import safetensors.numpy

BROKEN = (ValueError, LookupError, TypeError, RecursionError, AttributeError, struct.error)
BROKEN = (*BROKEN, safetensors.SafetensorError)

JUNK = (
    None, True, False, 0, 1, -1, 2, 3, 7, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), 10**30, 10**400,
    0.0, -0.0, 0.5, 1.0, -1.5, 1e-300, 1e308, -1e308, 5e-324,
    "", "loss", "W", "adam", "sgd", "balanced", "cosine", "auto", "head", "\x00", "é" * 300,
    [], [1], ["W"], [[]], [None, None], {}, {"dict": {}}, {"dict": {"a": 1}}, {"dict": []},
    {"array": "W"}, {"array": "nothing"}, {"array": 3}, {"array": ["W"]}, {"floats": "W"},
    {"floats": "history_/loss"}, {"float": "nan"}, {"float": "inf"}, {"float": "-inf"},
    {"float": "x"}, {"float": 1}, {"tuple": []}, {"tuple": [1, "U"]}, {"tuple": 3},
    {"pairs": [[1, 2]]}, {"pairs": [[0, 0.5], [1, 2.0]]}, {"pairs": [[[1], 2]]}, {"pairs": 4},
    {"labels": [1, 2], "dtype": "<i8"}, {"labels": ["a", "b"], "dtype": "<U1"},
    {"labels": ["b", "a"], "dtype": "|O"}, {"labels": [300], "dtype": "|u1"},
    {"labels": [1], "dtype": "V8"}, {"labels": ["a"], "dtype": "<U999999999"},
    {"labels": [0], "dtype": "<M8[D]"}, {"labels": [0], "dtype": 7},
    {"value": "Jitter", "settings": {}}, {"value": "CosineDecay", "settings": {"floor": 0.5}},
    {"value": "TimeMask", "settings": {"n_masks": 10**12}}, {"value": "Popen", "settings": {}},
    {"value": "ChannelDrop", "settings": {}}, {"value": "Jitter", "settings": {"std": "x"}},
    {"value": ["Jitter"], "settings": []}, {"value": "WarmUp", "settings": {"n_epochs": 1}},
    [{"value": "Scaling", "settings": {"std": 1e308}}], [{"value": "TimeShift", "settings": {}}],
    [{"value": "ChannelDrop", "settings": {}}], {"unwritable": "os.system"}, {"unwritable": None},
)  # fmt: skip


def read(content):
    """The header of a safetensors file as an object, and its data."""
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def written(header, data):
    """A safetensors file."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def mutant(content, seed):
    """The bytes of a file with one to three changes, which `seed` determines."""
    rng = np.random.default_rng(seed)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        change = pick(rng, KINDS)
        with contextlib.suppress(*BROKEN):  # an earlier change may have left nothing to take apart
            content = change(content, rng)
    return content


def pick(rng, choices):
    """One of some."""
    return choices[rng.integers(len(choices))]


def changed_parameter(content, rng):
    """A parameter of the constructor with another value, which may well be a good one."""
    header, data = read(content)
    tree = json.loads(header["__metadata__"]["skfastgrnn"])
    parameters = tree["parameters"]
    name = pick(rng, sorted(parameters))
    value = parameters[name]
    if name in OTHERS:
        parameters[name] = copy.deepcopy(pick(rng, OTHERS[name]))
    elif isinstance(value, bool):
        parameters[name] = not value
    elif isinstance(value, int | float):
        parameters[name] = type(value)(value * pick(rng, [0, 0.3, 0.9, 2, 1e3, 1e300 // 1]))
    else:
        parameters[name] = pick(rng, [1, 2, 0.5, 1e-3, None, "auto"])
    header["__metadata__"]["skfastgrnn"] = json.dumps(tree)
    return written(header, data)


OTHERS = {
    "solver": ["sgd", "rmsprop", "adamw", "adagrad", "lbfgs"],
    "learning_rate": [
        *["step", "exponential", "linear", "cosine", "one_cycle", "plateau", "x"],
        {"value": "Stages", "settings": {"n_stages": 3, "start": 0.5}},
        {"value": "StepDecay", "settings": {"decay": 0.5, "every": 10**400}},
        {"unwritable": "some.function"},
    ],
    "frozen": ["cell", "head", "W", ["U", "head"], {"tuple": ["zeta_hat"]}, ["V"], [], [["W"]]],
    "augment": [
        [{"value": "TimeShift", "settings": {"max_steps": 2**62}}],
        [{"value": "ChannelDrop", "settings": {"p": 1}}],
        {"tuple": [{"value": "Scaling", "settings": {"per": "channel"}}]},
        [{"unwritable": "a.class"}],
        [{"value": "CosineDecay", "settings": {}}],
    ],
    "class_weight": ["balanced", {"pairs": [[0, 1], [1, 3]]}, {"dict": {"no": 1, "yes": -1}}],
    "sampling": ["balanced", None],
    "pooling": ["last", "mean"],
    "loss": ["huber", "squared_error"],
    "early_stopping": [True, False, "auto"],
    "validation_fraction": [0.5, 0.999, 1e-9],
    "n_iter_no_change": [1, 10**30, {"float": "inf"}],
    "random_state": [None, 2**32 - 1, 2**32, {"unwritable": "numpy.random.RandomState"}],
}


def changed_bytes(content, rng):
    """Cut off, flipped, doubled, removed or overwritten bytes."""
    start, stop = sorted(rng.integers(len(content), size=2))
    kind = rng.integers(5)
    if kind == 0:
        return content[:start]
    if kind == 1:
        flipped = bytearray(content)
        for place in rng.integers(len(content), size=rng.integers(1, 6)):
            flipped[place] ^= 1 << rng.integers(8)
        return bytes(flipped)
    if kind == 2:
        return content[:stop] + content[start:stop] + content[stop:]
    if kind == 3:
        return content[:start] + content[stop:]
    return content[:start] + rng.bytes(min(stop - start, 40)) + content[start + 40 :]


def changed_header(content, rng):
    """A wrong offset, shape, dtype, name or length in the header of the format."""
    header, data = read(content)
    name = pick(rng, [name for name in header if name != "__metadata__"])
    kind = rng.integers(7)
    if kind == 0:
        header[name]["shape"] = pick(rng, [[], [0], [2**60], [2**40, 2**40], [-1], [1, 2], "x"])
    elif kind == 1:
        kinds = ["F16", "F32", "F64", "BF16", "I8", "U64", "BOOL", "F8_E4M3", "X9", 3]
        header[name]["dtype"] = pick(rng, kinds)
    elif kind == 2:
        header[name]["data_offsets"] = pick(rng, [[0, 0], [0, 2**62], [8, 0], [-8, 0], [0, 8], []])
    elif kind == 3:
        header[pick(rng, ["W", "U", "other", "classes_"])] = header.pop(name)
    elif kind == 4:
        del header[name]
    elif kind == 5:
        header["__metadata__"] = pick(rng, [{}, {"skfastgrnn": "{}"}, {"skfastgrnn": "["}, []])
    else:
        text = json.dumps(header).encode()
        size = pick(rng, [0, 1, len(text) - 1, len(text) + 8, 2**40, 2**63])
        return struct.pack("<Q", size) + text + data
    return written(header, data)


def changed_text(content, rng):
    """JSON whose text is no longer what a library writes."""
    header, data = read(content)
    text = header["__metadata__"]["skfastgrnn"]
    place = int(rng.integers(len(text)))
    kind = rng.integers(5)
    if kind == 0:  # a key twice
        key = pick(rng, ["hidden_size", "n_iter_", "history_", "estimator", "training", "step"])
        text = text.replace(f'"{key}":', f'"{key}": {json.dumps(pick(rng, JUNK))}, "{key}":', 1)
    elif kind == 1:
        number = pick(rng, ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "-0"])
        text = text.replace(": 1", f": {number}", 1)
    elif kind == 2:
        text = "[" * 100_000
    elif kind == 3:
        text = text[:place] + pick(rng, ["", "x", "}", '"', "\\ud800", "\0"]) + text[place + 1 :]
    else:
        text = text.replace("null", '{"tuple": ' * 500 + "[]" + "}" * 500, 1)
    header["__metadata__"]["skfastgrnn"] = text
    return written(header, data)


def changed_json(content, rng):
    """An entry removed, replaced, renamed, copied or swapped with another one."""
    header, data = read(content)
    tree = json.loads(header["__metadata__"]["skfastgrnn"])
    places = list(walk(tree))
    inside, key = pick(rng, places)
    kind = rng.integers(8)
    if kind == 0:
        del inside[key]
    elif kind <= 3:
        inside[key] = copy.deepcopy(pick(rng, JUNK))
    elif kind == 4:
        inside[key] = near(inside[key], rng)
    elif kind == 5:
        other, name = pick(rng, places)
        inside[key] = copy.deepcopy(other[name])
    elif kind == 6:
        other, name = pick(rng, places)
        inside[key], other[name] = copy.deepcopy(other[name]), copy.deepcopy(inside[key])
    elif isinstance(inside, dict):
        inside[pick(rng, ["x", "W", "loss", "step", "_moments", "feature_names_in_"])] = inside[key]
        if rng.integers(2):
            del inside[key]
    else:
        inside.append(inside[key])
    header["__metadata__"]["skfastgrnn"] = json.dumps(tree)
    return written(header, data)


def walk(tree):
    """All (container, key) of an object of JSON."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield tree, key
        if isinstance(value, dict | list):
            yield from walk(value)


def near(value, rng):
    """What looks like a value and is another one."""
    if isinstance(value, bool):
        return pick(rng, [not value, int(value), str(value)])
    if isinstance(value, int):
        return pick(rng, [value + 1, value - 1, -value, float(value), str(value), value + 2**32])
    if isinstance(value, float):
        return pick(rng, [-value, 10 * value, value / 1e3, int(value), str(value)])
    if isinstance(value, str):
        return pick(rng, [value.upper(), value + "_", value[:-1], [value], value.encode().hex()])
    if isinstance(value, list):
        return pick(rng, [value[::-1], value[:-1], value + value, {"tuple": value}, {}])
    return pick(rng, [[value], {"dict": value}, list(value or ()), str(value)])


def changed_arrays(content, rng):
    """An array of other values, shape or dtype, or two swapped."""
    header, _ = read(content)
    tensors = safetensors.numpy.load(content)
    name = pick(rng, sorted(tensors))
    array = tensors[name]
    kind = rng.integers(6)
    if kind == 0 and array.size:
        array = array.copy()
        numbers = [0, -1, 1, 127] if array.dtype.kind in "biu" else [np.nan, np.inf, -1, 1e30, 0]
        array.flat[rng.integers(array.size)] = np.array(pick(rng, numbers)).astype(array.dtype)
        tensors[name] = array
    elif kind == 1:
        dtype = pick(rng, ["f2", "f4", "f8", "i1", "i8", "u8", "?"])
        with np.errstate(invalid="ignore", over="ignore"):
            tensors[name] = array.astype(dtype)
    elif kind == 2:
        shapes = [array[:-1], array[:0], array.reshape(1, -1), array.ravel(), array[None], array.T]
        tensors[name] = np.ascontiguousarray(pick(rng, [*shapes, np.concatenate([array, array])]))
    elif kind == 3:
        other = pick(rng, sorted(tensors))
        tensors[name], tensors[other] = tensors[other], array
    elif kind == 4:
        del tensors[name]
    else:
        tensors[name] = rng.permutation(array)
    return safetensors.numpy.save(tensors, header["__metadata__"])


KINDS = [changed_json, changed_json, changed_json, changed_parameter, changed_parameter]
KINDS += [changed_arrays, changed_arrays, changed_header, changed_text, changed_bytes]
