"""Models in files: what is written comes back, and nothing else is believed."""

import json
import multiprocessing
import os
import pickle
import signal
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import skfastgrnn
from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.augmentation import Jitter, TimeMask
from skfastgrnn.persistence._serialization import from_json, needs_code, same, to_json
from skfastgrnn.preprocessing import SequenceStandardScaler
from skfastgrnn.schedules import CosineDecay, ReduceOnPlateau, WarmUp

rng = np.random.default_rng(0)
X = rng.standard_normal((40, 5, 3))
y = (X[:, -1, 0] > 0).astype(int)


def quick(cls=FastGRNNClassifier, **params):
    params = {"hidden_size": 3, "max_iter": 2, "n_iter_no_change": np.inf, **params}
    return cls(**{"random_state": 0, **params})


def there_and_back(model, folder):
    skfastgrnn.save(model, folder / "model.safetensors")
    return skfastgrnn.load(folder / "model.safetensors")


def a_function(epoch):
    return 1.0


MODELS = {
    "classifier": lambda: quick().fit(X, y),
    "many classes": lambda: quick().fit(X, np.arange(40) % 3),
    "strings": lambda: quick().fit(X, np.where(y, "up", "down")),
    "objects": lambda: quick().fit(X, np.where(y, "up", "down").astype(object)),
    "booleans": lambda: quick().fit(X, y.astype(bool)),
    "negative": lambda: quick().fit(X, 2 * y - 1),
    "float32": lambda: quick().fit(X.astype(np.float32), y),
    "ragged": lambda: quick().fit([x[: 2 + i % 4] for i, x in enumerate(X)], y),
    "2-D": lambda: quick(n_timesteps=5).fit(X.reshape(40, -1), y),
    "frame": lambda: quick().fit(pd.DataFrame(X[:, :, 0], columns=list("abcde")), y),
    "class weights": lambda: quick(class_weight={0: 1.0, 1: 2.5}).fit(X, y),
    "deep": lambda: quick(n_layers=2, bidirectional=True, pooling="mean").fit(X, y),
    "validated": lambda: quick(early_stopping=True).fit(X, y),
    "schedule": lambda: quick(learning_rate=WarmUp(1, then=CosineDecay(floor=0.1))).fit(X, y),
    "plateau": lambda: quick(learning_rate=ReduceOnPlateau(patience=np.int64(2))).fit(X, y),
    "augmented": lambda: quick(augment=[Jitter(), TimeMask(0.2)], dropout=0.1).fit(X, y),
    "NumPy's numbers": lambda: quick(alpha=np.float32(0.5), hidden_size=np.int16(3)).fit(X, y),
    "warm": lambda: quick(warm_start=True, frozen=("U", "W")).fit(X, y),
    "partial": lambda: quick().partial_fit(X, y, classes=[0, 1, 2]),
    "regressor": lambda: quick(FastGRNNRegressor).fit(X, X[:, -1, 0]),
    "huber": lambda: quick(FastGRNNRegressor, loss="huber").fit(X, 1e3 * X[:, -1, :2]),
}


@pytest.mark.parametrize("case", MODELS)
def test_a_loaded_model_is_the_saved_one(case, tmp_path):
    model = MODELS[case]()
    loaded = there_and_back(model, tmp_path)
    assert type(loaded) is type(model)
    if case != "NumPy's numbers":  # which become Python's
        assert str(loaded.get_params()) == str(model.get_params())
    assert vars(loaded).keys() == vars(model).keys()
    assert loaded._parameters.tobytes() == model._parameters.tobytes()
    assert loaded._parameters.dtype == model._parameters.dtype
    assert loaded.history_ == model.history_
    data = [x[: 2 + i % 4] for i, x in enumerate(X)] if case == "ragged" else X
    if case == "2-D":
        data = X.reshape(40, -1)
    if case == "frame":
        data = pd.DataFrame(X[:, :, 0], columns=list("abcde"))
        assert loaded.feature_names_in_.tolist() == list("abcde")
        with pytest.raises(ValueError, match="feature names"):
            loaded.predict(data[["b", "a", "c", "d", "e"]])
    before, after = model.predict(data), loaded.predict(data)
    assert before.dtype == after.dtype
    np.testing.assert_array_equal(before, after)
    clone(loaded)
    # A pickle of it holds what one of the saved model does.
    assert pickle.loads(pickle.dumps(loaded)).history_ == model.history_


