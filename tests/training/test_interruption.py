"""Ctrl-C during a fit leaves a model that works, and says so."""

import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers.estimators import bits, environment, flat, initial, quick, sequences

from skfastgrnn.kernels import active_kernel

X, y = sequences(60)


def interrupt(monkeypatch, method, *, at):
    """Press Ctrl-C instead of the at-th call (from 1) of a method of the kernel."""
    kernel = active_kernel()
    original, calls = getattr(kernel, method), []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == at:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(kernel, method, interrupted)


def fit_interrupted(model, *args, **kwargs):
    with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
        model.fit(*args, **kwargs)
    assert len(caught) == 1
    return model


def test_what_was_learned_so_far_is_kept(monkeypatch):
    expected = quick(max_iter=3).fit(X, y)
    interrupt(monkeypatch, "train_epoch", at=4)
    model = fit_interrupted(quick(), X, y)
    assert bits(model) == bits(expected)
    assert model.loss_curve_ == expected.loss_curve_
    assert model.n_iter_ == model.best_iter_ == 3


@pytest.mark.parametrize("method", ["train_epoch", "loss"])
def test_best_weights_so_far_are_kept(monkeypatch, method):
    """Whether training or validating; the history then ends with the last full epoch."""
    steep = {"learning_rate_init": 0.1, "early_stopping": True}
    random_labels = np.random.default_rng(0).integers(0, 2, len(X))
    expected = quick(max_iter=8, **steep).fit(X, random_labels)
    assert expected.best_iter_ < 8
    interrupt(monkeypatch, method, at=9)
    model = fit_interrupted(quick(**steep), X, random_labels)
    assert bits(model) == bits(expected)
    assert model.n_iter_ == 8
    assert {len(values) for values in model.history_.values()} == {8}


@pytest.mark.parametrize("early_stopping", [False, True])
def test_interrupted_in_the_first_epoch(monkeypatch, early_stopping):
    kernel = active_kernel()
    train_epoch = kernel.train_epoch

    def half_an_epoch(network, parameters, sequences, targets, loss, rows, *args, **kwargs):
        train_epoch(network, parameters, sequences, targets, loss, rows[:32], *args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(kernel, "train_epoch", half_an_epoch)
    model = fit_interrupted(quick(early_stopping=early_stopping), X, y)
    assert model.n_iter_ == model.best_iter_ == 0
    assert model.loss_curve_ == []
    assert np.isfinite(model.predict_proba(X)).all()
    monkeypatch.undo()
    learned = flat(model) - flat(initial(X, y, early_stopping=early_stopping))
    assert np.abs(learned).max() > 0.01  # half an epoch is better than nothing


def test_interrupted_before_anything_was_learned(monkeypatch):
    interrupt(monkeypatch, "train_epoch", at=1)
    model = fit_interrupted(quick(), X, y)
    monkeypatch.undo()
    np.testing.assert_allclose(flat(model), flat(initial(X, y)), atol=1e-299)


def test_interrupted_fit_is_not_refitted(monkeypatch):
    expected = quick(max_iter=3, early_stopping=True).fit(X, y)
    interrupt(monkeypatch, "train_epoch", at=4)
    model = fit_interrupted(quick(early_stopping=True, refit=True), X, y)
    assert bits(model) == bits(expected)


def test_interrupted_while_reading_leaves_the_model_as_it_was(monkeypatch):
    """No training, no new model."""
    model = quick().fit(X, y)
    before = bits(model)

    def pressed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skfastgrnn._validation._sequences.checked_lengths", pressed)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X * 2, y)
    assert bits(model) == before


LONG_FIT = """
import signal, warnings
import numpy as np
from skfastgrnn import FastGRNNClassifier
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
rng = np.random.default_rng(0)
X, y = rng.standard_normal((200, 20, 3)), np.arange(200) % 2
model = FastGRNNClassifier(max_iter=10**9, n_iter_no_change=float("inf"), verbose=1)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.fit(X, y)
assert "Training interrupted by user." in [str(w.message) for w in caught]
assert np.isfinite(model.predict_proba(X)).all()
print("usable after", model.n_iter_)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_real_signal(tmp_path):
    path = tmp_path / "output"
    with path.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", LONG_FIT],
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.poll() is None and "Epoch 2/" not in path.read_text():
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        finally:
            process.kill()
            process.wait()
    text = path.read_text()
    n_epochs = int(re.search(r"usable after (\d+)$", text.strip())[1])
    assert n_epochs >= 2
    assert n_epochs - text.count("Epoch ") in (0, 1)  # the signal may come before the last line
    assert process.returncode == 0
