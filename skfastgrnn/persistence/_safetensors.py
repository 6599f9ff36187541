"""Models in files, and checkpoints of their training: safetensors, and no code.

`save` writes a fitted estimator into one safetensors file and `load` reads it back:

- one tensor for each parameter of the network, under its name in `params_`: `W`, `U`, ...;
- further arrays, named after the attribute that they are a part of: `history_/loss`, ...;
- all else as JSON, in the metadata entry `skfastgrnn`: the version of this format, the name of the
  class, the parameters of its constructor and its attributes.

Any reader of safetensors gets at the weights. Loading looks names up in a list of this package's
classes, and runs nothing that the file brings along, unlike a pickle. A checkpoint is such a file
with one entry more, `training`: moments of the optimizer, random state, best weights so far.

A file appears under its name when it is complete, in place of the one before: whoever reads it at
any moment, even after the process or machine has died, finds a whole one.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from ._files import as_path, replace_file
from ._format import FORMAT_VERSION, upgraded
from ._schema import TRAINING, check_training, list_of, record, text
from ._serialization import Refused, from_json, needs_code, to_json

__all__ = ["load", "save"]

ENTRY = "skfastgrnn"

#: What a file says; `parameters` and `attributes` are objects of JSON, checked when unpacked.
CONTENT = record(
    {
        "format_version": lambda name, value: None,
        "estimator": text,
        "parameters": lambda name, value: None,
        "attributes": lambda name, value: None,
        "arrays": list_of(text),
    },
    {"training": lambda name, value: None},
)

#: What reading a file may raise that is not what `write` has made.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    safetensors.SafetensorError,
)

#: Classes that a file may name, by their name.
SAVEABLE = {}


#: Functions that import a class which is not imported with the package, by its name.
IMPORTED_LATER = {}


def saveable(cls):
    """Register a class of estimators, with methods `_to_save` and `_restore`."""
    SAVEABLE[cls.__name__] = cls
    return cls


class Checkpoint(NamedTuple):
    """What `read` finds: a fitted estimator, and the training that it was in.

    parameters : dict of the constructor's parameters, as `comparable_parameters` returns it
    training : dict, or None: the random state it began with, the fingerprint of its data, its state
    """

    path: Path
    estimator: object
    parameters: dict
    training: dict | None


def save(estimator: Any, path: str | bytes | os.PathLike) -> None:
    """Save a fitted estimator to a safetensors file.

    Parameters
    ----------
    estimator : FastGRNNClassifier, FastGRNNRegressor, or one of those in integers
        Fitted. Callbacks, and attributes that others have added, are not saved. A parameter that
        only code could restore, such as a function as `learning_rate` or a RandomState, is not
        saved either; the loaded estimator has the default in its place, which changes nothing that
        it predicts.
    path : str, bytes or path-like
        Where to; by custom it ends in ``.safetensors``. A file of that name is replaced, at the
        moment when the new one is complete, and its permissions stay. Through a symbolic link, the
        file that it points to is replaced.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is not of this package, or its labels are neither strings nor numbers.
    ValueError
        If `load` would refuse the file: parameters have been set that are not those of the fitted
        network (such as another `hidden_size`) or that no `fit` takes, or a fitted attribute has
        been changed to what no fit leaves.
    OSError
        If the file cannot be written: it is write-protected, a device or a folder; or no file can
        be made in its folder, as replacing it takes.

    See Also
    --------
    load : Reads the file back.
    skfastgrnn.callbacks.Checkpoint : Writes files while a model is trained.

    Examples
    --------
    >>> import tempfile, skfastgrnn
    >>> from pathlib import Path
    >>> model = skfastgrnn.FastGRNNClassifier(2, max_iter=20, random_state=0)
    >>> model = model.fit([[0.0, 1.0], [1.0, 0.0]] * 10, ["rises", "falls"] * 10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skfastgrnn.save(model, Path(folder) / "model.safetensors")
    ...     restored = skfastgrnn.load(Path(folder) / "model.safetensors")
    >>> restored.predict([[0.0, 2.0]]).item()
    'rises'
    """
    content, tensors = content_of(estimator)
    try:
        restored(json.loads(json.dumps(content)), dict(tensors), path)
    except DAMAGE as error:
        raise ValueError(
            f"The estimator could not be read back, so is not saved: {error}"
        ) from error
    replace_file(path, as_bytes(content, tensors))


def load(path: str | bytes | os.PathLike) -> Any:
    """Load an estimator from a file written by `save`, or from a checkpoint.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.

    Returns
    -------
    FastGRNNClassifier or FastGRNNRegressor
        Fitted; its predictions equal those of the saved one to the last bit. From a checkpoint, the
        model after the checkpoint's epoch.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        If there is no such file, it is a folder, or it may not be read.
    ValueError
        If it is no file of this format or is damaged. All that it says is checked, types, ranges,
        shapes and how they fit each other, before there is an estimator; the error names the file
        and the entry. (Of weights, only that they are finite: which numbers they are is not known.)
    """
    return read(path).estimator


def write(path, estimator, training=None):
    """Write an estimator and, for a checkpoint, the dict `training`."""
    replace_file(path, as_bytes(*content_of(estimator, training)))


def content_of(estimator, training=None):
    """The JSON and the arrays of a file."""
    name = type(estimator).__name__
    if SAVEABLE.get(name) is not type(estimator):
        raise TypeError(
            f"{name} is not an estimator that can be saved; there are {sorted(SAVEABLE)}. Pickle "
            "it, or save the network alone: the last step of a Pipeline, strip_teacher() of a "
            "distillation."
        )
    attributes, arrays = estimator._to_save()
    tensors = dict(arrays)
    content = {
        "format_version": FORMAT_VERSION,
        "estimator": name,
        "parameters": parameters_to_json(estimator),
        "attributes": {key: to_json(value, key, tensors) for key, value in attributes.items()},
        "arrays": list(arrays),
    }
    if training is not None:
        content["training"] = to_json(training, "training", tensors)
    return content, tensors


def as_bytes(content, tensors):
    """The file that holds them."""
    tensors = {key: np.ascontiguousarray(tensor) for key, tensor in tensors.items()}
    return safetensors.numpy.save(tensors, {ENTRY: json.dumps(content, allow_nan=False)})


def parameters_to_json(estimator):
    """The constructor's parameters as JSON."""
    parameters = estimator.get_params(deep=False)
    return {name: to_json(value, name, tensors=None) for name, value in parameters.items()}


def comparable_parameters(estimator):
    """The constructor's parameters as a file would give them back: see `_serialization.same`."""
    packed = parameters_to_json(estimator)
    return {name: from_json(value, name, {}) for name, value in packed.items()}


def read(path):
    """The `Checkpoint` in a file; its `training` is None if that is a saved estimator."""
    path = as_path(path)
    check_readable(path)
    try:
        return restored(*read_file(path), path)
    except DAMAGE as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def restored(content, tensors, path):
    """The `Checkpoint` of JSON and arrays, validated as a whole; pops arrays from `tensors`."""
    content = upgraded(content)
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise Refused(
            f"it has version {version} of the format, and this skfastgrnn reads version "
            f"{FORMAT_VERSION}. Upgrade the older one."
        )
    CONTENT("its content", content)
    name = content["estimator"]
    if name in IMPORTED_LATER:
        IMPORTED_LATER[name]()
    if name not in SAVEABLE:
        raise Refused(f"it holds a {name!r}; there are {sorted(SAVEABLE)}.")
    estimator = SAVEABLE[name]()
    defaults = estimator.get_params(deep=False)
    parameters = from_json({"dict": content["parameters"]}, "parameters", tensors)
    unknown = parameters.keys() - defaults.keys()
    if unknown:
        raise Refused(f"parameters has {sorted(unknown)}, and {name} has no such parameter.")
    parameters = {**defaults, **parameters}  # a file may be older than a parameter
    settable = {key: value for key, value in parameters.items() if not needs_code(value)}
    for key, stand_in in getattr(type(estimator), "_if_not_saved", {}).items():
        if key not in settable:
            settable[key] = stand_in()
    estimator.set_params(**settable)
    estimator._validate_params()
    attributes = from_json({"dict": content["attributes"]}, "attributes", tensors)
    missing = [key for key in content["arrays"] if key not in tensors]
    if missing:
        raise Refused(f"it has no arrays {missing}.")
    estimator._restore(attributes, {key: tensors.pop(key) for key in content["arrays"]})
    training = None
    if "training" in content:
        training = from_json(content["training"], "training", tensors)
        TRAINING("training", training)
        check_training(training, estimator)
    return Checkpoint(path, estimator, parameters, training)


def read_checkpoint(path, estimator_name):
    """The `Checkpoint` in a file, which must be of a training of such an estimator."""
    checkpoint = read(path)
    if checkpoint.training is None:
        raise ValueError(
            f"{checkpoint.path} holds a saved estimator, not a training that can be resumed: "
            "load it, and use warm_start or partial_fit."
        )
    found = type(checkpoint.estimator).__name__
    if found != estimator_name:
        raise ValueError(f"{checkpoint.path} is of a {found}, not of a {estimator_name}.")
    return checkpoint


def check_readable(path):
    """Raise the error of opening a path that is no file, or may not be read."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"There is no file {path}.") from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a folder, not a file.")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} cannot be read: it is a device or a pipe, not a file.")
    with open(path, "rb"):
        pass


def read_file(path):
    """The JSON and the arrays of a safetensors file."""
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        if ENTRY not in metadata:
            raise Refused("it was not written by skfastgrnn.")
        content = json.loads(metadata[ENTRY], parse_constant=refuse_constant)
        return content, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def refuse_constant(name):
    """Refuse NaN and Infinity, which JSON does not have."""
    raise Refused(f"its JSON has {name}.")
