"""Damaged files: each is refused by a ValueError that names it, or is as good as an undamaged one.

MUTANTS=3000 pytest tests/persistence/test_file_mutants.py has that many of each kind; a few by
default.
"""

import contextlib
import io
import os
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers.file_mutants import mutant, read, written
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor, load, save
from skfastgrnn.augmentation import ChannelDrop, Jitter, TimeMask
from skfastgrnn.schedules import CosineDecay, ReduceOnPlateau, WarmUp

pytest.importorskip("sklearn.callback")

from skfastgrnn.callbacks import Checkpoint

MUTANTS = int(os.environ.get("MUTANTS", 240))
PARTS = 8  # tests of each kind, which may run side by side
SAMPLES = 24

rng = np.random.default_rng(0)
X = rng.standard_normal((SAMPLES, 5, 2))
label = np.arange(SAMPLES) % 2
flat = pd.DataFrame(X.reshape(SAMPLES, -1), columns=[f"c{i}" for i in range(10)])
AUGMENT = [Jitter(0.1), TimeMask(0.3), ChannelDrop(0.2)]

#: Class, parameters, X and y of what the files are of.
CASES = [
    (FastGRNNClassifier, {"early_stopping": True, "learning_rate": "plateau"}, X, label),
    (
        FastGRNNClassifier,
        {"warm_start": True, "class_weight": {"no": 1.0, "yes": 2.5}, "frozen": ("U",)},
        X,
        np.array(["no", "yes"])[label],
    ),
    (
        FastGRNNClassifier,
        {"augment": AUGMENT, "dropout": 0.1, "ema": 0.9, "label_smoothing": 0.1},
        X,
        np.arange(SAMPLES) % 3,
    ),
    (
        FastGRNNClassifier,
        {"n_layers": 2, "bidirectional": True, "pooling": "attention", "solver": "sgd"},
        X.astype(np.float32),
        label.astype(bool),
    ),
    (
        FastGRNNClassifier,
        {"n_timesteps": 5, "learning_rate": WarmUp(1, then=CosineDecay(floor=0.1))},
        flat,
        np.array(["a", "b"], dtype=object)[label],
    ),
    (FastGRNNRegressor, {"loss": "huber", "warm_start": True}, X, 1e3 + X[:, -1] * 7),
    (
        FastGRNNRegressor,
        {"early_stopping": True, "learning_rate": ReduceOnPlateau(patience=1)},
        X,
        X[:, -1, 0],
    ),
    (FastGRNNRegressor, {"solver": "adagrad"}, X.astype(np.float32), X[:, 0, 0]),
]


def network(case):
    cls, params, *_ = CASES[case]
    settings = {"hidden_size": 3, "max_iter": 3, "n_iter_no_change": 50, "random_state": 0}
    return cls(**{**settings, **params})


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """The bytes of a model, of one that learned on from a piece, and of a checkpoint of each."""
    folder, files = tmp_path_factory.mktemp("originals"), {"model": [], "checkpoint": []}
    for case, (_, _, X, y) in enumerate(CASES):
        with quiet():
            path = folder / "training.safetensors"
            model = network(case).set_callbacks(Checkpoint(path, every=2)).fit(X, y)
            files["checkpoint"].append(path.read_bytes())
            if case % 2:
                model.set_callbacks().set_params(early_stopping=False).partial_fit(X, y)
            save(model, path)
            files["model"].append(path.read_bytes())
    return files


