"""A training that was killed and taken up again is the one that was not."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections import OrderedDict

import numpy as np
import pytest
import safetensors.numpy

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor, load
from skfastgrnn.augmentation import Jitter, TimeShift
from skfastgrnn.schedules import ReduceOnPlateau, WarmUp

pytest.importorskip("sklearn.callback")

from skfastgrnn.callbacks import Checkpoint

rng = np.random.default_rng(0)
X = rng.standard_normal((120, 6, 3))
y = np.digitize(X[:, -1, 0] + X[:, 2, 1], [-0.7, 0.7])
EPOCHS = 24
OTHERS = [x[: 2 + i % 5] for i, x in enumerate(X)]


def network(cls=FastGRNNClassifier, **params):
    settings = {"hidden_size": 4, "max_iter": EPOCHS, "n_iter_no_change": np.inf, "batch_size": 16}
    return cls(**{"random_state": 3, **settings, **params})


NOISY = {
    "dropout": 0.2,
    "augment": [Jitter(0.1), TimeShift(1, p=0.5)],
    "learning_rate": ReduceOnPlateau(factor=0.5, patience=1),
    "early_stopping": True,
}


def a_function(epoch):
    return 1.0


def another_function(epoch):
    return 0.5


class Kill:
    """Kills its process in an epoch, after the callbacks before it."""

    def __init__(self, epoch):
        self.epoch = epoch

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch" and fitted_estimator.n_iter_ == self.epoch:
            os.kill(os.getpid(), signal.SIGKILL)

    def teardown(self, estimator, context):
        pass


class Stop(Kill):
    """Ends the training there."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        return context.task_name == "epoch" and fitted_estimator.n_iter_ == self.epoch


def killed(model, path, epoch, *data, every=1, **more):
    """Fit in another process, which does not survive that epoch."""
    pid = os.fork()
    if pid == 0:
        try:
            model.set_callbacks(Checkpoint(path, every=every), Kill(epoch)).fit(*data, **more)
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL


def learned(model, X=X):
    """All that a fit leaves, but the seconds of its epochs."""
    history = {name: values for name, values in model.history_.items() if name != "seconds"}
    found = {
        name: value
        for name, value in vars(model).items()
        if name not in ("history_", "_skl_callbacks", *model.get_params())
    }
    outputs = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    return pickle.dumps((sorted(found.items(), key=lambda item: item[0]), history, outputs))


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of fork in a process with threads
def test_twenty_killed_trainings_end_as_if_they_were_not(tmp_path):
    """Dropout, augmentation, plateau schedule, a held-out part."""
    uninterrupted = learned(network(**NOISY).fit(X, y))
    path = tmp_path / "training.safetensors"
    for epoch in np.random.default_rng(0).permutation(np.arange(1, EPOCHS + 1))[:20]:
        killed(network(**NOISY), path, epoch, X, y)
        assert load(path).n_iter_ == epoch
        assert learned(network(**NOISY).resume(path, X, y)) == uninterrupted, epoch


CASES = {
    "plain": ({}, X, {}),
    "float labels": ({"class_weight": {0.0: 1.0, 1.0: 2.0, 2.0: 3.0}}, X, {}),
    "refit": ({"early_stopping": True, "refit": True, "n_iter_no_change": 4}, X, {}),
    "patience": ({"early_stopping": True, "n_iter_no_change": 4, "learning_rate_init": 0.1}, X, {}),
    "training patience": ({"n_iter_no_change": 2, "learning_rate_init": 0.3}, X, {}),
    "in order": ({"shuffle": False, "early_stopping": True}, X, {}),
    "X_val": ({}, X, {"X_val": X[:30], "y_val": y[:30]}),
    "weights": ({}, X, {"sample_weight": np.linspace(0, 1, 120)}),
    "float32": ({}, X.astype(np.float32), {}),
    "ragged": ({"gradient_accumulation_steps": 2}, OTHERS, {}),
    "sgd": ({"solver": "sgd", "learning_rate": "cosine"}, X, {}),
    "adagrad": ({"solver": "adagrad", "learning_rate_init": 0.1}, X, {}),
    "deep": ({"n_layers": 2, "bidirectional": True, "dropout": 0.1, "frozen": ["U_2"]}, X, {}),
    "threads": ({"n_jobs": 2}, X, {}),
    "average": ({"ema": 0.9}, X, {}),
    "average, held out": ({"ema": 0.9, "early_stopping": True, "learning_rate_init": 0.1}, X, {}),
    "average, refit": ({"ema": 0.95, "early_stopping": True, "refit": True}, X, {}),
}