@pytest.mark.parametrize("case", ["warm", "partial"])
def test_a_loaded_model_goes_on_learning_as_the_saved_one(case, tmp_path):
    model = MODELS[case]()
    loaded = there_and_back(model, tmp_path)
    for one in (model, loaded):
        one.partial_fit(X, y) if case == "partial" else one.fit(X, y)
    assert loaded._parameters.tobytes() == model._parameters.tobytes()
    assert loaded.history_["loss"] == model.history_["loss"]


def test_any_reader_of_safetensors_finds_the_weights(tmp_path):
    model = quick(n_layers=2).fit(X, y)
    skfastgrnn.save(model, tmp_path / "model.safetensors")
    tensors = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    for name, array in model.params_.items():
        np.testing.assert_array_equal(tensors[name], array)


@pytest.mark.parametrize("name", ["learning_rate", "random_state"])
def test_what_only_code_could_restore_becomes_the_default(name, tmp_path):
    value = {"learning_rate": a_function, "random_state": np.random.RandomState(0)}[name]
    model = quick(**{name: value}).fit(X, y)
    loaded = there_and_back(model, tmp_path)
    assert loaded.get_params()[name] == FastGRNNClassifier().get_params()[name]
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    "params",
    [
        {"class_weight": {0.0: 1.0, 1.0: 3.0}},
        {"class_weight": {0.0: 1, 1.0: 2.5}},
        {"augment": [Jitter(0.1), TimeMask(0.5)]},
        {"frozen": ["W", "U"]},
        {"n_iter_no_change": float("inf"), "clip_norm": None},
    ],
    ids=str,
)
def test_parameters_come_back_as_they_are(params, tmp_path):
    model = quick(**params).fit(X, y.astype(float))
    assert there_and_back(model, tmp_path).get_params() == model.get_params()


def test_a_file_has_the_permissions_of_any_new_file(tmp_path):
    skfastgrnn.save(quick().fit(X, y), tmp_path / "model.safetensors")
    (tmp_path / "other").write_text("")
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_attributes_that_others_added_are_not_saved(tmp_path):
    model = quick().fit(X, y)
    model.W, model.note, model.owner = np.zeros(3), object(), "me"
    assert vars(there_and_back(model, tmp_path)).keys() == vars(quick().fit(X, y)).keys()


def test_a_user_augmentation_is_not_restored(tmp_path):
    class Own:
        def apply(self, values, starts, lengths, rng):
            return values

    loaded = there_and_back(quick(augment=[Own(), Jitter()]).fit(X, y), tmp_path)
    assert loaded.augment is None


def test_only_fitted_networks_of_this_package_can_be_saved(tmp_path):
    class Mine(FastGRNNClassifier):
        pass

    path = tmp_path / "model.safetensors"
    with pytest.raises(NotFittedError):
        skfastgrnn.save(quick(), path)
    for other in (SequenceStandardScaler().fit(X), Mine(2, max_iter=1).fit(X, y), "model", None):
        with pytest.raises(TypeError, match="no estimator that can be saved so"):
            skfastgrnn.save(other, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["datetime64[D]", "longdouble", "complex"])
