"""What a type checker sees of the package: `make lint` runs mypy on this file; nobody executes it.

An `ignore` that is not needed is an error, too: each says that a wrong call is found.
"""

from pathlib import Path
from typing import assert_type

import numpy as np

import skfastgrnn
from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.augmentation import Jitter
from skfastgrnn.inspection import GateDisplay, LossCurveDisplay
from skfastgrnn.preprocessing import SequenceMinMaxScaler, SequenceReshaper
from skfastgrnn.schedules import StepDecay, WarmUp


def fits(X: np.ndarray, y: np.ndarray, path: Path) -> None:
    """Estimators and files."""
    classifier = FastGRNNClassifier(hidden_size=16)
    classifier.fit(X, y)
    assert_type(classifier.predict(X), np.ndarray)
    assert_type(classifier.predict_proba(X), np.ndarray)
    assert_type(FastGRNNRegressor().predict(X), np.ndarray)
    skfastgrnn.save(classifier, path)
    skfastgrnn.save(classifier, "model.safetensors")
    skfastgrnn.load(path).predict(X)
    skfastgrnn.save(classifier, 3)  # type: ignore[arg-type]
    skfastgrnn.load(None)  # type: ignore[arg-type]


def settings() -> None:
    """Parameter objects and transformers."""
    schedule = WarmUp(5, StepDecay(decay=0.5, every=10))
    assert_type(schedule(3), float)
    assert_type(StepDecay().every, int)
    Jitter(0.1)
    SequenceReshaper("3d", n_timesteps=10)
    SequenceMinMaxScaler((0, 1), clip=True)
    StepDecay(every="ten")  # type: ignore[arg-type]
    SequenceMinMaxScaler(clip="yes")  # type: ignore[arg-type]


def displays(model: FastGRNNClassifier, X: np.ndarray) -> None:
    """Pictures."""
    assert_type(LossCurveDisplay.from_estimator(model), LossCurveDisplay)
    assert_type(GateDisplay.from_estimator(model, X), GateDisplay)
    GateDisplay.from_estimator(model, X, layer="first")  # type: ignore[arg-type]
