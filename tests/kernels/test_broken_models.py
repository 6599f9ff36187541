"""Estimators whose state is broken, whose data are unaligned, or that threads share."""

import threading

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from helpers.kernels import unaligned

pytest.importorskip("skfastgrnn.kernels._bindings", reason="what the compiled kernel refuses")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("_parameters", lambda flat: flat[:-1]),
        ("_parameters", lambda flat: flat[::-1]),
        ("_parameters", lambda flat: flat.astype(np.float32)[:3]),
        ("_parameters", lambda flat: flat.reshape(1, -1)),
        ("_network_settings", lambda kept: {**kept, "hidden_size": -1}),
        ("_network_settings", lambda kept: {**kept, "hidden_size": 2**63 - 1}),
        ("_network_settings", lambda kept: {**kept, "n_layers": 2}),
        ("_network_settings", lambda kept: {**kept, "n_channels": 3}),
        ("_network_settings", lambda kept: {**kept, "gate_activation": "none"}),
    ],
)
@pytest.mark.parametrize("method", ["predict", "hidden_states"])
def test_a_broken_pickle_raises_an_error(name, change, method):
    X, y = sequences(12)
    model = quick(max_iter=1).fit(X, y)
    state = model.__getstate__()
    state[name] = change(state[name])
    broken = quick()
    broken.__setstate__(state)
    with pytest.raises((ValueError, TypeError)):
        getattr(broken, method)(X)


def test_unaligned_data_are_copied():
    """As of a file that is mapped into memory behind a header of any size."""
    X, y = sequences(12)
    weights = np.linspace(1, 2, 12)
    expected = quick(max_iter=1).fit(X, y, weights)
    model = quick(max_iter=1).fit(unaligned(X), y, unaligned(weights))
    np.testing.assert_array_equal(model.predict_proba(unaligned(X)), expected.predict_proba(X))
    rows = X.reshape(12, -1)
    expected = quick(max_iter=1).fit(rows, y)
    model = quick(max_iter=1).fit(unaligned(rows), y)
    np.testing.assert_array_equal(
        model.predict_proba(unaligned(rows)), expected.predict_proba(rows)
    )


@pytest.mark.parametrize("name", ["first", "second"])
def test_moments_of_another_size_are_refused(name):
    X, y = sequences(12)
    model = quick(max_iter=1, warm_start=True).fit(X, y)
    model._moments[name] = model._moments[name][:-3]
    with pytest.raises(ValueError, match="shape"):
        model.fit(X, y)


def test_threads_that_fit_one_estimator_on_other_classes_break_nothing():
    """Once in a while the labels of one fit met the network of another."""
    model = quick(max_iter=2, early_stopping=False)
    problems = []

    def fit(n_classes):
        X, y = sequences(3 * n_classes, n_timesteps=2, n_classes=n_classes)
        for _ in range(5):
            try:
                model.fit(X, y)
            except Exception as error:
                problems.append(error)

    threads = [threading.Thread(target=fit, args=(n,)) for n in (3, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(model.classes_) in (3, 400)


def test_predictions_take_network_and_parameters_of_one_moment():
    """Between the two another fit may come to its end."""
    X, y = sequences(12)
    small, large = (quick(max_iter=1, hidden_size=size).fit(X, y) for size in (3, 7))
    expected = [model.predict_proba(X) for model in (small, large)]
    shared = quick(hidden_size=3)
    vars(shared).update(vars(small))
    over = threading.Event()

    def refit():
        while not over.is_set():
            vars(shared).update(vars(large))
            vars(shared).update(vars(small))

    thread = threading.Thread(target=refit)
    thread.start()
    for _ in range(200):
        actual = shared.predict_proba(X)
        assert any(np.array_equal(actual, one) for one in expected)
    over.set()
    thread.join()
