"""Models in files: what is written comes back, and what could not is not written."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import safetensors
import safetensors.numpy
from helpers.persistence import X, a_function, quick, y
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

import skfastgrnn
from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.augmentation import Jitter, TimeMask
from skfastgrnn.compression import Compression
from skfastgrnn.preprocessing import SequenceStandardScaler
from skfastgrnn.schedules import CosineDecay, ReduceOnPlateau, WarmUp


def there_and_back(model, folder):
    skfastgrnn.save(model, folder / "model.safetensors")
    return skfastgrnn.load(folder / "model.safetensors")


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
    "attention": lambda: quick(pooling="attention", bidirectional=True).fit(X, y),
    "low rank": lambda: quick(compression=Compression(rank_w=2, rank_u=1)).fit(X, y),
    "rounded": lambda: quick(compression=Compression(bits=4)).fit(X, np.arange(40) % 3),
    "deep, of low rank and rounded": lambda: quick(
        n_layers=2,
        bidirectional=True,
        pooling="attention",
        compression=Compression(rank_w=3, rank_u=2, bits=8, init="random"),
    ).fit(X, y),
    "bounded": lambda: quick(bounded_state=True).fit(X, y),
    "validated": lambda: quick(early_stopping=True).fit(X, y),
    "schedule": lambda: quick(learning_rate=WarmUp(1, then=CosineDecay(floor=0.1))).fit(X, y),
    "plateau": lambda: quick(learning_rate=ReduceOnPlateau(patience=np.int64(2))).fit(X, y),
    "augmented": lambda: quick(augment=[Jitter(), TimeMask(0.2)], dropout=0.1).fit(X, y),
    "NumPy's numbers": lambda: quick(alpha=np.float32(0.5), hidden_size=np.int16(3)).fit(X, y),
    "warm": lambda: quick(warm_start=True, frozen=("U", "W")).fit(X, y),
    "partial": lambda: quick().partial_fit(X, y, classes=[0, 1, 2]),
    "regressor": lambda: quick(FastGRNNRegressor).fit(X, X[:, -1, 0]),
    "rounded regressor": lambda: quick(
        FastGRNNRegressor, compression=Compression(rank_u=2, bits=8)
    ).fit(X, 1e3 * X[:, -1, :2]),
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
        with pytest.raises(TypeError, match="not an estimator that can be saved"):
            skfastgrnn.save(other, path)
    with pytest.raises(TypeError, match="save the network alone: the last step of a Pipeline"):
        skfastgrnn.save(make_pipeline(SequenceStandardScaler(), quick()).fit(X, y), path)
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
