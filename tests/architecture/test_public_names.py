"""Public names: where they say they come from, what pickles name, what an import loads."""

import inspect
import pickle
import pickletools
from importlib import import_module

import numpy as np
import pytest
from helpers.estimators import run_python, sequences
from sklearn.linear_model import LinearRegression, LogisticRegression

import skfastgrnn
from skfastgrnn import augmentation, preprocessing, schedules

X, y = sequences()
FLAT = X.reshape(len(X), -1)
NETWORK = {"hidden_size": 3, "max_iter": 2, "n_iter_no_change": np.inf, "random_state": 0}
SHAPED = {**NETWORK, "n_timesteps": X.shape[1]}

MODULES = ["skfastgrnn", *(f"skfastgrnn.{name}" for name in skfastgrnn.SUBMODULES)]


@pytest.mark.parametrize("module", MODULES)
def test_public_names_say_the_public_module(module):
    public = import_module(module)
    exported = {name: getattr(public, name) for name in public.__all__}
    said = {
        name: value.__module__ for name, value in exported.items() if not isinstance(value, str)
    }
    assert set(said.values()) == {module}
    assert exported.keys() - said.keys() <= {"__version__"}


def test_the_source_of_a_class_is_refused_or_its_own():
    """From Python 3.13 on, inspect trusts a line number, which is one of another file."""
    for cls in (skfastgrnn.FastGRNNClassifier, preprocessing.SequenceClipper):
        try:
            source = inspect.getsource(cls)
        except OSError:
            continue
        assert source.startswith(f"class {cls.__name__}")


def classifier(**params):
    return skfastgrnn.FastGRNNClassifier(**{**NETWORK, **params})


MADE = {
    "classifier": lambda: classifier(
        early_stopping=True,
        learning_rate=schedules.WarmUp(2, schedules.StepDecay()),
        augment=[augmentation.Jitter(0.1)],
    ).fit(X, y),
    "regressor": lambda: skfastgrnn.FastGRNNRegressor(warm_start=True, **NETWORK).fit(X, y),
    "stream": lambda: classifier().partial_fit(X, y, classes=[0, 1]),
    "stream of numbers": lambda: skfastgrnn.FastGRNNRegressor(**NETWORK).partial_fit(X, y),
    "distillation": lambda: skfastgrnn.DistilledFastGRNN(
        LogisticRegression(), skfastgrnn.FastGRNNClassifier(**SHAPED)
    ).fit(FLAT, y),
    "distilled regressor": lambda: skfastgrnn.DistilledFastGRNNRegressor(
        LinearRegression(), skfastgrnn.FastGRNNRegressor(**SHAPED)
    ).fit(FLAT, y),
    **{
        name: lambda name=name: getattr(preprocessing, name)().fit(X)
        for name in preprocessing.__all__
        if name != "sliding_windows"
    },
}


def globals_of(value):
    """Modules of this package that a pickle of a value names, each with the names in it."""
    # The oldest protocols write "module name" as one argument.
    found = pickletools.genops(pickle.dumps(value, protocol=2))
    named = [argument.split() for opcode, argument, _ in found if opcode.name == "GLOBAL"]
    return {(module, name) for module, name in named if module.startswith("skfastgrnn")}


@pytest.mark.filterwarnings("ignore:The student alone has a score")
@pytest.mark.parametrize("made", MADE)
def test_pickles_name_public_modules(made):
    named = globals_of(MADE[made]())
    assert named
    assert {module for module, _ in named} <= set(MODULES)


def test_pickles_of_callbacks_name_public_modules(tmp_path):
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import (
        Checkpoint,
        EarlyStoppingOnMetric,
        GradientMonitor,
        JSONLinesLogger,
        LearningRateMonitor,
        TimeLimit,
    )

    callbacks = [
        Checkpoint(tmp_path / "fit.ckpt"),
        EarlyStoppingOnMetric("accuracy", patience=3),
        GradientMonitor(),
        JSONLinesLogger(tmp_path / "log.jsonl"),
        LearningRateMonitor(),
        TimeLimit(60),
    ]
    model = classifier(early_stopping=True).set_callbacks(*callbacks).fit(X, y)
    named = globals_of(model)
    assert {type(callback).__name__ for callback in callbacks} <= {name for _, name in named}
    assert {module for module, _ in named} <= set(MODULES)


def test_submodules_are_imported_when_asked_for():
    printed = run_python(
        "import sys, skfastgrnn\n"
        "later = ['skfastgrnn.preprocessing', 'skfastgrnn.inspection']\n"
        "print(*(name in sys.modules for name in later))\n"
        "print(skfastgrnn.preprocessing.SequenceClipper.__name__)\n"
        "print(skfastgrnn.inspection.__name__, 'inspection' in dir(skfastgrnn))\n"
    )
    assert printed.splitlines() == ["False False", "SequenceClipper", "skfastgrnn.inspection True"]


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="module 'skfastgrnn' has no attribute 'no_such_name'"):
        skfastgrnn.no_such_name  # noqa: B018
