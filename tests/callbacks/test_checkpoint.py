"""Files that Checkpoint writes: every few epochs, at the end, at the best score."""

import numpy as np
import pytest
from helpers.callbacks import AfterEpochs, X, y
from helpers.estimators import bits, quick

from skfastgrnn import load
from skfastgrnn.callbacks import Checkpoint

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")


def test_checkpoint_every_two_epochs_and_at_the_end(tmp_path):
    path = tmp_path / "training.safetensors"
    mine = AfterEpochs(lambda *_: load(path).n_iter_ if path.exists() else None)
    model = quick(max_iter=5).set_callbacks(Checkpoint(path, every=2), mine).fit(X, y)
    assert mine.answers == [None, 2, 2, 4, 4]
    assert bits(load(path)) == bits(model)
    assert load(path).n_iter_ == 5


def test_checkpoint_of_the_best_weights(tmp_path):
    noise = np.random.default_rng(0).integers(0, 2, 60)
    model = quick(early_stopping=True, learning_rate_init=0.1)
    model.set_callbacks(Checkpoint(best_path=tmp_path / "best")).fit(X, noise)
    assert model.best_iter_ < model.n_iter_
    best = load(tmp_path / "best")
    assert bits(best) == bits(model)
    assert best.best_iter_ == model.best_iter_
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
