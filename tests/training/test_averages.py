"""The moving average of weights that a training validates and keeps."""

import copy
import json
import pickle

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from helpers.estimators import bits, flat, initial, quick, sequences
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

import skfastgrnn
from skfastgrnn import FastGRNNRegressor
from skfastgrnn.kernels import active_kernel

X, y = sequences(60)
X_val, y_val = sequences(40, seed=1)
NUMBERS = 100 + 7 * X[:, -1, 0]
WHOLE = {"batch_size": 60, "gradient_accumulation_steps": 1}  # an epoch is an update
EMA = 0.6


def averages(path, ema=EMA):
    """The average after each of the vectors (n_updates, P) that follow the first."""
    found = [path[0]]
    for n, theta in enumerate(path[1:]):
        decay = min(ema, (1 + n) / (10 + n))
        found.append(decay * found[-1] + (1 - decay) * theta)
    return found


def watched_optimizers(monkeypatch):
    """A list to which every epoch of the fits to come adds (optimizer, its average before)."""
    kernel, epochs = active_kernel(), []
    train_epoch = kernel.train_epoch

    def watched(network, parameters, sequences, targets, loss, rows, optimizer, *args, **kwargs):
        epochs.append((optimizer, optimizer.average.copy()))
        return train_epoch(
            network, parameters, sequences, targets, loss, rows, optimizer, *args, **kwargs
        )

    monkeypatch.setattr(kernel, "train_epoch", watched)
    return epochs


def test_the_fitted_weights_are_the_average_of_those_of_all_updates():
    path = [flat(initial(X, y, **WHOLE))]
    path += [flat(quick(max_iter=n, **WHOLE).fit(X, y)) for n in range(1, 9)]
    expected = averages(path)
    for n in (1, 2, 8):
        model = quick(max_iter=n, ema=EMA, **WHOLE).fit(X, y)
        np.testing.assert_allclose(flat(model), expected[n], rtol=1e-12)


def test_the_training_itself_does_not_change():
    plain, averaged = quick().fit(X, y), quick(ema=EMA).fit(X, y)
    for name in ("loss", "accuracy", "learning_rate", "gradient_norm"):
        assert averaged.history_[name] == plain.history_[name]
    assert bits(averaged) != bits(plain)


def test_validation_and_early_stopping_are_of_the_average():
    validation = {"X_val": X_val, "y_val": y_val}
    settings = {"learning_rate_init": 0.3, "ema": EMA}
    losses = quick(**settings).fit(X, y, **validation).validation_loss_curve_
    best = int(np.argmin(losses)) + 1
    assert best < 10
    for n_epochs in (best, 10):  # without validation the average of that epoch
        settings["max_iter"] = n_epochs
        kept = quick(**settings).fit(X, y, **validation)
        np.testing.assert_allclose(
            log_loss(y_val, kept.predict_proba(X_val)), losses[best - 1], rtol=1e-9
        )
        assert kept.best_iter_ == best
        assert kept.best_loss_ == losses[best - 1]


def test_a_refit_keeps_the_average(monkeypatch):
    epochs = watched_optimizers(monkeypatch)
    model = quick(early_stopping=True, refit=True, ema=EMA).fit(X, y)
    of_refit, _ = epochs[-1]
    assert of_refit is not epochs[0][0]
    assert model._parameters.tobytes() == of_refit.average.tobytes()


def test_without_validation_a_late_spike_is_answered_with_an_earlier_average():
    """The average whose training loss is lowest is kept, if it is not the last one."""
    late = {"learning_rate": lambda epoch: 30.0 if epoch == 7 else 1.0, "clip_norm": None}
    model = quick(ema=EMA, **late, **WHOLE).fit(X, y)
    assert model.best_iter_ < 10
    rate = {"learning_rate": "constant", "max_iter": model.best_iter_}
    assert bits(model) == bits(quick(ema=EMA, **rate, **WHOLE, clip_norm=None).fit(X, y))


def test_frozen_weights_stay_what_they_are():
    frozen = ["W", "bias_gate"]
    before, model = initial(X, y, frozen=frozen), quick(ema=EMA, frozen=frozen).fit(X, y)
    for name in frozen:
        np.testing.assert_array_equal(model.params_[name], before.params_[name])
    assert not np.array_equal(model.params_["U"], before.params_["U"])