@contextlib.contextmanager
def quiet():
    """Without the warnings of trainings that are too short or diverge, and what they print."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # of a validation set of one row
        warnings.simplefilter("ignore", RuntimeWarning)  # of parameters near the largest float
        yield


def data_of(model):
    """What the model says that it was fitted on."""
    rng = np.random.default_rng(1)
    shape = (5, model.n_channels_) if model._reads_sequences else (model.n_features_in_,)
    X = rng.standard_normal((SAMPLES, *shape)).astype(model._parameters.dtype)
    if hasattr(model, "feature_names_in_"):
        X = pd.DataFrame(X, columns=model.feature_names_in_)
    if hasattr(model, "classes_"):
        return X, model.classes_[np.arange(SAMPLES) % len(model.classes_)]
    y = model._y_center + model._y_scale * rng.standard_normal((SAMPLES, len(model._y_scale)))
    return X, y[:, 0] if model._y_is_1d else y


def fresh(model, **params):
    """Another one with its parameters, for short trainings."""
    return type(model)(**{**model.get_params(), "n_jobs": None, "verbose": 0, **params})


def refusal(call, *arguments):
    """The message of the ValueError that a call raises, or None."""
    try:
        call(*arguments)
    except ValueError as error:
        return str(error)
    return None


def check_usable(path):
    """A loaded model predicts, is saved, trains in every way, is saved, and can be resumed."""
    model = load(path)
    X, y = data_of(model)
    other = path.with_name("other.safetensors")
    predicted = model.predict(X)
    assert predicted.shape == y.shape
    save(model, other)
    np.testing.assert_array_equal(load(other).predict(X), predicted)
    ways = {
        "partial_fit": {"early_stopping": False},
        "fit": {"max_iter": 2},
        "warm": {"max_iter": 2, "warm_start": True, "refit": False},
    }
    for way, params in ways.items():
        model = load(path).set_params(n_jobs=None, verbose=0, **params)
        if isinstance(getattr(model, "class_weight", None), str) and way == "partial_fit":
            model.set_params(class_weight=None)
        other.unlink(missing_ok=True)
        if way != "partial_fit":
            model.set_callbacks(Checkpoint(other))
        train = model.partial_fit if way == "partial_fit" else model.fit
        message = refusal(train, X, y)
        if message is not None:  # because of its parameters, whose fault is that of no file
            assert refusal(fresh(model).fit, X, y) == message
            return "parameters"
        assert model.predict(X).shape == y.shape
        if other.exists():  # else the first epoch diverged
            resumed = fresh(model).resume(other, X, y)
            np.testing.assert_array_equal(resumed.predict(X), model.predict(X))
        save(model, other)
        load(other)
    return "usable"


def outcome_of_model(path, case):
    message = refusal(load, path)
    if message is None:
        return check_usable(path)
    assert str(path) in message
    return "refused"


def outcome_of_checkpoint(path, case):
    _, _, X, y = CASES[case]
    model = network(case)
    before = dict(vars(model))
    message = refusal(model.resume, path, X, y)
    if message is None:
        assert model.predict(X).shape == y.shape
        save(model, path.with_name("resumed.safetensors"))
        return check_usable(path)
    assert str(path) in message
    assert vars(model) == before
    if "cannot be resumed" in message:
        return f"{outcome_of_model(path, case)}, but not by this estimator"
    return "refused"


OUTCOMES = {"model": outcome_of_model, "checkpoint": outcome_of_checkpoint}


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", OUTCOMES)
def test_mutants_are_refused_or_usable(kind, part, originals, tmp_path):
    path = tmp_path / "mutant.safetensors"
    outcomes = {}
    for seed in range(part, MUTANTS, PARTS):
        case = seed // PARTS % len(CASES)
        path.write_bytes(mutant(originals[kind][case], seed))
        try:
            with quiet():
                outcome = OUTCOMES[kind](path, case)
        except BaseException as error:
            error.add_note(f"{kind} of case {case}, seed {seed}")
            raise
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    print(kind, outcomes)
    assert outcomes["refused"] > 0  # else the mutants are too tame


@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("kind", OUTCOMES)
def test_files_that_are_no_mutants_are_usable(kind, case, originals, tmp_path):
    path = tmp_path / "original.safetensors"
    path.write_bytes(originals[kind][case])
    with quiet():
        assert OUTCOMES[kind](path, case) == "usable"


def test_an_announced_size_takes_no_memory(tmp_path):
    """Of labels, whose dtype alone says how wide they are; of arrays the format knows better."""
    path = tmp_path / "model.safetensors"
    with quiet():
        save(network(4).fit(*CASES[4][2:]), path)
    header, data = read(path.read_bytes())
    text = header["__metadata__"]["skfastgrnn"]
    wide = {**header, "__metadata__": {"skfastgrnn": text.replace('"|O"', '"<U900000000"')}}
    long = {**header, "W": {**header["W"], "shape": [2**40]}}
    assert wide["__metadata__"]["skfastgrnn"] != text
    tracemalloc.start()
    for other in (wide, long):
        path.write_bytes(written(other, data))
        with pytest.raises(ValueError, match="cannot be read"):
            load(path)
    path.write_bytes((2**62).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="cannot be read"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()
