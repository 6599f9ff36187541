"""Phases of a training: when weights are thresholded, stay zero, and are rounded."""

from itertools import pairwise

import numpy as np
import pytest
from helpers.compression import Calls, check_supports, kept_groups
from helpers.estimators import quick, sequences
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import Compression
from skfastgrnn.kernels import IDENTITY, active_kernel
from skfastgrnn.network import Network, Optimizer, n_parameters, named_views
from skfastgrnn.training import TrainingState
from skfastgrnn.training._phases import Phases, largest

X, y = sequences(60, n_channels=3)
THIRDS = {"dense_fraction": 1 / 3, "threshold_fraction": 1 / 3}


def test_three_phases(monkeypatch):
    """60 rows are 8 minibatches; each of the second phase's three epochs has 4 parts."""
    calls = Calls(monkeypatch)
    compression = Compression(density_w=0.5, density_u=0.25, threshold_every=2, **THIRDS)
    model = quick(max_iter=9, compression=compression).fit(X, y)
    dense, thresholded, final = calls[:3], calls[3:15], calls[15:]
    assert [call["n_rows"] for call in dense] == [60] * 3
    assert [call["n_rows"] for call in thresholded] == [16, 16, 16, 12] * 3
    assert [call["n_rows"] for call in final] == [60] * 3
    # All weights are trained in the first two phases, from a sparse start after each threshold.
    for call in calls[:15]:
        assert call["trained"] is None
        assert np.all(call["after"]["U"] != 0)
    for call in calls[4:]:
        assert kept_groups(call["before"]["U"]) == 4
        assert kept_groups(call["before"]["W"]) == 6
    # Those that are kept are the largest ones.
    for one, following in pairwise(calls[3:16]):
        kept = following["before"]["U"] != 0
        assert np.abs(one["after"]["U"])[kept].min() >= np.abs(one["after"]["U"])[~kept].max()
        np.testing.assert_array_equal(following["before"]["U"][kept], one["after"]["U"][kept])
    # In the third phase the support stays.
    support = final[0]["before"]["U"] != 0
    for call in final:
        np.testing.assert_array_equal(call["after"]["U"] != 0, support)
        np.testing.assert_array_equal(call["trained"]["U"] != 0, support)
        assert not np.any(call["moments"]["U"][~support])
    np.testing.assert_array_equal(model.params_["U"] != 0, support)


@pytest.mark.parametrize(
    ("compression", "n_dense"),
    [
        (Compression(density_u=0.5), 2),
        (Compression(rank_u=2, density_u=0.5, init="random"), 2),
        (Compression(rank_u=2, density_u=0.5), 0),
        (Compression(rank_w=2, density_u=0.5, dense_fraction=0.3), 3),
    ],
)
def test_factors_have_had_their_dense_phase(compression, n_dense):
    """The first epochs, of ten, which are a fifth unless the factors begin from a dense fit."""
    network = Network(3, 4, 1, rank_w=compression.rank_w, rank_u=compression.rank_u)
    phases = Phases.of(compression, network, 10)
    assert (phases.threshold_from, phases.support_from) == (n_dense, n_dense + 2)


def test_moments_of_dropped_weights_are_dropped():
    network = Network(3, 4, 1)
    parameters = np.random.default_rng(0).standard_normal(n_parameters(network))
    state = TrainingState(
        parameters=parameters,
        initial=parameters.copy(),
        optimizer=Optimizer(np.ones_like(parameters), np.full_like(parameters, 2.0)),
        parametrization=IDENTITY,
        rng=None,
        early_stopping=None,
        history={"loss": []},
    )
    phases = Phases.of(Compression(density_u=0.25), network, 10)
    phases.threshold(state)
    for vector in (state.parameters, state.optimizer.first, state.optimizer.second):
        parts = named_views(phases.network, vector)
        assert np.count_nonzero(parts["U"]) == 4
        assert np.all(parts["W"] != 0)
        assert np.all(parts["head_weight"] != 0)


