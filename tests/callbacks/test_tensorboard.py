"""What TensorBoardLogger writes, read back with TensorBoard's own reader."""

import pickle

import numpy as np
import pytest
from helpers.callbacks import AfterEpochs, in_search
from helpers.estimators import bits, quick, record_epochs, sequences, snapshot
from sklearn.exceptions import ConvergenceWarning

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.callbacks import Checkpoint, GradientMonitor, TensorBoardLogger
from skfastgrnn.kernels import active_kernel

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

X, y = sequences(60)


def read(folder):
    """All scalars and histograms of a run: lists of (step, value) by tag."""
    run = reader.EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    run.Reload()
    tags = run.Tags()
    scalars = {tag: [(e.step, e.value) for e in run.Scalars(tag)] for tag in tags["scalars"]}
    histograms = {
        tag: [(e.step, e.histogram_value) for e in run.Histograms(tag)]
        for tag in tags["histograms"]
    }
    return scalars, histograms


def check_scalars(scalars, model):
    assert scalars.keys() == {name for name, values in model.history_.items() if values}
    for name, pairs in scalars.items():
        assert [step for step, _ in pairs] == list(range(1, model.n_iter_ + 1))
        with np.errstate(over="ignore"):
            expected = np.array(model.history_[name], dtype=np.float32)  # as TensorBoard has it
        np.testing.assert_array_equal([value for _, value in pairs], expected)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("model", "target"),
    [(quick(), y), (FastGRNNRegressor(4, max_iter=10, n_iter_no_change=np.inf), X[:, -1, 0])],
    ids=["classifier", "regressor"],
)
def test_scalars(model, target, early_stopping, tmp_path):
    folder = tmp_path / "made" / "on the way"
    logger = TensorBoardLogger(str(folder))
    model = model.set_params(early_stopping=early_stopping).set_callbacks(logger).fit(X, target)
    scalars, histograms = read(folder)
    check_scalars(scalars, model)
    assert histograms == {}


def test_scalars_can_be_read_while_the_training_goes_on(tmp_path):
    mine = AfterEpochs(lambda *_: len(read(tmp_path)[0]["loss"]))
    quick(max_iter=4).set_callbacks(TensorBoardLogger(tmp_path), mine).fit(X, y)
    assert mine.answers == [1, 2, 3, 4]


def test_histograms(tmp_path):
    logger = TensorBoardLogger(tmp_path, histograms_every=4, n_sequences=7)
    mine = AfterEpochs(lambda estimator, context, fitted: fitted)
    monitor = GradientMonitor(n_sequences=7)
    model = quick(learning_rate_init=0.01).set_callbacks(logger, mine, monitor).fit(X, y)
    _, histograms = read(tmp_path)
    groups = ("weights", "gradients")
    assert histograms.keys() == {f"{group}/{name}" for group in groups for name in model.params_}
    for tag, pairs in histograms.items():
        assert [step for step, _ in pairs] == [4, 8]
        group, name = tag.split("/")
        for step, found in pairs:
            part = mine.answers[step - 1].params_[name]
            assert sum(found.bucket) == found.num == part.size
            if group == "weights":
                assert (found.min, found.max) == (part.min(), part.max())
                assert found.sum == pytest.approx(part.sum())
                below = [np.sum(part < limit) for limit in found.bucket_limit[:-1]]
                np.testing.assert_array_equal(np.cumsum(found.bucket)[:-1], below)
            else:
                norm = monitor.get_logs().data[step - 1][name]
                assert np.sqrt(found.sum_squares) == pytest.approx(norm)