def test_labels_that_cannot_be_saved(dtype, tmp_path):
    model = quick().fit(X, y)
    model.classes_ = np.array([1, 2]).astype(dtype)
    with pytest.raises(TypeError, match="classes_ cannot be saved"):
        skfastgrnn.save(model, tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:The number of unique classes")  # at fit, not when saving
def test_saving_and_loading_warn_of_nothing(tmp_path):
    models = [
        quick().fit(X, np.arange(40)),  # labels that come once
        quick().fit(X, y).set_params(augment=[Jitter(1e308)]),  # may overflow
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in models:
            there_and_back(model, tmp_path)


UNREADABLE = {
    "another network": ({"hidden_size": 8}, "hidden_size must be 8 .* got 3"),
    "layers": ({"n_layers": 2}, "n_layers must be 2 .* got 1"),
    "frozen": ({"frozen": "V"}, "frozen names .*'V'"),
    "class weights": ({"class_weight": {"up": 1}}, "are not in class_weight"),
    "sampling": ({"sampling": "balanced", "shuffle": False}, "exclude each other"),
    "both": ({"warm_start": True, "refit": True}, "warm_start=True and refit=True exclude"),
    "out of range": ({"alpha": -1}, "The 'alpha' parameter"),
    "weights": ({"_parameters": np.full(30, np.nan)}, "array W must be finite"),
    "order of classes": ({"classes_": np.array([1, 0])}, "classes_ must be sorted"),
    "history": ({"history_": {"loss": [0.1]}}, "attributes/history_ must be lists"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_could_not_be_read_back_is_not_saved(case, tmp_path):
    changes, message = UNREADABLE[case]
    path = tmp_path / "model.safetensors"
    model = quick().fit(X, y)
    skfastgrnn.save(model, path)
    before = path.read_bytes()
    for name, value in changes.items():
        setattr(model, name, value)
    with pytest.raises(
        ValueError, match=f"(?s)could not be read back, so is not saved: .*{message}"
    ):
        skfastgrnn.save(model, path)
    assert path.read_bytes() == before


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


def test_a_missing_file_or_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        skfastgrnn.load(tmp_path / "nothing.safetensors")
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"):
        skfastgrnn.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nothing to write"):
        skfastgrnn.save(quick().fit(X, y), tmp_path / "nothing" / "model.safetensors")


def test_the_old_file_stays_where_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    model = quick().fit(X, y)
    skfastgrnn.save(model, path)
    for function in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, lambda *args: (_ for _ in ()).throw(OSError("disk full")))
            with pytest.raises(OSError, match="disk full"):
                skfastgrnn.save(quick(hidden_size=7).fit(X, y), path)
        assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
        assert skfastgrnn.load(path).hidden_size == 3


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


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.builds(Jitter, std=st.floats(0, 2)),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


@given(value=VALUES)
def test_packing_and_unpacking_gives_the_same_value(value):
    tensors = {}
    packed = json.loads(json.dumps(to_json(value, "name", tensors), allow_nan=False))
    unpacked = from_json(packed, "name", tensors)
    assert repr(unpacked) == repr(value)
    assert same(unpacked, value)


def test_code_is_not_packed():
    for value in (a_function, print, os.system, object(), np.random.RandomState(0), CosineDecay):
        for whole in (value, [1, value], (value,), {"inside": [value]}, {1: value}):
            assert needs_code(from_json(to_json(whole, "name", None), "name", {}))
            with pytest.raises(TypeError, match="only code could restore it"):
                to_json(whole, "name", {})


def write_for_ever(path):
    models = [quick(hidden_size=h, max_iter=1).fit(X, y) for h in (2, 30)]
    while True:
        for model in models:
            skfastgrnn.save(model, path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of fork in a process with threads
def test_a_kill_while_writing_leaves_a_readable_file(tmp_path):
    path = tmp_path / "model.safetensors"
    moments = np.random.default_rng(0).uniform(0.0, 0.02, size=20)
    skfastgrnn.save(quick().fit(X, y), path)
    for moment in moments:
        process = multiprocessing.get_context("fork").Process(target=write_for_ever, args=(path,))
        before = path.stat().st_mtime_ns
        process.start()
        while path.stat().st_mtime_ns == before:
            time.sleep(0.001)
        time.sleep(moment)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert skfastgrnn.load(path).hidden_size in (2, 30)