def test_weights_are_rounded_in_the_last_epochs(monkeypatch):
    calls = Calls(monkeypatch)
    model = quick(max_iter=8, compression=Compression(bits=4, rounded_fraction=0.25)).fit(X, y)
    assert [call["network"].bits for call in calls] == [None] * 6 + [4] * 2
    before, first = calls[5]["after"], calls[6]["before"]
    np.testing.assert_array_equal(first["W"], before["W"])
    # Steps begin from the weights: no better step for a row by 1 % is to be found.
    for row, log_step in zip(first["U"], first["U_log_step"], strict=True):
        tried = np.exp(log_step) * np.linspace(0.3, 1.6, 131)[:, None]
        errors = np.sum((np.clip(np.round(row / tried), -7, 7) * tried - row) ** 2, axis=1)
        step = np.exp(log_step)
        own = np.sum((np.clip(np.round(row / step), -7, 7) * step - row) ** 2)
        assert own <= 1.05 * errors.min() + 1e-12
    assert np.any(calls[6]["after"]["U_log_step"] != first["U_log_step"])
    np.testing.assert_array_equal(model.params_["U_log_step"], calls[7]["after"]["U_log_step"])


@pytest.mark.parametrize(("bits", "n_rounded"), [(8, 1), (4, 3)])
def test_before_rounding_a_fit_is_that_without(bits, n_rounded, monkeypatch):
    """A tenth of ten epochs with 8 bits, a third with 4."""
    settings = {"max_iter": 10, "early_stopping": True, "ema": 0.9, "refit": True}
    calls = Calls(monkeypatch)
    quick(**settings).fit(X, y)
    plain = list(calls)[:10]
    calls.clear()
    quick(compression=Compression(bits=bits), **settings).fit(X, y)
    n_plain = 10 - n_rounded
    assert [call["network"].bits for call in calls[:10]] == [None] * n_plain + [bits] * n_rounded
    for one, other in zip(plain[:n_plain], calls[:n_plain], strict=True):
        for name, expected in one["after"].items():
            np.testing.assert_array_equal(other["after"][name], expected)
            np.testing.assert_array_equal(other["moments"][name], one["moments"][name])


EASY = np.where(y[:, None, None] == 1, 3.0, -3.0) * np.ones_like(X)
UNTIL_LEARNED = {"n_iter_no_change": None, "max_iter": 60, "learning_rate_init": 0.1}


@pytest.mark.parametrize("settings", [{}, {"ema": 0.9}, {"early_stopping": True}])
def test_a_fit_ends_where_rounding_leaves_nothing_to_learn(settings):
    """Its weights are those without `bits` at the same epoch, and have steps."""
    model = quick(compression=Compression(bits=8), **UNTIL_LEARNED, **settings).fit(EASY, y)
    plain = quick(**UNTIL_LEARNED, **settings).fit(EASY, y)
    assert model.loss_curve_ == plain.loss_curve_
    assert model.n_iter_ == model.best_iter_ < 40
    if "early_stopping" not in settings:  # the other fit may keep an earlier epoch
        for name, expected in plain.params_.items():
            np.testing.assert_array_equal(model.params_[name], expected)
    rows, steps = model.params_["U"], np.exp(model.params_["U_log_step"])[:, None]
    assert np.all(np.abs(np.clip(np.round(rows / steps), -127, 127) * steps - rows) <= steps)
    assert model.score(EASY, y) == 1.0


def test_rounding_that_leaves_something_to_learn_is_trained(monkeypatch):
    """As coarse steps of 4 bits do where the loss is just below the bound."""
    calls = Calls(monkeypatch)
    labels = np.random.default_rng(1).integers(0, 2, 60)
    settings = {"n_iter_no_change": None, "max_iter": 300, "learning_rate_init": 0.03}
    model = quick(hidden_size=8, compression=Compression(bits=4, rounded_fraction=0.01), **settings)
    model.fit(X, labels)
    n_rounded = sum(call["network"].bits == 4 for call in calls)
    assert 1 <= n_rounded < model.n_iter_ < 297


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 7])
def test_short_trainings_end_compressed(n_epochs):
    compression = Compression(2, 2, 0.5, 0.5, bits=8, dense_fraction=0.9, threshold_fraction=0.1)
    check_supports(quick(max_iter=n_epochs, compression=compression).fit(X, y))


