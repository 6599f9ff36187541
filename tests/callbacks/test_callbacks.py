"""What holds for all of our callbacks: weights stay, copies work, arguments are checked."""

import pickle
import sys

import pytest
from helpers.callbacks import BOTH, Pickles, X, every_kind, in_pipeline, y
from helpers.estimators import bits, quick, record_epochs, snapshot
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from skfastgrnn import DistilledFastGRNN
from skfastgrnn.augmentation import Jitter
from skfastgrnn.callbacks import (
    Checkpoint,
    EarlyStoppingOnMetric,
    GradientMonitor,
    JSONLinesLogger,
    LearningRateMonitor,
    TensorBoardLogger,
    TimeLimit,
)
from skfastgrnn.compression import Compression

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")

held_out = {"early_stopping": True, "refit": True}


@BOTH
def test_weights_are_not_changed(model, target, tmp_path):
    check_weights({"dropout": 0.2, "augment": [Jitter()], **held_out}, model, target, tmp_path)


@BOTH
def test_weights_of_compressed_networks_are_not_changed(model, target, tmp_path):
    compression = Compression(rank_u=2, density_w=0.5, bits=4)
    check_weights({"compression": compression, **held_out}, model, target, tmp_path)


def check_weights(settings, model, target, tmp_path):
    """Fits with callbacks and without end with the same bits."""
    plain = model(**settings).fit(X, target)
    watched = model(**settings).set_callbacks(*every_kind(tmp_path)).fit(X, target)
    assert bits(watched) == bits(plain)
    histories = [{**fit.history_, "seconds": None} for fit in (plain, watched)]
    assert histories[0] == histories[1]
    assert vars(watched).keys() - vars(plain).keys() == {"_skl_callbacks"}


def test_pickle_and_clone(tmp_path):
    """Also while a fit is going on."""
    mine = Pickles(at=5)
    model = quick().set_callbacks(*every_kind(tmp_path)[:-1], mine)
    for ready in (model, pickle.loads(pickle.dumps(model)), clone(model)):
        assert len(ready._skl_callbacks) == 8
        assert bits(ready.fit(X, y)) == bits(quick().fit(X, y))
    assert clone(model)._skl_callbacks[3] is model._skl_callbacks[3]
    again = pickle.loads(mine.pickle)
    assert [vars(callback).get("_fits", {}) for callback in again._skl_callbacks[:2]] == [{}, {}]
    assert bits(again.fit(X, y)) == bits(model)
    assert len(again._skl_callbacks[3].get_logs()) == 10


@pytest.mark.parametrize(
    "callback",
    [
        Checkpoint("a"),
        EarlyStoppingOnMetric(),
        GradientMonitor(),
        JSONLinesLogger("a"),
        LearningRateMonitor(),
        TimeLimit(1),
    ],
    ids=lambda callback: type(callback).__name__,
)
@pytest.mark.parametrize(
    "other",
    [LogisticRegression(), in_pipeline(LogisticRegression()), DistilledFastGRNN(Ridge())],
    ids=["other", "pipeline", "distillation"],
)
def test_other_estimators_are_refused(callback, other):
    with pytest.raises(TypeError, match=r"needs the epochs of a network, and \w+ has none"):
        other.set_callbacks(callback).fit(X[:, 0], y)


@pytest.mark.parametrize("make", [JSONLinesLogger, Checkpoint, lambda p: Checkpoint(best_path=p)])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_unwritable_paths_are_told_before_the_training(make, is_fitted, tmp_path, monkeypatch):
    model = quick(max_iter=1)
    if is_fitted:
        model.fit(X, y)
    was = snapshot(model)
    (tmp_path / "file").write_text("")
    epochs = record_epochs(monkeypatch)
    for path, error, message in (
        (tmp_path / "file" / "log", FileNotFoundError, "There is no folder .*file to write log"),
        (tmp_path / "missing" / "log", FileNotFoundError, "There is no folder .*missing to write"),
        (tmp_path, IsADirectoryError, "is a folder; give it the name of a file"),
    ):
        with pytest.raises(error, match=message):
            model.set_callbacks(make(str(path))).fit(X, y)
        assert snapshot(model.set_callbacks()) == was
    assert epochs == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Checkpoint(), "needs a path or a best_path"),
        (lambda: Checkpoint(3), "'path' parameter of Checkpoint"),
        (lambda: Checkpoint("a", every=0), "'every' parameter"),
        (lambda: TimeLimit(-1), "'seconds' parameter"),
        (lambda: JSONLinesLogger(None), "'path' parameter of JSONLinesLogger"),
        (lambda: GradientMonitor(n_sequences=0), "'n_sequences' parameter"),
        (lambda: GradientMonitor(vanishing=-1), "'vanishing' parameter"),
        (lambda: GradientMonitor(exploding="much"), "'exploding' parameter"),
        (lambda: GradientMonitor(vanishing=2, exploding=1), "vanishing=2 must be below exploding"),
        (lambda: EarlyStoppingOnMetric("accurate"), "'scoring' parameter"),
        (lambda: EarlyStoppingOnMetric(["accuracy"]), "'scoring' parameter"),
        (lambda: EarlyStoppingOnMetric(patience=0), "'patience' parameter"),
        (lambda: EarlyStoppingOnMetric(tol=-0.1), "'tol' parameter"),
        (lambda: EarlyStoppingOnMetric(X_val=X), "X_val is provided, but y_val was not"),
        (lambda: EarlyStoppingOnMetric(y_val=y), "y_val is provided, but X_val was not"),
        (lambda: TensorBoardLogger(None), "'folder' parameter"),
        (lambda: TensorBoardLogger("a", histograms_every=0), "'histograms_every' parameter"),
        (lambda: TensorBoardLogger("a", n_sequences=0), "'n_sequences' parameter"),
    ],
)
def test_parameters_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_missing_tensorboard_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "skfastgrnn.callbacks._event_file", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TensorBoardLogger("a")