def test_an_interrupted_training_keeps_the_average_so_far(monkeypatch):
    expected = quick(max_iter=3, ema=EMA).fit(X, y)
    kernel, calls = active_kernel(), []
    train_epoch = kernel.train_epoch

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return train_epoch(*args, **kwargs)

    monkeypatch.setattr(kernel, "train_epoch", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = quick(ema=EMA).fit(X, y)
    assert bits(model) == bits(expected)


def test_a_diverged_training_keeps_a_finite_average():
    wild = {"learning_rate": lambda epoch: 1.0 if epoch < 4 else 1e6, "clip_norm": None}
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model = quick(ema=0.9, solver="sgd", **wild).fit(X, y)
    assert 0 < model.best_iter_ <= 4
    expected = quick(ema=0.9, solver="sgd", clip_norm=None, max_iter=model.best_iter_).fit(X, y)
    assert bits(model) == bits(expected)


def test_a_warm_start_begins_with_the_average_and_begins_a_new_one(monkeypatch):
    model = quick(ema=EMA, warm_start=True).fit(X, y)
    first = model._parameters.copy()
    epochs = watched_optimizers(monkeypatch)
    model.fit(X, y)
    np.testing.assert_array_equal(epochs[0][1], first)
    assert epochs[0][0].n_averaged == 80  # of this fit: 10 epochs of 8 updates
    assert epochs[0][0].step == 160


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_a_stream_trains_on_from_the_weights_and_predicts_with_their_average(kind, tmp_path):
    """The weights are those of a stream without an average, to the last bit."""
    settings = {"learning_rate": "constant", "random_state": 0, "batch_size": 60}

    def new(**params):
        if kind == "classifier":
            return quick(**{**settings, **params})
        return FastGRNNRegressor(4, **{**settings, **params})

    def piece(model, scale):
        if kind == "classifier":
            return model.partial_fit(X, y, classes=[0, 1])
        return model.partial_fit(X, scale * NUMBERS)

    plain, averaged = new(), new(ema=EMA)
    path = [flat(piece(new(learning_rate_init=1e-300), 1.0))]
    for n in range(1, 7):
        piece(plain, 1.0), piece(averaged, 1.0)
        path.append(flat(plain))
        assert averaged._moments["trained"].tobytes() == plain._parameters.tobytes()
        assert averaged._moments["n_averaged"] == n
        if n == 3:  # goes on from a file, too
            skfastgrnn.save(averaged, tmp_path / "stream.safetensors")
            averaged = skfastgrnn.load(tmp_path / "stream.safetensors")
    np.testing.assert_allclose(flat(averaged), averages(path)[-1], rtol=1e-9, atol=1e-12)
    assert bits(pickle.loads(pickle.dumps(averaged))) == bits(averaged)


def test_a_piece_that_diverges_leaves_both_weights_and_average():
    model = quick(ema=EMA, clip_norm=None, solver="sgd")
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1])
    before, trained = bits(model), model._moments["trained"].tobytes()
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.set_params(learning_rate_init=1e6).partial_fit(X, y)
    assert bits(model) == before
    assert model._moments["trained"].tobytes() == trained


def test_a_stream_can_begin_and_cease_to_average():
    model = quick().partial_fit(X, y, classes=[0, 1])
    model.set_params(ema=EMA).partial_fit(X, y)
    assert model._moments["n_averaged"] == 8
    averaged = bits(model)
    model.set_params(ema=None, learning_rate_init=1e-300, solver="sgd").partial_fit(X, y)
    assert "trained" not in model._moments
    assert bits(model) == averaged


def test_callbacks_see_the_average():
    pytest.importorskip("sklearn.callback")
    seen = []

    class Look:
        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                seen.append(log_loss(y_val, fitted_estimator.predict_proba(X_val)))

        def teardown(self, estimator, context):
            pass

    model = quick(ema=EMA).set_callbacks(Look()).fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_allclose(seen, model.validation_loss_curve_, rtol=1e-9)


def test_it_begins_again_from_the_present_weights():
    """What a training of several phases does before its last one."""
    from skfastgrnn.network import Optimizer
    from skfastgrnn.training import EarlyStopping, TrainingState

    weights = np.arange(3.0)
    optimizer = Optimizer(np.zeros(3), np.zeros(3))
    stopping = EarlyStopping(weights, tol=0, patience=1)
    state = TrainingState(weights, weights.copy(), optimizer, None, None, stopping, {})
    state.begin_average_again()
    assert state.averaged is weights
    optimizer.begin_average(weights, 0.9)
    optimizer.n_averaged = 7
    weights += 1
    np.testing.assert_array_equal(state.averaged, [0, 1, 2])
    state.begin_average_again()
    np.testing.assert_array_equal(state.averaged, [1, 2, 3])
    assert (optimizer.ema, optimizer.n_averaged) == (0.9, 0)
    assert state.averaged is not weights


@pytest.mark.parametrize("change", ["lacks", "without", "too short"])
def test_a_checkpoint_with_another_average_is_refused(change, tmp_path):
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import Checkpoint

    path = tmp_path / "training.safetensors"
    quick(ema=EMA).set_callbacks(Checkpoint(path)).fit(X, y)
    with safetensors.safe_open(path, framework="numpy") as file:
        content = json.loads(file.metadata()["skfastgrnn"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    optimizer = content["training"]["dict"]["state"]["dict"]["optimizer"]["dict"]
    if change == "lacks":
        del optimizer["average"]
    elif change == "without":
        content["parameters"]["ema"] = None
    else:
        name = optimizer["average"]["array"]
        tensors[name] = tensors[name][1:]
    safetensors.numpy.save_file(tensors, path, {"skfastgrnn": json.dumps(content)})
    with pytest.raises(ValueError, match=r"cannot be read: .*average"):
        quick(ema=EMA).resume(path, X, y)


def test_a_stream_with_half_an_average_is_refused(tmp_path):
    model = quick(ema=EMA).partial_fit(X, y, classes=[0, 1])
    for name in ("trained", "n_averaged"):
        moments = {key: value for key, value in model._moments.items() if key != name}
        broken = copy.copy(model)
        broken._moments = moments
        with pytest.raises(ValueError, match="those of an average"):
            skfastgrnn.save(broken, tmp_path / "stream.safetensors")