def test_only_final_epochs_are_judged():
    """Of a network that learns labels by heart, the first epochs have the lowest loss."""
    labels = np.random.default_rng(0).integers(0, 2, 60)
    settings = {"early_stopping": True, "max_iter": 30, "learning_rate_init": 0.1}
    plain = quick(**settings).fit(X, labels)
    assert plain.best_iter_ < 10
    for compression, first in (
        (Compression(density_u=0.5, **THIRDS), 21),
        (Compression(bits=8), 28),
        (Compression(bits=4), 21),
        (Compression(density_u=0.5, bits=8, rounded_fraction=0.1), 28),
    ):
        model = quick(compression=compression, **settings).fit(X, labels)
        losses = model.validation_loss_curve_
        assert min(losses[: first - 1]) < min(losses[first - 1 :])
        assert model.best_iter_ == first + np.argmin(losses[first - 1 :])
        assert model.best_loss_ == min(losses[first - 1 :])


def test_patience_begins_with_the_first_final_epoch():
    labels = np.random.default_rng(0).integers(0, 2, 60)
    model = quick(
        compression=Compression(density_u=0.5, **THIRDS),
        early_stopping=True,
        n_iter_no_change=3,
        max_iter=30,
        learning_rate_init=0.1,
    ).fit(X, labels)
    assert 20 + 3 <= model.n_iter_ < 30
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        quick(
            compression=Compression(density_u=0.5, dense_fraction=0.5, threshold_fraction=0.5),
            n_iter_no_change=3,
            max_iter=6,
        ).fit(X, y)


@pytest.mark.parametrize(
    ("compression", "n_phases"),
    [
        (Compression(bits=8), 1),
        (Compression(density_u=0.5), 3),
        (Compression(density_u=0.5, bits=8), 3),
    ],
)
def test_a_phase_ends_where_nothing_is_left_to_learn(compression, n_phases):
    """Each has an epoch at least, that of rounded weights only where they can still learn."""
    dense = quick(**UNTIL_LEARNED).fit(EASY, y)
    model = quick(compression=compression, **UNTIL_LEARNED).fit(EASY, y)
    assert dense.n_iter_ + n_phases - 1 <= model.n_iter_ < 40
    if compression.density_u is not None:
        check_supports(model)


def test_without_validation_the_last_epoch_or_the_best_final_one_is_kept():
    """A training that gets worse at the end."""
    rates = {**dict.fromkeys(range(8), 1.0), 8: 60.0}
    model = quick(
        compression=Compression(density_u=0.5),
        max_iter=9,
        learning_rate=rates.__getitem__,
        learning_rate_init=0.01,
    ).fit(X, y)
    assert model.best_iter_ == 7  # whose loss the eighth epoch has seen
    check_supports(model)


@pytest.mark.parametrize("at", [1, 2, 5, 8])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupted_fit_is_compressed(at, early_stopping, monkeypatch):
    """In each phase; the dense start is a training of 9 epochs, too."""
    kernel = active_kernel()
    original, calls = kernel.train_epoch, []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 9 + at:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(kernel, "train_epoch", interrupted)
    compression = Compression(2, 2, 0.5, 0.5, bits=8, threshold_every=100)
    model = quick(max_iter=9, compression=compression, early_stopping=early_stopping)
    with pytest.warns(UserWarning, match="interrupted") as caught:
        model.fit(X, y)
    assert len(caught) == 1
    check_supports(model)
    assert model.n_iter_ == at - 1
    assert np.isfinite(model.predict_proba(X)).all()


def test_factors_far_from_the_dense_fit_have_not_diverged(monkeypatch):
    """The best ones of a low rank begin above the loss that only a diverged training has."""
    kernel, digits, labels = active_kernel(), *load_digits(return_X_y=True)
    digits, labels = digits[:400].reshape(-1, 8, 8) / 16, labels[:400]
    n_dense = FastGRNNClassifier(8, random_state=0).fit(digits, labels).n_iter_
    original, calls = kernel.train_epoch, []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == n_dense + 2:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(kernel, "train_epoch", interrupted)
    compression = Compression(rank_w=3, rank_u=3)
    model = FastGRNNClassifier(8, compression=compression, random_state=0)
    with pytest.warns(UserWarning, match="interrupted") as caught:
        model.fit(digits, labels)
    assert len(caught) == 1
    assert model.loss_ > 2 * np.log(10)  # what the threshold is otherwise
    assert model.best_iter_ == model.n_iter_ == 1


