"""Files that are damaged, cut off or of something else: nothing in them is believed."""

import json
import pickle

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from helpers.persistence import X, quick, y
from hypothesis import given
from hypothesis import strategies as st

import skfastgrnn


def test_a_file_is_refused_before_anything_is_made_of_it(a_file, tmp_path):
    """Entry by entry: without it, and with another type in its place."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(a_file)
    with safetensors.safe_open(path, framework="numpy") as file:
        attributes = json.loads(file.metadata()["skfastgrnn"])["attributes"]
    for name in attributes:
        for change in (
            lambda content, tensors, name=name: content["attributes"].pop(name),
            put("attributes", name, value={"unwritable": "os.system"}),
            put("attributes", name, value=[None]),
        ):
            changed(a_file, path, change)
            with pytest.raises(ValueError, match=f"{path.name} cannot be read: .*{name}"):
                skfastgrnn.load(path)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("bytes") / "model.safetensors"
    for prefix in (b"", b"\x10" + 7 * b"\0" + b'{"__metadata__":'):
        path.write_bytes(prefix + content)
        with pytest.raises(ValueError, match=f"{path.name} cannot be read"):
            skfastgrnn.load(path)


@pytest.fixture(scope="module")
def a_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "model.safetensors"
    skfastgrnn.save(quick().fit(X, y), path)
    return path.read_bytes()


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(a_file, tmp_path_factory, share):
    path = tmp_path_factory.mktemp("cut") / "model.safetensors"
    path.write_bytes(a_file[: int(share * len(a_file))])
    with pytest.raises(ValueError, match="cannot be read"):
        skfastgrnn.load(path)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    for content in (b"", b"hello", pickle.dumps(quick().fit(X, y))):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read"):
            skfastgrnn.load(path)
    safetensors.numpy.save_file({"weight": np.ones(3)}, path)
    with pytest.raises(ValueError, match="not written by skfastgrnn"):
        skfastgrnn.load(path)


def changed(a_file, path, change):
    """The file with its JSON and arrays changed by a function."""
    path.write_bytes(a_file)
    with safetensors.safe_open(path, framework="numpy") as file:
        content = json.loads(file.metadata()["skfastgrnn"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(content, tensors)
    safetensors.numpy.save_file(tensors, path, {"skfastgrnn": json.dumps(content)})
    return path


def put(*keys, value):
    def change(content, tensors):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


def put_array(name, value):
    return lambda content, tensors: tensors.update({name: value})


SETTINGS = ("attributes", "_network_settings", "dict")
DAMAGES = {
    "version": (put("format_version", value=99), "version 99 of the format"),
    "class": (put("estimator", value="Popen"), "it holds a 'Popen'"),
    "parameter": (put("parameters", "hidden_size", value=-3), "hidden_size"),
    "unknown parameter": (put("parameters", "shell", value="rm"), r"parameters has \['shell'\]"),
    "value": (put("parameters", "augment", value=[{"value": "os", "settings": {}}]), "os"),
    "kind": (
        put("parameters", "augment", value={"code": "import os"}),
        "parameters/augment must be one of the known kinds",
    ),
    "size": (
        put(*SETTINGS, "hidden_size", value=4),
        "_network_settings/hidden_size must be 3 .* got 4",
    ),
    "channels": (
        put("attributes", "n_channels_", value=4),
        "_network_settings/n_channels must be 4 .* got 3",
    ),
    "features": (
        put("attributes", "n_features_in_", value=6),
        "attributes/n_channels_ must be 6 .* got 3",
    ),
    "classes": (
        put("attributes", "classes_", value={"labels": [1, 2, 3], "dtype": "<i8"}),
        "_network_settings/n_outputs must be 3 .* got 1",
    ),
    "no channels": (
        put("attributes", "n_channels_", value=0),
        "attributes/n_channels_ must be an integer from 1",
    ),
    "method": (put("attributes", "predict", value=0), r"attributes has \['predict'\]"),
    "property": (put("attributes", "params_", value=0), r"attributes has \['params_'\]"),
    "activation": (
        put(*SETTINGS, "gate_activation", value="os.system"),
        "_network_settings/gate_activation must be one of",
    ),
    "history": (put("attributes", "history_", value=[]), "attributes/history_ must be lists"),
    "a missing array": (lambda content, tensors: tensors.pop("W"), r"it has no arrays \['W'\]"),
    "a missing attribute": (
        lambda content, tensors: content["attributes"].pop("classes_"),
        r"attributes lacks \['classes_'\]",
    ),
    "shape": (put_array("U", np.zeros((2, 2))), r"the array U must be of shape \(3, 3\)"),
    "integers": (
        put_array("U", np.zeros((3, 3), int)),
        "the array U must be float32 or float64, got 'int64'",
    ),
    "precision": (put_array("U", np.zeros((3, 3), np.float32)), "all float32 or all float64"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_file_is_refused(case, a_file, tmp_path):
    change, message = DAMAGES[case]
    path = changed(a_file, tmp_path / "model.safetensors", change)
    with pytest.raises(ValueError, match=f"(?s)cannot be read: .*{message}"):
        skfastgrnn.load(path)


def test_an_unchanged_copy_is_read(a_file, tmp_path):
    path = changed(a_file, tmp_path / "model.safetensors", lambda content, tensors: None)
    np.testing.assert_array_equal(skfastgrnn.load(path).predict(X), quick().fit(X, y).predict(X))