@pytest.mark.filterwarnings("ignore:Maximum iterations")  # some cases have no time to converge
@pytest.mark.parametrize("cls", [FastGRNNClassifier, FastGRNNRegressor])
@pytest.mark.parametrize("case", CASES)
def test_a_training_that_was_stopped_goes_on(case, cls, tmp_path):
    params, data, more = CASES[case]
    if cls is FastGRNNRegressor and "class_weight" in params:
        pytest.skip("of classifiers only")
    path = tmp_path / "training.safetensors"
    whole = network(cls, **params).fit(data, y, **more)
    for epoch in (1, 7, EPOCHS):
        stopped = network(cls, **params).set_callbacks(Checkpoint(path, every=5), Stop(epoch))
        stopped.fit(data, y, **more)
        resumed = network(cls, **{**params, "n_jobs": None}).resume(path, data, y, **more)
        assert learned(resumed, data) == learned(whole, data), epoch
        # once more, from where the training had ended
        assert load(path).n_iter_ == min(epoch, whole.n_iter_)


def test_a_random_state_of_none_goes_on_with_what_it_drew(tmp_path):
    path = tmp_path / "training.safetensors"
    settings = {"random_state": None, **NOISY}
    whole = network(**settings).set_callbacks(Checkpoint(path, every=7)).fit(X, y)
    resumed = network(**settings).resume(path, X, y)
    assert learned(resumed) == learned(whole)


def test_a_warm_started_training_goes_on(tmp_path):
    path = tmp_path / "training.safetensors"
    for cls, target in ((FastGRNNClassifier, y), (FastGRNNRegressor, 1e3 + 50 * X[:, -1, 0])):
        model = network(cls, warm_start=True).fit(X[:60], target[:60])
        before = pickle.dumps(model)
        whole = model.fit(X[60:], target[60:])
        stopped = pickle.loads(before).set_callbacks(Checkpoint(path), Stop(9))
        stopped.fit(X[60:], target[60:])
        resumed = network(cls, warm_start=True).resume(path, X[60:], target[60:])
        assert learned(resumed) == learned(whole)


def test_resumed_trainings_write_checkpoints_and_can_be_interrupted_again(tmp_path):
    path = tmp_path / "training.safetensors"
    whole = network(**NOISY).fit(X, y)
    network(**NOISY).set_callbacks(Checkpoint(path), Stop(3)).fit(X, y)
    for epoch in (8, 9, 20):
        network(**NOISY).set_callbacks(Checkpoint(path), Stop(epoch)).resume(path, X, y)
    assert learned(network(**NOISY).resume(path, X, y)) == learned(whole)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "training.safetensors"
    network().set_callbacks(Checkpoint(path), Stop(3)).fit(X, y)
    return path


OTHER = {
    "parameters": (
        {"hidden_size": 5, "learning_rate": "cosine", "random_state": 4},
        {},
        "hidden_size: 4 in the checkpoint, 5 here\n.*random_state: 3 in the checkpoint, 4 here",
    ),
    "more epochs": ({"max_iter": 30}, {}, "max_iter: 24 in the checkpoint, 30 here"),
    "samples": ({}, {"X": X[:100], "y": y[:100]}, "training sequences: 120 .* 100 here"),
    "steps": ({}, {"X": X[:, :5]}, "training steps: 720 in the checkpoint, 600 here"),
    "channels": ({}, {"X": X[:, :, :2]}, "training channels: 3 in the checkpoint, 2 here"),
    "dtype": ({}, {"X": X.astype(np.float32)}, "training dtype: 'float64' .* 'float32' here"),
    "classes": ({}, {"y": y + 1}, r"classes: \[0, 1, 2\] in the checkpoint, \[1, 2, 3\] here"),
    "fewer classes": ({}, {"y": np.minimum(y, 1)}, r"\[0, 1\] here"),
    "labels": ({}, {"y": y[::-1]}, "checksum of training data: [0-9]+ in the checkpoint"),
    "values": ({}, {"X": 2 * X}, "checksum of training data"),
    "weights": ({}, {"sample_weight": np.ones(120)}, "training weights: False .* True here"),
    "validation": ({}, {"X_val": X, "y_val": y}, "validation sequences: absent .* 120 here"),
}


@pytest.mark.parametrize("case", OTHER)
def test_what_differs_is_listed(case, checkpoint):
    params, data, message = OTHER[case]
    model = network(**params)
    with pytest.raises(ValueError, match=f"(?s)cannot be resumed.*{message}"):
        model.resume(checkpoint, **{"X": X, "y": y, **data})
    assert vars(model).keys() == model.get_params().keys()