def test_gradients_that_are_not_finite_are_left_out(tmp_path, monkeypatch):
    kernel = active_kernel()
    original = kernel.loss_gradient

    def broken(network, parameters, sequences, targets, loss, rows, *args, **kwargs):
        score, gradient = original(
            network, parameters, sequences, targets, loss, rows, *args, **kwargs
        )
        if len(rows) != 13:  # minibatches of the reference kernel
            return score, gradient
        gradient[0] = gradient[-1] = np.inf  # of W, and the only entry of head_bias
        return score, gradient

    monkeypatch.setattr(kernel, "loss_gradient", broken)
    logger = TensorBoardLogger(tmp_path, histograms_every=1, n_sequences=13)
    model = quick(max_iter=1).set_callbacks(logger).fit(X, y)
    _, histograms = read(tmp_path)
    assert histograms["gradients/W"][0][1].num == model.params_["W"].size - 1
    assert "gradients/head_bias" not in histograms


def test_every_fit_of_a_search_is_a_run(tmp_path):
    network = quick().set_callbacks(TensorBoardLogger(tmp_path, histograms_every=5))
    search = in_search(network).fit(X, y)
    runs = sorted(path.name for path in tmp_path.iterdir())
    assert runs == ["fit-0-0-1", "fit-0-1-1", "fit-0-2-1", "fit-0-3-1", "fit-1-1"]
    check_scalars(read(tmp_path / "fit-1-1")[0], search.best_estimator_[-1])
    for run in runs:
        scalars, histograms = read(tmp_path / run)
        assert len(scalars["loss"]) == 10
        assert len(histograms["weights/U"]) == 2


def test_a_further_fit_takes_the_place_of_the_one_before(tmp_path):
    model = quick().set_callbacks(TensorBoardLogger(tmp_path))
    model.fit(X, y)
    model.set_params(max_iter=4, random_state=1).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 2
    check_scalars(read(tmp_path)[0], model)


def test_a_resumed_training_is_one_run(tmp_path):
    path, folder = tmp_path / "training", tmp_path / "log"
    logger = TensorBoardLogger(folder)

    def die(estimator, context, fitted):
        if fitted.n_iter_ == 6:  # two epochs after the last checkpoint
            raise RuntimeError("out of power")

    with pytest.raises(RuntimeError, match="out of power"):
        quick().set_callbacks(logger, Checkpoint(path, every=4), AfterEpochs(die)).fit(X, y)
    assert len(read(folder)[0]["loss"]) == 6
    model = quick().set_callbacks(logger).resume(path, X, y)
    check_scalars(read(folder)[0], model)


def test_a_diverged_epoch_is_written(tmp_path):
    model = quick(learning_rate=lambda epoch: 1.0 if epoch < 3 else 1e300)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.set_callbacks(TensorBoardLogger(tmp_path, histograms_every=1)).fit(X, y)
    scalars, histograms = read(tmp_path)
    check_scalars(scalars, model)
    assert np.isnan(scalars["loss"][-1][1]) or np.isinf(scalars["loss"][-1][1])
    assert len(histograms["weights/W"]) == model.n_iter_ - 1


def test_weights_are_not_changed(tmp_path):
    logger = TensorBoardLogger(tmp_path, histograms_every=1)
    settings = {"dropout": 0.2, "early_stopping": True}
    assert bits(quick(**settings).set_callbacks(logger).fit(X, y)) == bits(
        quick(**settings).fit(X, y)
    )


def test_it_is_pickled_while_it_writes(tmp_path):
    logger = TensorBoardLogger(tmp_path)
    mine = AfterEpochs(lambda *_: pickle.dumps(logger))
    quick(max_iter=2).set_callbacks(logger, mine).fit(X, y)
    assert vars(logger)["_fits"] == {}
    model = quick(max_iter=2).set_callbacks(pickle.loads(mine.answers[1])).fit(X, y)
    check_scalars(read(tmp_path)[0], model)


def test_folders_that_cannot_be_made_are_told_before_the_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    epochs = record_epochs(monkeypatch)
    model = quick()
    was = snapshot(model)
    for folder, error in (
        (tmp_path / "file" / "log", NotADirectoryError),
        (tmp_path / "file", FileExistsError),
    ):
        with pytest.raises(error, match="cannot create the folder"):
            model.set_callbacks(TensorBoardLogger(folder)).fit(X, y)
        assert snapshot(model.set_callbacks()) == was
    assert epochs == []
