"""Files of version 1 of the format, which had other names for some parameters, are still read."""

from pathlib import Path

import numpy as np
import pytest

from skfastgrnn import FastGRNNClassifier, load
from skfastgrnn.augmentation import Jitter
from skfastgrnn.schedules import CosineDecay

FOLDER = Path(__file__).parent / "version_1"


@pytest.fixture
def expected():
    with np.load(FOLDER / "expected.npz") as arrays:
        return dict(arrays)


def test_a_classifier(expected):
    model = load(FOLDER / "classifier.safetensors")
    np.testing.assert_allclose(model.predict_proba(expected["X"]), expected["probabilities"], 1e-5)
    assert (model.pooling, model.gradient_accumulation_steps) == ("mean", 2)
    assert model.learning_rate == CosineDecay(floor=0.1)
    assert model.augment == [Jitter(0.1)]
    model.fit(expected["X"], expected["y"])


def test_a_regressor(expected):
    model = load(FOLDER / "regressor.safetensors")
    np.testing.assert_allclose(model.predict(expected["X"]), expected["values"], 1e-5)


def test_a_checkpoint_is_resumed(expected):
    """To the weights of a training that was not interrupted, but for the rounding of processors."""
    params = {
        "pooling": "mean",
        "gradient_accumulation_steps": 2,
        "batch_size": 4,
        "learning_rate": CosineDecay(floor=0.1),
        "max_iter": 6,
        "random_state": 0,
    }
    X, y = expected["X"], expected["y"]
    resumed = FastGRNNClassifier(4, **params).resume(FOLDER / "fit.ckpt", X, y)
    whole = FastGRNNClassifier(4, **params).fit(X, y)
    assert resumed.n_iter_ == 6
    np.testing.assert_allclose(resumed.loss_curve_, whole.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(resumed.predict_proba(X), whole.predict_proba(X), rtol=1e-3)
