"""Compressed networks go on with their support, ranks and rounding: warm start and streams."""

import numpy as np
from helpers.compression import Calls, check_supports, zeros
from helpers.estimators import bits, flat, quick, sequences

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.compression import Compression
from skfastgrnn.training._phases import largest

X, y = sequences(60, n_channels=3)


def test_warm_start_keeps_the_support():
    compression = Compression(2, None, 0.5, 0.4)
    model = quick(compression=compression, warm_start=True).fit(X, y)
    before, first = zeros(model), flat(model)
    model.fit(X, y)
    assert zeros(model) == before
    assert np.any(flat(model) != first)
    check_supports(model)


def test_warm_start_keeps_what_is_rounded_rounded(monkeypatch):
    model = quick(compression=Compression(bits=4), warm_start=True).fit(X, y)
    steps = model.params_["U_log_step"].copy()
    calls = Calls(monkeypatch)
    model.fit(X, y)
    assert {call["network"].bits for call in calls} == {4}
    np.testing.assert_array_equal(calls[0]["before"]["U_log_step"], steps)


def test_warm_start_compresses_a_dense_fit():
    """The factors are the best ones of what was learned; there is no other dense fit."""
    model = quick(warm_start=True).fit(X, y)
    learned = model.params_["U"].copy()
    model.set_params(compression=Compression(rank_u=2, density_w=0.5), learning_rate_init=1e-300)
    model.fit(X, y)
    left, values, right = np.linalg.svd(learned)
    best = (left[:, :2] * values[:2]) @ right[:2]
    np.testing.assert_allclose(model.params_["U1"] @ model.params_["U2"], best, atol=1e-12)
    check_supports(model)
    # And back: the product of the factors.
    model.set_params(compression=None).fit(X, y)
    np.testing.assert_allclose(model.params_["U"], best, atol=1e-12)


def test_warm_start_lets_weights_grow_where_the_density_rises():
    model = quick(compression=Compression(density_u=0.25), warm_start=True).fit(X, y)
    model.set_params(compression__density_u=0.75).fit(X, y)
    check_supports(model)


def test_warm_start_with_more_classes_begins_steps_of_the_head_from_its_weights():
    more, labels = sequences(60, n_channels=3, n_classes=3)
    model = quick(compression=Compression(bits=8), warm_start=True, max_iter=3).fit(X, y)
    model.set_params(learning_rate_init=1e-300).fit(more, labels)
    assert model.params_["head_weight"].shape == (3, 4)
    largest_of_row = np.abs(model.params_["head_weight"]).max(axis=1)
    np.testing.assert_allclose(
        np.exp(model.params_["head_weight_log_step"]), largest_of_row / 127, rtol=1e-9
    )


def test_partial_fit_keeps_the_support():
    model = quick(compression=Compression(2, 2, 0.5, 0.5, bits=8)).fit(X, y)
    before = zeros(model)
    for _ in range(3):
        model.partial_fit(X, y)
        assert zeros(model) == before
    assert model.n_iter_ == 13


def test_the_first_piece_of_a_stream_chooses_the_support():
    model = quick(compression=Compression(2, 2, 0.5, 0.5, bits=8))
    model.partial_fit(X, y, classes=[0, 1])
    check_supports(model)
    before, first = zeros(model), flat(model)
    model.partial_fit(X, y)
    assert zeros(model) == before
    assert np.any(flat(model) != first)


def test_partial_fit_prunes_what_was_dense_at_once():
    model = quick().fit(X, y)
    expected = largest(model.params_["U"], 0.5)
    model.set_params(compression=Compression(density_u=0.5)).partial_fit(X, y)
    np.testing.assert_array_equal(model.params_["U"] != 0, expected)


def test_a_regressor_keeps_its_steps_in_the_units_of_y():
    """Of targets in other units, everything is the same but the head."""
    targets = X[:, -1, 0] * 1.5 + X[:, 0, 1]
    settings = {"max_iter": 9, "hidden_size": 4, "compression": Compression(bits=8)}
    models = [
        FastGRNNRegressor(random_state=0, warm_start=True, **settings).fit(X, unit * targets)
        for unit in (1.0, 1024.0)
    ]
    for _ in range(2):
        np.testing.assert_allclose(models[1].predict(X), 1024 * models[0].predict(X), rtol=1e-6)
        for model, unit in zip(models, (1.0, 1024.0), strict=True):
            model.fit(X, unit * targets)


def test_an_average_of_weights_is_compressed_too():
    for early_stopping in (False, True):
        model = quick(
            compression=Compression(2, 2, 0.5, 0.5, bits=8), ema=0.9, early_stopping=early_stopping
        ).fit(X, y)
        check_supports(model)


def test_several_starts_are_compressed():
    model = quick(compression=Compression(2, 2, 0.5, 0.5), n_init=2, max_iter=6).fit(X, y)
    check_supports(model)
    assert bits(model) == bits(
        quick(compression=Compression(2, 2, 0.5, 0.5), n_init=2, max_iter=6, n_jobs=2).fit(X, y)
    )
