"""A fit that diverges says so and keeps the best weights that it has seen."""

import warnings

import numpy as np
import pytest
from helpers.estimators import flat, initial, quick, sequences
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skfastgrnn.compression import Compression

X, y = sequences(60)
X_val, y_val = sequences(40, seed=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_size", [8, 60])
@pytest.mark.parametrize("update_activation", ["tanh", "relu"])
@pytest.mark.parametrize("rate", [1e3, 1e6, 1e30, 1e300])
def test_best_weights_are_kept(rate, update_activation, batch_size, dtype):
    """At the worst the initial ones."""
    data = X.astype(dtype)
    start = initial(data, y, update_activation=update_activation)
    model = quick(
        learning_rate_init=rate, update_activation=update_activation, batch_size=batch_size
    )
    with pytest.warns(ConvergenceWarning, match=r"diverged .* Lower learning_rate_init \(now 1"):
        model.fit(data, y)
    assert np.isfinite(flat(model)).all()
    losses = [log_loss(y, fit.predict_proba(data)) for fit in (model, start)]
    assert losses[0] <= losses[1] + 1e-6


@pytest.mark.parametrize("rate", [1e6, 1e30, 1e300])
@pytest.mark.parametrize("refit", [False, True])
def test_best_weights_by_validation_are_kept(rate, refit):
    model = quick(learning_rate_init=rate, refit=refit)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y, X_val=X_val, y_val=y_val)
    assert np.isfinite(flat(model)).all()
    start = initial(X, y)
    losses = [log_loss(y_val, fit.predict_proba(X_val)) for fit in (model, start)]
    assert losses[0] <= losses[1] + 1e-9
    assert model.history_.keys() >= {"validation_loss"}
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == model.n_iter_


def test_progress_before_the_divergence_is_kept():
    """Here the learning rate jumps from good to absurd after 15 epochs."""
    whole = {"batch_size": 60, "shuffle": False}
    good = quick(max_iter=15, **whole).fit(X, y)

    def jumping(epoch):
        return 1.0 if epoch < 15 else 1e8

    with pytest.warns(ConvergenceWarning, match="diverged"):
        model = quick(max_iter=18, learning_rate=jumping, **whole).fit(X, y)
    assert model.best_iter_ == 15
    np.testing.assert_array_equal(flat(model), flat(good))


def test_a_gradient_that_is_not_finite_ends_the_training():
    """It makes no update, and the best weights before it are kept."""

    def jumping(epoch):
        return 1.0 if epoch < 3 else 1e30

    settings = {"batch_size": 60, "shuffle": False, "update_activation": "relu"}
    good = quick(max_iter=3, **settings).fit(X, y)
    with pytest.warns(ConvergenceWarning) as caught:
        model = quick(max_iter=9, learning_rate=jumping, **settings).fit(X, y)
    (message,) = [str(warning.message) for warning in caught]
    assert f"a loss or gradient of epoch {model.n_iter_} was not finite" in message
    assert "best epoch (3) are kept" in message
    assert "gate" not in message
    assert 3 < model.n_iter_ < 9
    np.testing.assert_array_equal(flat(model), flat(good))


def test_gates_that_let_states_grow_are_named():
    X_long = np.random.default_rng(0).standard_normal((60, 150, 3))
    model = quick(hidden_size=8, gate_activation="relu", max_iter=3)
    with pytest.warns(ConvergenceWarning, match=r"of epoch 1 .* Or set gate_activation='sigmoid'"):
        model.fit(X_long, y)
    assert np.isfinite(flat(model)).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.set_params(gate_activation="sigmoid").fit(X_long, y)


@pytest.mark.parametrize("n_init", [1, 2])
@pytest.mark.parametrize("epochs_of_divergence", [range(3), range(3, 6), range(6)])
def test_dense_start_and_factors_warn_once(epochs_of_divergence, n_init):
    """The first three epochs are those of the dense fit, the next three those of its factors."""
    epochs = iter(range(6 * n_init))

    def rate(epoch):
        return 1e8 if next(epochs) % 6 in epochs_of_divergence else 1.0

    model = quick(
        max_iter=3, compression=Compression(rank_u=2), learning_rate=rate, n_init=n_init, n_jobs=1
    )
    with pytest.warns(ConvergenceWarning, match="diverged") as caught:
        model.fit(X, y)
    assert len(caught) == 1


@pytest.mark.parametrize("X_scale", [1e30, 1e150])
def test_input_out_of_all_proportion(X_scale):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = quick(update_activation="relu").fit(X * X_scale, y)
    assert np.isfinite(flat(model)).all()


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_strong_penalty_is_no_divergence():
    """The objective is large because its penalty is; the loss is not."""
    model = quick(alpha=1e5, learning_rate_init=0.01, batch_size=60).fit(X, y)
    assert model.loss_ > 2 * np.log(2)
    assert log_loss(y, model.predict_proba(X)) < 1


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_labels_that_nothing_explains_are_no_divergence():
    """The fit does not warn."""
    rng = np.random.default_rng(0)
    quick(max_iter=30).fit(rng.standard_normal((60, 5, 2)), rng.integers(0, 5, 60))
