"""The same random_state gives the same bits, and a fit touches nothing but its estimator."""

import inspect
import json
import multiprocessing
import os

import joblib
import numpy as np
import pytest
from helpers.estimators import bits, quick, run_python, sequences

from skfastgrnn.kernels import active_kernel

X, y = sequences(150, n_timesteps=5, n_classes=3)
FORKED = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def threaded(**params):
    """Minibatches of 100 are enough for several threads."""
    return quick(batch_size=100, max_iter=4, early_stopping=True, **params)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_threads_do_not_matter(pooling, dtype):
    data = X.astype(dtype)
    one, *more = (
        threaded(pooling=pooling, n_jobs=n_jobs).fit(data, y) for n_jobs in (1, 2, 3, 64, -1)
    )
    for model in more:
        assert bits(model) == bits(one)
        assert model.loss_curve_ == one.loss_curve_
        assert model.validation_loss_curve_ == one.validation_loss_curve_
        np.testing.assert_array_equal(model.predict_proba(data), one.predict_proba(data))


def threads_asked_for(monkeypatch, use):
    """How many threads the kernel is told to use, by the name of its method."""
    kernel, asked = active_kernel(), {}

    def spied(name, method):
        def spy(*args, **kwargs):
            called = inspect.signature(method).bind(*args, **kwargs)
            asked[name] = called.arguments["n_threads"]
            return method(*args, **kwargs)

        return spy

    for name in ("train_epoch", "loss", "outputs"):
        monkeypatch.setattr(kernel, name, spied(name, getattr(kernel, name)))
    use()
    return asked


@pytest.mark.parametrize(
    ("n_jobs", "context", "expected"), [(None, None, 1), (2, None, 2), (None, 3, 3)]
)
def test_n_jobs_reaches_the_kernel(n_jobs, context, expected, monkeypatch):
    def use():
        with joblib.parallel_config(n_jobs=context):
            threaded(n_jobs=n_jobs).fit(X, y).predict(X)

    asked = threads_asked_for(monkeypatch, use)
    assert asked == {"train_epoch": expected, "loss": expected, "outputs": expected}


def test_twice_in_a_row():
    model = threaded()
    assert bits(model.fit(X, y)) == bits(model.fit(X, y))


def test_random_state_matters():
    assert bits(threaded(random_state=1).fit(X, y)) != bits(threaded().fit(X, y))
    assert bits(threaded(random_state=None).fit(X, y)) != bits(
        threaded(random_state=None).fit(X, y)
    )


def test_random_state_instance():
    """Its state goes on: two fits differ, and another instance of the same seed repeats both."""
    instance, again = np.random.RandomState(3), np.random.RandomState(3)
    first, second = (bits(threaded(random_state=instance).fit(X, y)) for _ in range(2))
    assert first != second
    assert [bits(threaded(random_state=again).fit(X, y)) for _ in range(2)] == [first, second]


def send_fit(n_jobs, pipe):
    pipe.send(bits(threaded(n_jobs=n_jobs).fit(X, y)))


@FORKED
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_after_a_fork(n_jobs):
    """The parent's threads do not live on in the child, which needs its own."""
    expected = bits(threaded(n_jobs=2).fit(X, y))
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=send_fit, args=(n_jobs, there))
    child.start()
    try:
        assert here.poll(60), "the forked fit hangs"
        assert here.recv() == expected
    finally:
        child.kill()
        child.join()
    assert bits(threaded(n_jobs=2).fit(X, y)) == expected


def test_in_another_process():
    code = "import test_determinism as t; print(t.bits(t.threaded().fit(t.X, t.y)).hex())"
    assert run_python(code).strip() == bits(threaded().fit(X, y)).hex()


@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState(0)], ids=str)
def test_global_random_state_is_left_alone(random_state):
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random_sample(3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    threaded(random_state=random_state).fit(X, y).predict(X)
    np.testing.assert_array_equal(np.random.random_sample(3), expected)  # noqa: NPY002


def test_arguments_are_left_alone():
    weights, settings = np.random.default_rng(0).uniform(0, 2, 150), {0: 1.0, 2: 3.0}
    arguments = {"X": X, "y": y, "sample_weight": weights, "X_val": X, "y_val": y}
    before = {name: value.tobytes() for name, value in arguments.items()}
    threaded(class_weight=settings).fit(**arguments).predict_proba(X)
    assert {name: value.tobytes() for name, value in arguments.items()} == before
    assert settings == {0: 1.0, 2: 3.0}


FILES_OPENED = """
import json, os, sys
import numpy as np
from skfastgrnn import FastGRNNClassifier
written = []
def watch(event, args):
    if event == "open" and (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        written.append(str(args[0]))
    if event in ("os.mkdir", "os.rename", "tempfile.mkstemp", "tempfile.mkdtemp"):
        written.append(event)
sys.addaudithook(watch)
open(os.devnull, "w").close()
X, y = np.random.default_rng(0).standard_normal((60, 4, 2)), np.arange(60) % 2
FastGRNNClassifier(max_iter=3, early_stopping=True, n_jobs=2).fit(X, y).predict(X)
print(json.dumps(written))
"""


def test_fit_writes_no_file():
    assert json.loads(run_python(FILES_OPENED, PYTHONDONTWRITEBYTECODE="1")) == [os.devnull]