def test_an_interrupted_dense_start_ends_the_fit(monkeypatch):
    kernel = active_kernel()
    original, calls = kernel.train_epoch, []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(kernel, "train_epoch", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model = quick(compression=Compression(2, 2, 0.5, bits=4)).fit(X, y)
    assert len(calls) == 3
    assert model.n_iter_ == model.best_iter_ == 0
    check_supports(model)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("from_epoch", [0, 4, 8])
def test_a_diverged_fit_is_compressed(from_epoch):
    compression = Compression(density_u=0.5, bits=8)
    model = quick(
        max_iter=9,
        compression=compression,
        clip_norm=None,
        learning_rate_init=1.0,
        learning_rate=lambda epoch: 0.01 if epoch < from_epoch else 1e200,
    )
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y)
    check_supports(model)
    assert np.isfinite(model.predict_proba(X)).all()


def test_refit_has_the_same_phases():
    """Supports of both runs are final from the same epoch on, whatever the best one was."""
    labels = np.random.default_rng(0).integers(0, 2, 60)
    settings = {"early_stopping": True, "max_iter": 12, "learning_rate_init": 0.1, "refit": True}
    model = quick(compression=Compression(2, 2, 0.5, 0.5, bits=8), **settings).fit(X, labels)
    assert 9 <= model.best_iter_ <= 12
    check_supports(model)
    assert len(model.loss_curve_) == 12


def test_frozen_parameters_stay_and_dropped_ones_are_zero():
    settings = {"compression": Compression(density_w=0.5), "max_iter": 6}
    start = quick(max_iter=1, learning_rate_init=1e-300).fit(X, y)
    model = quick(frozen=["W", "bias_gate"], **settings).fit(X, y)
    kept = model.params_["W"] != 0
    np.testing.assert_array_equal(model.params_["W"][kept], start.params_["W"][kept])
    np.testing.assert_array_equal(kept, largest(start.params_["W"], 0.5))
    np.testing.assert_allclose(model.params_["bias_gate"], start.params_["bias_gate"], atol=1e-200)
    assert np.any(model.params_["U"] != start.params_["U"])


def test_frozen_factors_stay_where_the_dense_fit_has_put_them():
    compression = Compression(rank_u=2)
    started = quick(compression=compression, learning_rate_init=1e-300, max_iter=3).fit(X, y)
    frozen = quick(compression=compression, frozen="U1", max_iter=3, learning_rate_init=1e-300)
    np.testing.assert_array_equal(frozen.fit(X, y).params_["U1"], started.params_["U1"])
    frozen.set_params(learning_rate_init=0.03)
    assert frozen.fit(X, y).params_["U1"].shape == (4, 2)
    with pytest.raises(ValueError, match=r"frozen names \['U'\], which this network does not have"):
        frozen.set_params(frozen="U").fit(X, y)


# Hard thresholding.


def test_the_largest_entries():
    matrix = np.array([[3.0, -1.0, 0.5], [-2.0, 1.0, 4.0]])
    np.testing.assert_array_equal(largest(matrix, 0.5), np.abs(matrix) >= 2)
    # The first of equals.
    np.testing.assert_array_equal(largest(matrix, 4 / 6), [[1, 1, 0], [1, 0, 1]])
    np.testing.assert_array_equal(largest(np.zeros((2, 2)), 0.01), [[1, 0], [0, 0]])


def test_the_largest_groups():
    """Groups do not reach into the next row; the last of a row is smaller."""
    matrix = np.array([[1.0, 1.0, 1.2], [2.0, 0.0, 0.0], [0.0, 1.5, 1.0]])
    expected = [[0, 0, 0], [1, 1, 0], [1, 1, 0]]  # of 2, 1.44, 4, 0, 2.25, 1
    np.testing.assert_array_equal(largest(matrix, 2 / 6, block_size=2), expected)
    np.testing.assert_array_equal(largest(matrix, 1 / 3, block_size=5), [[0] * 3, [1] * 3, [0] * 3])