SAME = {
    "order of a dict": ({"class_weight": {0: 1, 1: 2, 2: 3}}, {"class_weight": {2: 3, 1: 2, 0: 1}}),
    "numbers in a dict": (
        {"class_weight": {0: 1, 1: 2, 2: 3}},
        {"class_weight": {np.int64(2): np.float64(3), 1.0: 2.0, np.uint8(0): np.float32(1)}},
    ),
    "a kind of dict": (
        {"class_weight": {0: 1, 1: 2, 2: 3}},
        {"class_weight": OrderedDict([(1, 2), (2, 3), (0, 1)])},
    ),
    "augment": ({"augment": (Jitter(0.1), TimeShift(1))}, {"augment": [Jitter(0.1), TimeShift(1)]}),
    "frozen": ({"frozen": ["W", "U"]}, {"frozen": ("W", "U")}),
    "a number": ({"learning_rate_init": 0.01}, {"learning_rate_init": np.float64(0.01)}),
    "an integer": ({"alpha": 0, "batch_size": 16}, {"alpha": 0.0, "batch_size": np.int16(16)}),
    "a boolean": ({"bidirectional": True}, {"bidirectional": np.True_}),
    "a schedule": (
        {"learning_rate": WarmUp(2, then=ReduceOnPlateau(patience=1))},
        {"learning_rate": WarmUp(np.int8(2), then=ReduceOnPlateau(patience=1, factor=0.1))},
    ),
    "code in a schedule": (
        {"learning_rate": WarmUp(2, then=a_function)},
        {"learning_rate": WarmUp(2, then=a_function)},
    ),
}
UNLIKE = {
    "weights": ({"class_weight": {0: 1, 1: 2, 2: 3}}, {"class_weight": {0: 2, 1: 1, 2: 3}}),
    "order": ({"augment": [Jitter(0.1), TimeShift(1)]}, {"augment": [TimeShift(1), Jitter(0.1)]}),
    "rounding": ({"learning_rate_init": 0.01}, {"learning_rate_init": np.float32(0.01)}),
    "setting": ({"augment": [Jitter(0.1)]}, {"augment": [Jitter(0.2)]}),
    "schedule": ({"learning_rate": ReduceOnPlateau()}, {"learning_rate": WarmUp(1)}),
    "code": ({"learning_rate": a_function}, {"learning_rate": another_function}),
    "code in a schedule": (
        {"learning_rate": WarmUp(2, then=a_function)},
        {"learning_rate": WarmUp(2, then=another_function)},
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_parameters_of_the_same_value_are_the_same(case, tmp_path):
    then, now = SAME[case]
    path = tmp_path / "training.safetensors"
    whole = network(**then).fit(X, y)
    for first, second in ((then, now), (now, then)):
        network(**first).set_callbacks(Checkpoint(path), Stop(3)).fit(X, y)
        resumed = network(**second).resume(path, X, y)
        np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize("case", UNLIKE)
def test_parameters_of_another_value_are_others(case, tmp_path):
    then, now = UNLIKE[case]
    path = tmp_path / "training.safetensors"
    network(**then).set_callbacks(Checkpoint(path), Stop(3)).fit(X, y)
    with pytest.raises(
        ValueError, match=rf"{path.name} cannot be resumed(?s:.*){next(iter(then))}: .* in"
    ):
        network(**now).resume(path, X, y)


def test_zeros_of_either_sign_are_the_same_data(tmp_path):
    """Or resume would raise an error: the checksum of the data would be another."""
    path = tmp_path / "training.safetensors"
    data, target = X.copy(), X[:, -1, 0].copy()
    data[0, 0], target[:3] = 0.0, 0.0
    network(FastGRNNRegressor).set_callbacks(Checkpoint(path), Stop(3)).fit(data, target)
    data[0, 0], target[:3] = -0.0, -0.0
    network(FastGRNNRegressor).resume(path, data, target)


def test_other_estimators_and_files_are_refused(checkpoint, tmp_path):
    with pytest.raises(ValueError, match="is of a FastGRNNClassifier, not of a FastGRNNRegressor"):
        network(FastGRNNRegressor).resume(checkpoint, X, y)
    with pytest.raises(FileNotFoundError):
        network().resume(tmp_path / "nothing.safetensors", X, y)
    best = tmp_path / "best.safetensors"
    network().set_callbacks(Checkpoint(best_path=best)).fit(X, y)
    with pytest.raises(ValueError, match="a saved estimator, not a training"):
        network().resume(best, X, y)


def test_damaged_moments_are_refused(checkpoint):
    with safetensors.safe_open(checkpoint, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name in list(tensors):
        if "/optimizer/" in name or "parameters" in name:
            damaged = {**tensors, name: tensors[name][:-1]}
            safetensors.numpy.save_file(damaged, checkpoint, metadata)
            with pytest.raises(ValueError, match=f"{checkpoint.name} cannot be read: {name} must"):
                network().resume(checkpoint, X, y)


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_truncated_checkpoint_is_refused(checkpoint, size):
    checkpoint.write_bytes(checkpoint.read_bytes()[:size])
    with pytest.raises(ValueError, match="cannot be read"):
        network().resume(checkpoint, X, y)


SCRIPT = """
import sys
sys.path[:0] = {folders!r}
from test_resume import Checkpoint, X, network, y
model = network(max_iter=100000).set_callbacks(Checkpoint({path!r}))
model.fit(X, y)
"""


def test_a_kill_from_outside_leaves_a_checkpoint(tmp_path):
    """At no particular moment, as an operating system would."""
    path = tmp_path / "training.safetensors"
    script = SCRIPT.format(folders=[os.path.dirname(__file__)], path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.2)
    finally:
        process.kill()
        process.wait()
    n_iter = load(path).n_iter_
    settings = {"max_iter": 100_000}
    resumed = network(**settings).set_callbacks(Stop(n_iter + 10)).resume(path, X, y)
    whole = network(**settings).set_callbacks(Stop(n_iter + 10)).fit(X, y)
    assert learned(resumed) == learned(whole)
